package stored

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// draw sets each field of a value, or leaves it out, so that none is forgotten.
func draw(t *rapid.T, v reflect.Value, deep int) {
	if rapid.IntRange(0, 2).Draw(t, "is left out") == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"a", "正常", `"\`, "\x01\n", "\xff", "\u2028", "<&>", "\x7f", `card.bike["1"]`}).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int64:
		v.SetInt(rapid.Int64Range(0, 100).Draw(t, "number"))
	case reflect.Uint8:
		v.SetUint(rapid.Uint64Range(0, 3).Draw(t, "number"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "number"))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": "c", "a": rapid.SampledFrom([]string{"", "正常"}).Draw(t, "value")}))
	case reflect.Slice:
		n := rapid.IntRange(0, 2).Draw(t, "elements")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			draw(t, v.Index(i), deep+1)
		}
	case reflect.Pointer:
		if deep < 4 {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem(), deep+1)
		}
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = rapid.SampledFrom([]time.Time{
				time.Date(2026, 11, 29, 7, 0, 0, 120, time.UTC), time.Date(2026, 11, 29, 7, 0, 0, 0, time.FixedZone("", 3600)),
				time.Date(2026, 11, 29, 7, 0, 0, 5e8, time.Local), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
			}).Draw(t, "time")
			return
		}
		for i := range v.NumField() {
			draw(t, v.Field(i), deep+1)
		}
	default:
		t.Fatalf("a %s is new in a record", v.Type())
	}
}

func TestRecordsAreWrittenAsByJSON(t *testing.T) {
	w := recordWriter{lines.NewWriter()}
	rapid.Check(t, func(t *rapid.T) {
		records := make([]state.Record, rapid.IntRange(0, 3).Draw(t, "records"))
		for i := range records {
			draw(t, reflect.ValueOf(&records[i]).Elem(), 0)
			if rapid.IntRange(0, 2).Draw(t, "as most are") > 0 {
				records[i].Commit, records[i].Run = nil, nil
			}
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(records))
		got, err := w.list(records)
		require.NoError(t, err)
		require.Equal(t, want.String(), string(got)+"\n")
	})
}

func TestARecordThatJSONCantWriteIsAnError(t *testing.T) {
	w := recordWriter{lines.NewWriter()}
	_, err := w.list([]state.Record{{At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}})
	require.Error(t, err)
	_, err = w.list([]state.Record{{}})
	require.NoError(t, err)
}
