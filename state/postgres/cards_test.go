package postgres

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// TestEveryFieldOfACardCounts changes one field after the other, however deep.
func TestEveryFieldOfACardCounts(t *testing.T) {
	full := func() *state.Card {
		var c state.Card
		fill(reflect.ValueOf(&c).Elem())
		return &c
	}
	require.True(t, equal(full(), full()))
	n := 0
	c := full()
	leaves(reflect.ValueOf(c).Elem(), "Card", func(v reflect.Value, path string) {
		n++
		old := reflect.ValueOf(v.Interface())
		bump(v)
		require.False(t, equal(c, full()), path)
		v.Set(old)
	})
	require.Greater(t, n, 20)
	for _, short := range []func(c *state.Card){
		func(c *state.Card) { c.Recent = nil }, func(c *state.Card) { c.Doubts = nil }, func(c *state.Card) { c.Last.Packages = nil },
	} {
		c := full()
		short(c)
		require.False(t, equal(c, full()))
	}
}

func leaves(v reflect.Value, path string, visit func(v reflect.Value, path string)) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		visit(v, path)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case v.Kind() == reflect.Slice:
		leaves(v.Index(0), path+"[0]", visit)
	default:
		visit(v, path)
	}
}

// fill gives every list one element.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() != reflect.TypeFor[time.Time]() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	}
}

func bump(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(1)))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanFloat():
		v.SetFloat(v.Float() + 1)
	default:
		panic("a kind of field that the test doesn't know: " + v.Type().String())
	}
}

// TestADifferenceAppliedGivesTheNewCards holds for any two lists.
func TestADifferenceAppliedGivesTheNewCards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) map[int]string {
			return rapid.MapOf(rapid.IntRange(0, 12), rapid.SampledFrom([]string{"a", "b"})).Draw(t, label)
		}
		before, after := listOf(draw("before")), listOf(draw("after"))
		d, err := differenceOf(before, after)
		require.NoError(t, err)
		byID := map[spec.CardID]state.Card{}
		for _, c := range before {
			byID[c.ID()] = c
		}
		for _, c := range d.drop {
			delete(byID, c.ID())
		}
		for _, c := range d.put {
			require.NotEqual(t, byID[c.ID()], *c, "a card is written that is as it was")
			byID[c.ID()] = *c
		}
		require.Len(t, byID, len(after))
		for _, c := range after {
			require.Equal(t, c, byID[c.ID()])
		}
		require.ElementsMatch(t, after, d.applied(before, after))
	})
}

func listOf(cards map[int]string) []state.Card {
	var out []state.Card
	for n := range 13 {
		if status, ok := cards[n]; ok {
			out = append(out, statetest.Card(n, status))
		}
	}
	return out
}
