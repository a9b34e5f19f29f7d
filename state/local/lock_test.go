package local

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

func FuzzHolder(f *testing.F) {
	for _, s := range []string{"", "null", "[]", `"x"`, `{"ID":1}`, `{"ID":"0c1f","Who":"a@b","Created":"2026-11-21T20:00:00Z"}`, `{"ID":"\u001b[2J","Created":"x"}`, "{", "\x00\xff"} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "fleet.state")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path+".lockinfo", text, 0o600); err != nil {
			t.Fatal(err)
		}
		b := &Backend{path: path}
		holder := b.holder()
		if !json.Valid(text) && holder != (state.LockInfo{}) {
			t.Errorf("%q is no JSON, and names %+v", text, holder)
		}
		said := (&state.LockedError{Holder: holder}).Error()
		if said != safe.Text(said) {
			t.Errorf("a terminal obeys %q", said)
		}
	})
}
