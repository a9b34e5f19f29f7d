package postgres

import (
	"testing"

	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// FuzzHolderOf: whoever may write to the database can put anything there.
func FuzzHolderOf(f *testing.F) {
	for _, s := range []string{"", "null", "[]", `{"ID":1}`, `{"ID":"0c1f","Who":"a@b","Created":"2026-11-21T20:00:00Z"}`, `{"Who":"\u001b[2J\n::x","Operation":"\u202e"}`, `{"Created":""}`, "{", "\x00\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		holder, err := holderOf(text)
		if err != nil && holder != (state.LockInfo{}) {
			t.Errorf("%q is refused, and names %+v", text, holder)
		}
		if said := (&state.LockedError{Holder: holder}).Error(); said != safe.Text(said) {
			t.Errorf("a terminal obeys %q", said)
		}
	})
}
