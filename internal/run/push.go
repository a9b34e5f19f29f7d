package run

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// PulledVersion is the format of a state as JSON, which [WritePulled] writes.
const PulledVersion = "1.0"

// Pulled is a state that was taken out of its backend: what [WritePulled]
// wrote, or a state file.
type Pulled struct {
	FormatVersion string       `json:"format_version"`
	Lineage       string       `json:"lineage"`
	Serial        uint64       `json:"serial"`
	Digest        string       `json:"digest"` // of the state that was pulled; "" for a state file
	Cards         []state.Card `json:"cards"`  // rows, as [state.Snapshot.Rows] has them
	// Fleet is what is remembered of the fleet as a whole. Nil leaves it as it is
	// where the state is pushed: an older program's JSON doesn't have it.
	Fleet *state.Fleet `json:"fleet,omitempty"`
}

// WritePulled writes a state as JSON, for people and for [Store.Push].
func WritePulled(w io.Writer, snap *state.Snapshot) error {
	cards := snap.Rows()
	if cards == nil {
		cards = []state.Card{}
	}
	digest, err := stored.Digest(snap)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	pulled := map[string]any{
		"format_version": PulledVersion, "lineage": snap.Lineage, "serial": snap.Serial, "digest": digest, "cards": cards,
	}
	if !snap.Fleet.Equal(&state.Fleet{}) {
		pulled["fleet"] = snap.Fleet
	}
	return enc.Encode(pulled)
}

// ReadPulled reads what [WritePulled] wrote, or a state file. name is what
// errors call it; keys is asked only where it is encrypted.
func ReadPulled(r io.Reader, name string, keys func() (state.Sealer, error)) (*Pulled, error) {
	buf := bufio.NewReader(r)
	if start, _ := buf.Peek(2); bytes.Equal(start, []byte("{\n")) { // a state file's first line is longer
		return decodePulled(buf, name)
	}
	var codec stored.Codec
	if state.IsSealed(buf) {
		sealer, err := keys()
		if err != nil {
			return nil, err
		}
		codec.Sealer = sealer
	}
	snap, err := codec.Decode(buf, name)
	if err != nil {
		return nil, err
	}
	return &Pulled{FormatVersion: PulledVersion, Lineage: snap.Lineage, Serial: snap.Serial, Cards: snap.Rows(), Fleet: &snap.Fleet}, nil
}

func decodePulled(r io.Reader, name string) (*Pulled, error) {
	p := &Pulled{}
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields() // what isn't understood would be lost
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("read the state %s: %w", name, err)
	}
	if p.FormatVersion != PulledVersion {
		return nil, &Refusal{Reason: OtherFormat, Name: name, Format: p.FormatVersion}
	}
	if dec.More() {
		return nil, fmt.Errorf("read the state %s: something follows it", name)
	}
	return p, nil
}

// Push replaces the state by one that was pulled. That has to be of the same
// lineage, and made from the state as it is now, unless force is given: then
// it replaces any state, which keeps its own lineage. What it returns is the
// state as it was committed; nil where it wasn't.
func (s Store) Push(ctx context.Context, pulled *Pulled, force bool) (*state.Snapshot, error) {
	var pushed *state.Snapshot
	committed, err := s.change(ctx, "state push", func(next *state.Snapshot, r *state.Run) ([]*state.Event, error) {
		if err := pulled.fits(next, force); err != nil {
			return nil, err
		}
		r.Detail = fmt.Sprintf("put a state of serial %d and %d cards in the place of serial %d with %d", pulled.Serial, len(pulled.Cards), next.Serial, len(next.Cards))
		if force {
			r.Operation += " -force"
		}
		if next.Lineage == "" {
			next.Lineage = pulled.Lineage
		}
		next.Cards, next.Doubled = state.Undouble(pulled.Cards)
		if pulled.Fleet != nil {
			next.Fleet = *pulled.Fleet
		}
		pushed = next
		return nil, nil
	})
	if !committed {
		return nil, err
	}
	return pushed, err
}

// fits refuses a state that would undo what it doesn't know of.
func (p *Pulled) fits(now *state.Snapshot, force bool) error {
	if force || now.Lineage == "" && len(now.Cards) == 0 {
		return nil
	}
	given := Identity{Lineage: p.Lineage, Serial: p.Serial, Cards: len(p.Cards), Digest: p.Digest}
	found := identityOf(now)
	switch {
	case p.Lineage != now.Lineage:
		return &Refusal{Reason: OtherLineage, Given: given, Found: found}
	case p.Serial < now.Serial:
		return &Refusal{Reason: OlderState, Given: given, Found: found}
	}
	digest, err := stored.Digest(now)
	if err != nil {
		return err
	}
	if p.Serial == now.Serial && p.Digest != digest {
		return &Refusal{Reason: ChangedState, Given: given, Found: found}
	}
	return nil
}
