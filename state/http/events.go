package http

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// What was done to cards is in the document too: in the journal until a commit,
// which puts it into the history within the document. So each write sends all of
// it, as the protocol has it: about 25 bytes an action once it is compressed.

func (b *Backend) chronicle(store stored.Segments) *stored.Chronicle {
	return &stored.Chronicle{
		Codec: b.codec, Store: store, Now: b.env.Now, Keep: b.env.KeepHistory,
		Name: func(segment string) string { return segment + " in " + b.place() },
	}
}

// takenOver is the document's history with what its journal adds.
func (b *Backend) takenOver(ctx context.Context, d *document) ([]byte, error) {
	if len(d.journal) == 0 {
		return d.history, nil
	}
	store, err := segmentsOf(d.history)
	if err != nil {
		return nil, err
	}
	var began stored.Beginning
	err = d.withJournal(func(r io.Reader) (err error) {
		began, err = b.codec.JournalBeginning(r, b.place(), d.lineage)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = b.chronicle(store).Take(ctx, began, func(visit func(*state.Entry) error) error {
		return d.withJournal(func(r io.Reader) error {
			_, err := b.codec.JournalEntries(r, b.place(), stored.Committed(d.lineage), state.EventQuery{}, visit)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return store.encode(), nil
}

// Events implements [state.Chronicler].
func (b *Backend) Events(ctx context.Context, q state.EventQuery, visit func(*state.Entry) error) error {
	d, err := b.get(ctx)
	if err != nil {
		return err
	}
	store, err := segmentsOf(d.history)
	if err != nil {
		return fmt.Errorf("read the history in %s: %w", b.place(), err)
	}
	opened, err := b.chronicle(store).Open(ctx)
	if err != nil {
		return err
	}
	if err := opened.Each(q, visit); err != nil {
		return err
	}
	return d.withJournal(func(r io.Reader) error {
		_, err := b.codec.JournalEntries(r, b.place(), stored.Header{Lineage: d.lineage, Serial: d.serial}, q, visit)
		return err
	})
}

// withJournal unpacks the journal, where there is one.
func (d *document) withJournal(read func(r io.Reader) error) error {
	if len(d.journal) == 0 {
		return nil
	}
	z, err := zstd.NewReader(bytes.NewReader(d.journal), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(largestWindow))
	if err != nil {
		return err
	}
	defer z.Close()
	return read(&bounded{from: z, left: max(leastBound, mostUnpacked*int64(len(d.journal)))})
}

// segmentList is the history as the document has it: of each segment its name and
// its text, each behind its length as a varint.
type segmentList struct{ list []namedSegment }

type namedSegment struct {
	name string
	text []byte
}

var errHistory = errors.New("the history in the document is damaged: restore a version that the server keeps")

func segmentsOf(history []byte) (*segmentList, error) {
	s := &segmentList{}
	for len(history) > 0 {
		name, rest, ok := cutPart(history)
		if !ok {
			return nil, errHistory
		}
		text, rest, ok := cutPart(rest)
		if !ok {
			return nil, errHistory
		}
		s.list, history = append(s.list, namedSegment{string(name), text}), rest
	}
	return s, nil
}

func cutPart(text []byte) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(text)
	if size <= 0 || n > uint64(len(text)-size) {
		return nil, nil, false
	}
	return text[size : size+int(n)], text[size+int(n):], true //nolint:gosec // n is no more than a length
}

func (s *segmentList) encode() []byte {
	var out []byte
	for _, segment := range s.list {
		for _, part := range [][]byte{[]byte(segment.name), segment.text} {
			out = append(binary.AppendUvarint(out, uint64(len(part))), part...)
		}
	}
	return out
}

func (s *segmentList) at(name string) int {
	return slices.IndexFunc(s.list, func(n namedSegment) bool { return n.name == name })
}

// List implements [stored.Segments].
func (s *segmentList) List(context.Context) ([]string, error) {
	names := make([]string, len(s.list))
	for i := range s.list {
		names[i] = s.list[i].name
	}
	return names, nil
}

// Get implements [stored.Segments].
func (s *segmentList) Get(_ context.Context, name string) ([]byte, error) {
	if i := s.at(name); i >= 0 {
		return s.list[i].text, nil
	}
	return nil, fs.ErrNotExist
}

// Put implements [stored.Segments].
func (s *segmentList) Put(_ context.Context, name string, text []byte) error {
	if i := s.at(name); i >= 0 {
		s.list[i].text = bytes.Clone(text)
	} else {
		s.list = append(s.list, namedSegment{name, bytes.Clone(text)})
	}
	return nil
}

// Remove implements [stored.Segments].
func (s *segmentList) Remove(_ context.Context, names []string) error {
	s.list = slices.DeleteFunc(s.list, func(n namedSegment) bool { return slices.Contains(names, n.name) })
	return nil
}

var _ state.Chronicler = (*Backend)(nil)
