package state_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
	require.True(t, full().Equal(full()))
	n := 0
	c := full()
	leaves(reflect.ValueOf(c).Elem(), "Card", func(v reflect.Value, path string) {
		n++
		old := reflect.ValueOf(v.Interface())
		bump(v)
		require.False(t, c.Equal(full()), path)
		v.Set(old)
	})
	require.Greater(t, n, 20)
	for _, short := range []func(c *state.Card){
		func(c *state.Card) { c.Recent = nil }, func(c *state.Card) { c.Doubts = nil }, func(c *state.Card) { c.Last.Packages = nil },
	} {
		c := full()
		short(c)
		require.False(t, c.Equal(full()))
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
	case v.Kind() == reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
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

// TestADifferenceMadeGivesTheNewCards holds for any two lists.
func TestADifferenceMadeGivesTheNewCards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := statetest.DrawSnapshot(t), statetest.DrawSnapshot(t)
		e := state.Difference(before, after)
		require.NoError(t, e.Check())
		for i := range e.Put {
			if old := before.Card(e.Put[i].ICCID); old != nil {
				require.False(t, old.Equal(&e.Put[i]), "a card is written that is as it was")
			}
		}
		next := e.Next(before, after.Lineage)
		requireSame(t, after, next)
		require.Equal(t, before.Serial+1, next.Serial)
		require.Equal(t, len(after.Rows()), e.Count(before))
		inPlace := statetest.Clone(before)
		e.Onto(inPlace)
		requireSame(t, after, inPlace)
	})
}

func TestEditsAfterEditsAreBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, first, second := statetest.DrawSnapshot(t), statetest.DrawEdits(t), statetest.DrawEdits(t)
		want := second.Next(first.Next(s, ""), "")
		both := first.Then(second)
		require.NoError(t, both.Check())
		requireSame(t, want, both.Next(s, ""))
		for i := range want.Cards {
			card, named := both.Card(want.Cards[i].ICCID)
			require.True(t, !named || card.Equal(&want.Cards[i]))
		}
	})
}

func requireSame(t require.TestingT, want, got *state.Snapshot) {
	require.Empty(t, cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(state.Snapshot{}, "Lineage", "Serial")))
}

func TestEditsThatNothingCouldReadBackAreRefused(t *testing.T) {
	elsewhere := spec.CardID{Provider: "xuyu", ICCID: bike.ICCID}
	later := spec.CardID{Provider: "aliyun", ICCID: "89860617030017300391"}
	rows := func(cards ...state.Card) *[]state.Card { return &cards }
	for want, e := range map[string]state.Edits{
		"card 89860617030017300390 is listed twice, of aliyun and of xuyu":                      {Put: []state.Card{cardOf(bike, ""), cardOf(elsewhere, "")}},
		"card 89860617030017300390 of aliyun stands behind card 89860617030017300391 of aliyun": {Put: []state.Card{cardOf(later, ""), cardOf(bike, "")}},
		"stands alone among the cards with several rows":                                        {Doubled: rows(cardOf(bike, ""))},
		"stands out of order among the cards with several rows, or twice":                       {Doubled: rows(cardOf(elsewhere, ""), cardOf(bike, ""))},
		"is put or dropped, and kept at several provider blocks at once":                        {Drop: []spec.CardID{bike}, Doubled: rows(cardOf(bike, ""), cardOf(elsewhere, ""))},
		"card 89860617030017300390 of aliyun is dropped out of order, or twice":                 {Drop: []spec.CardID{bike, bike}},
		"card 89860617030017300390 of aliyun is put and dropped at once":                        {Put: []state.Card{cardOf(bike, "")}, Drop: []spec.CardID{bike}},
		"a card of aliyun has no proper ICCID":                                                  {Put: []state.Card{cardOf(spec.CardID{Provider: "aliyun", ICCID: "8986"}, "")}},
		"card 89860617030017300390 has no provider":                                             {Drop: []spec.CardID{{ICCID: bike.ICCID}}},
	} {
		require.ErrorContains(t, e.Check(), want)
	}
}
