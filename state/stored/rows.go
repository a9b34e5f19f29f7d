package stored

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// File is a snapshot file, as it is stored, from which cards are read one after
// the other. It holds no more than the file: some 15 bytes a card.
type File struct {
	Head Header
	text []byte // decrypted
	sum  bool   // the file's checksum fits
}

// Open opens what Encode wrote. The file's cards are looked at by [File.Rows].
func (c Codec) Open(text []byte) (*File, error) {
	in := bufio.NewReader(bytes.NewReader(text))
	if state.IsSealed(in) || c.Enforced() {
		open, err := c.open(in)
		if err != nil {
			return nil, err
		}
		if text, err = io.ReadAll(open); err != nil {
			return nil, err
		}
	}
	f := &File{text: text}
	var err error
	f.Head, err = DecodeHeader(bytes.NewReader(text), "")
	return f, err
}

// Rows are the snapshot's cards with the records of the journal behind it, as
// [Replay] replays them. Whatever isn't as this program writes it is
// [state.ErrTangled]. It ends with ctx.
func (f *File) Rows(ctx context.Context, records []state.Record) (*state.Rows, error) {
	before := &state.Snapshot{Lineage: f.Head.Lineage, Serial: f.Head.Serial, Fleet: f.Head.Fleet}
	if len(records) == 0 {
		return &state.Rows{Head: before, Each: func(visit func(*state.Card) error) error { return f.each(ctx, visit) }}, nil
	}
	if slices.ContainsFunc(records, func(r state.Record) bool { return r.Commit != nil && r.Commit.Edits.Doubled != nil }) {
		return nil, state.ErrTangled
	}
	touched := touchedBy(records)
	err := f.each(ctx, func(c *state.Card) error {
		if touched[c.ICCID] {
			before.Cards = append(before.Cards, *c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	after, err := replayBeside(before, f.Head.Cards-len(before.Cards), records)
	if err != nil || len(after.Doubled) > 0 {
		return nil, state.ErrTangled
	}
	changed := after.Cards
	after.Cards = nil
	return &state.Rows{Head: after, Each: func(visit func(*state.Card) error) error {
		return f.eachWith(ctx, changed, touched, visit)
	}}, nil
}

// touchedBy are the cards that records name.
func touchedBy(records []state.Record) map[spec.ICCID]bool {
	touched := map[spec.ICCID]bool{}
	for i := range records {
		r := &records[i]
		if r.Type == state.CommitRecord && r.Commit != nil {
			e := &r.Commit.Edits
			for j := range e.Put {
				touched[e.Put[j].ICCID] = true
			}
			for _, id := range e.Drop {
				touched[id.ICCID] = true
			}
			continue
		}
		touched[r.ID().ICCID] = true
	}
	return touched
}

// eachWith is each with changed, which are by ICCID, in the place of the touched cards.
func (f *File) eachWith(ctx context.Context, changed []state.Card, touched map[spec.ICCID]bool, visit func(*state.Card) error) error {
	err := f.each(ctx, func(c *state.Card) error {
		for len(changed) > 0 && changed[0].ICCID <= c.ICCID {
			if err := visit(&changed[0]); err != nil {
				return err
			}
			changed = changed[1:]
		}
		if touched[c.ICCID] {
			return nil
		}
		return visit(c)
	})
	for ; err == nil && len(changed) > 0; changed = changed[1:] {
		err = visit(&changed[0])
	}
	return err
}

// betweenLooks is how many cards are read before the next look whether to go on.
const betweenLooks = 4096

// each visits the file's cards.
func (f *File) each(ctx context.Context, visit func(*state.Card) error) error {
	d, err := newDecoder(bytes.NewReader(f.text))
	if err != nil {
		return state.ErrTangled
	}
	defer d.close()
	d.summed = f.sum
	if _, err := d.header(); err != nil {
		return state.ErrTangled
	}
	last := spec.ICCID("")
	for n := 0; ; n++ {
		if n%betweenLooks == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := d.next()
		if err != nil {
			return state.ErrTangled
		}
		if bytes.HasPrefix(line, endPrefix) {
			return f.end(d, line, n)
		}
		d.add(line)
		c := &d.one
		*c = state.Card{}
		if d.decode(line, c) != nil || state.CheckID(c.ID()) != nil || cmp.Compare(last, c.ICCID) >= 0 {
			return state.ErrTangled
		}
		last = c.ICCID
		if err := visit(upgraded(c, f.Head.Version)); err != nil {
			return err
		}
	}
}

func (f *File) end(d *decoder, line []byte, cards int) error {
	if d.end(line, f.Head, cards) != nil {
		return state.ErrTangled
	}
	f.sum = true
	return nil
}
