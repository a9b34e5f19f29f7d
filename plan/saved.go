package plan

import (
	"bytes"
	"io"
	"time"

	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/state/lines"
)

// File is a saved plan that is read card by card, each time that it is looked at.
// It keeps the file as it is stored: some 50 bytes a card with a change.
type File struct {
	head   *Plan
	digest string
	text   pieces
	cards  int
	guard  *guard      // judges the cards anew, see [File.Review]; nil for a plan that is shown as it was saved
	saved  *savedCards // for [KeepFile]; nil where they are taken in then
}

// Open reads a saved plan as [Read] does, with all its checks, and keeps none of
// its cards.
func Open(r io.Reader) (*File, error) {
	return (&File{}).open(r, func(*Card) {})
}

// OpenToKeep is Open for [KeepFile], and takes in meanwhile what that needs.
func OpenToKeep(r io.Reader) (*File, error) {
	f := &File{saved: newSavedCards()}
	return f.open(r, f.saved.take)
}

func (f *File) open(r io.Reader, take func(c *Card)) (*File, error) {
	n := &counts{}
	read, err := readFile(io.TeeReader(r, &f.text), func(c *Card) {
		n.card(c)
		take(c)
	})
	if err != nil {
		return nil, err
	}
	f.head, f.digest, f.cards = read.plan, read.digest, read.cards
	f.sumUp(n)
	return f, nil
}

func (f *File) sumUp(n *counts) {
	s := n.summaryOf(f.head)
	f.head.summary = &s
}

// Digest is the plan's digest, "sha256:…".
func (f *File) Digest() string { return f.digest }

// Head implements [Source].
func (f *File) Head() *Plan { return f.head }

// Each implements [Source].
func (f *File) Each(visit func(n int, c *Card) error) error {
	return f.pass(f.cards, func(int) bool { return true }, visit)
}

// Visit implements [Source]. The file is read to the last of the places.
func (f *File) Visit(places []int32, visit func(n int, c *Card) error) error {
	if len(places) == 0 {
		return nil
	}
	wanted := func(n int) bool {
		if int(places[0]) != n {
			return false
		}
		places = places[1:]
		return true
	}
	return f.pass(int(places[len(places)-1])+1, wanted, visit)
}

// pass reads the first cards of the file, and visits those that are wanted. The
// file was checked when it was opened.
func (f *File) pass(cards int, wanted func(n int) bool, visit func(n int, c *Card) error) error {
	z, err := lines.Decompress(f.text.reader())
	if err != nil {
		return err
	}
	defer z.Close()
	r := newLineReader(z)
	if _, err := r.lines.Next(); err != nil { // the header
		return err
	}
	for n := range cards {
		text, err := r.lines.Next()
		if err != nil {
			return err
		}
		if !wanted(n) {
			continue
		}
		line, err := r.decode(text)
		if err != nil {
			return err
		}
		if f.guard != nil {
			f.guard.judges(line.Card)
		}
		if err := visit(n, line.Card); err != nil {
			return err
		}
	}
	return nil
}

// Review is [Review] for a plan that is read card by card.
func (f *File) Review(approvals Approvals, now time.Time) error {
	g := reviewing(f.head, approvals, now)
	if g == nil {
		return nil
	}
	if approvals.signed() {
		wanted, guarded, err := f.ApprovalText(now, "")
		if err != nil {
			return err
		}
		if guarded {
			approvals.Signers = signers.Of(f.head.Policy.Signers)
			g.signed, g.refused = g.judgeAll(wanted, approvals, spentIn(nil))
		}
	}
	f.guard = g
	n := &counts{}
	err := f.Each(func(_ int, c *Card) error {
		n.card(c)
		return nil
	})
	f.sumUp(n)
	return err
}

// ApprovalText is [Plan.ApprovalText] for a plan that is read card by card.
func (f *File) ApprovalText(until time.Time, reason string) (text ApprovalText, guarded bool, err error) {
	text = f.head.approvalText(until, reason, func(visit func(*Card)) {
		err = f.Each(func(_ int, c *Card) error {
			visit(c)
			return nil
		})
	})
	return text, len(text.Actions) > 0, err
}

// pieces are a text that was written piece by piece, none of which is moved.
type pieces [][]byte

// Pieces are of these sizes, in bytes, each twice the one before: a small plan takes
// little memory, and a large one few pieces.
const firstPiece, largestPiece = 4 << 10, 1 << 20

// Write implements [io.Writer].
func (p *pieces) Write(text []byte) (int, error) {
	n := len(text)
	for len(text) > 0 {
		last := len(*p) - 1
		if last < 0 || len((*p)[last]) == cap((*p)[last]) {
			*p = append(*p, make([]byte, 0, min(firstPiece<<min(len(*p), 16), largestPiece)))
			last++
		}
		piece := (*p)[last]
		fits := min(len(text), cap(piece)-len(piece))
		(*p)[last], text = append(piece, text[:fits]...), text[fits:]
	}
	return n, nil
}

func (p pieces) reader() io.Reader {
	readers := make([]io.Reader, 0, len(p))
	for _, piece := range p {
		readers = append(readers, bytes.NewReader(piece))
	}
	return io.MultiReader(readers...)
}
