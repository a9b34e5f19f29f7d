package http

import (
	"bytes"
	"encoding/json"
	nethttp "net/http"
	"testing"

	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

func FuzzHeldBy(f *testing.F) {
	for _, s := range []string{"", "null", "[]", `{"ID":1}`, `{"ID":"0c1f","Who":"a@b","Created":"2026-11-21T20:00:00Z"}`, `{"message":"\u001b[2J","Who":"\n::x"}`, `{"error":"\u202e"}`, `{"ID":"a","Created":""}`, `{"id":"a","Who":7,"Created":null}`, "{", "\x00\xff"} {
		f.Add(nethttp.StatusLocked, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, reply []byte) {
		failed := &failure{what: "lock", place: "the state", status: status, reply: reply}
		holder, held := heldBy(failed)
		if held != (status == nethttp.StatusLocked || status == nethttp.StatusConflict) {
			t.Errorf("status %d is held: %v", status, held)
		}
		if (!held || !json.Valid(reply)) && holder != (state.LockInfo{}) {
			t.Errorf("%d %q names %+v", status, reply, holder)
		}
		if doc := (&heldError{state.LockedError{Holder: holder}, reply}).documentOf("a"); holder.ID == "a" && !bytes.Equal(doc, reply) {
			t.Errorf("%q goes back as %q", reply, doc)
		}
		for _, said := range []string{(&state.LockedError{Holder: holder}).Error(), failed.said()} {
			if said != safe.Text(said) {
				t.Errorf("a terminal obeys %q", said)
			}
		}
	})
}
