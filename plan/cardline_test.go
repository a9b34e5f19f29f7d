package plan

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// fill sets each field of a value, so that no field of a type is forgotten.
func fill(t *rapid.T, v reflect.Value) {
	if rapid.IntRange(0, 2).Draw(t, "is left out") == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"a", "正常", `"\`, "\x01\n", "\xff", "\u2028", "<&>", "\x7f", "\ufffd", `card.bike["1"]`}).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8:
		v.SetInt(rapid.Int64Range(-2, 100).Draw(t, "number"))
	case reflect.Uint8:
		v.SetUint(rapid.Uint64Range(0, 3).Draw(t, "number"))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{}))
		for range rapid.IntRange(0, 3).Draw(t, "pairs") {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, k)
			fill(t, e)
			v.SetMapIndex(k, e)
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 2).Draw(t, "elements")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(rapid.SampledFrom([]time.Time{
				time.Date(2026, 11, 29, 7, 0, 0, 120, time.UTC), time.Date(2026, 11, 29, 7, 0, 0, 0, time.FixedZone("", 3600)), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
			}).Draw(t, "time")))
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("a %s is new in a saved plan", v.Type())
	}
}

func TestACardsLineIsWrittenAsByJSON(t *testing.T) {
	w := newLineWriter()
	rapid.Check(t, func(t *rapid.T) {
		var c Card
		fill(t, reflect.ValueOf(&c).Elem())
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(fileLine{Card: &c}))
		got, err := w.card(&c)
		require.NoError(t, err)
		require.Equal(t, want.String(), string(got))
	})
}

func TestACardThatJSONCantWriteIsAnError(t *testing.T) {
	_, err := newLineWriter().card(&Card{Since: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.Error(t, err)
	_, err = newLineWriter().card(&Card{Memory: state.Card{Provider: "x", Binding: state.Binding{Unconfirmed: 99}}})
	require.Error(t, err)
	_, err = newLineWriter().card(&Card{Actions: []Action{{Change: spec.Change{Kind: spec.Stop}}}})
	require.NoError(t, err)
}

func TestATextIsWrittenAsByJSONWhateverStandsWhere(t *testing.T) {
	w := newLineWriter()
	for at := range 17 {
		for b := range 256 {
			s := []byte("an address of 17.")
			s[at] = byte(b)
			var want bytes.Buffer
			enc := json.NewEncoder(&want)
			enc.SetEscapeHTML(false)
			require.NoError(t, enc.Encode(string(s)))
			w.B = w.B[:0]
			w.Text(string(s))
			require.Equal(t, want.String(), string(w.B)+"\n", "%q", s)
		}
	}
}
