package s3

import (
	"bytes"
	"testing"

	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// FuzzLockOf: whoever may write to the bucket can put anything there.
func FuzzLockOf(f *testing.F) {
	for _, s := range []string{"", "null", "[]", `{"ID":1}`, `{"ID":"0c1f","Who":"a@b","Created":"2026-11-21T20:00:00Z","Expires":"2026-11-21T20:01:00Z"}`, `{"ID":"a","Who":"\u001b[2J\n::x","Operation":"\u202e"}`, `{"ID":"a","Expires":""}`, "{", "\x00\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		held, err := lockOf(bytes.NewReader(text))
		switch {
		case err != nil && held != (lockFile{}):
			t.Errorf("%q is refused, and names %+v", text, held)
		case err == nil && held.ID == "":
			t.Errorf("%q is a lock that nobody could remove", text)
		}
		if said := (&state.LockedError{Holder: held.LockInfo}).Error(); said != safe.Text(said) {
			t.Errorf("a terminal obeys %q", said)
		}
	})
}
