package plan

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/lines"
)

// A saved plan is JSON Lines through zstd: a header, a line for each card, a
// line for each privacy number, and a trailer with the SHA-256 of all before
// it. It holds no secret: a plan has none. testdata/plan.v2.jsonl is one.
//
// Version 2 has names of its own for all fields. Version 1 had Go's, so that a
// field which was renamed read as empty.

const (
	fileFormat  = "cardfleet-plan"
	fileVersion = 2

	// longestPlan is more than a plan of some million cards comes to, in bytes
	// of its text. It keeps a damaged file from filling the memory.
	longestPlan = 16 << 30
)

// ErrNotAPlan says that a file isn't a saved plan.
var ErrNotAPlan = errors.New("not a saved plan")

var (
	errCutOff  = errors.New("the plan file is cut off; make the plan again")
	errChanged = errors.New("the plan file was changed after it was saved: its digest doesn't fit; make the plan again")
)

type fileHeader struct {
	Format      string       `json:"format"`
	Version     int          `json:"version"`
	Program     string       `json:"program"`
	Timestamp   time.Time    `json:"timestamp"`
	Config      string       `json:"config"`
	Lineage     string       `json:"lineage"`
	Serial      uint64       `json:"serial"`
	Total       int          `json:"total"`
	Unchanged   int          `json:"unchanged"`
	Unread      int          `json:"unread"`
	Incomplete  []Incomplete `json:"incomplete,omitempty"`
	Totals      []Total      `json:"totals,omitempty"`
	Limits      []Exceeded   `json:"limits,omitempty"`
	Costs       []Cost       `json:"costs,omitempty"`
	Windows     []Timing     `json:"windows,omitempty"`
	Money       *Money       `json:"money,omitempty"`
	Reads       []Reads      `json:"reads,omitempty"`
	Partial     string       `json:"partial,omitempty"`
	Skipped     int          `json:"skipped,omitempty"`
	RefreshOnly bool         `json:"refresh_only,omitempty"`
	Policy      Policy       `json:"policy"`
	Carriers    []Definition `json:"carriers,omitempty"`
	Left        []string     `json:"carriers_left,omitempty"`
	Variables   []Variable   `json:"variables,omitempty"`
	FirstRun    string       `json:"first_run,omitempty"`
	Origin      Origin       `json:"origin,omitzero"`
	Zone        string       `json:"zone,omitempty"`
	Checks      []spec.Check `json:"checks,omitempty"`
	// Order says how the lines of the cards are sorted: always [byAddress], as
	// the plan is shown.
	Order string `json:"order"`
}

// byAddress is the order of a plan's cards.
const byAddress = "address"

func headerOf(p *Plan) fileHeader {
	return fileHeader{
		Format: fileFormat, Version: fileVersion, Program: p.Version, Timestamp: p.Timestamp,
		Config: p.Config, Lineage: p.Lineage, Serial: p.Serial,
		Total: p.Total, Unchanged: p.Unchanged, Unread: p.Unread,
		Incomplete: p.Incomplete, Totals: p.Totals, Limits: p.Limits, Costs: p.Costs, Windows: p.Windows, Money: p.Money, Reads: p.Reads,
		Partial: p.Partial, Skipped: p.Skipped, RefreshOnly: p.RefreshOnly, Policy: p.Policy,
		Carriers: p.Carriers, Left: p.CarriersLeft, Variables: p.Variables, FirstRun: p.FirstRun, Origin: p.Origin, Zone: p.Zone, Checks: p.Checks, Order: byAddress,
	}
}

func (h *fileHeader) plan() *Plan {
	return &Plan{
		Version: h.Program, Timestamp: h.Timestamp,
		Config: h.Config, Lineage: h.Lineage, Serial: h.Serial,
		Total: h.Total, Unchanged: h.Unchanged, Unread: h.Unread,
		Incomplete: h.Incomplete, Totals: h.Totals, Limits: h.Limits, Costs: h.Costs, Windows: h.Windows, Money: h.Money, Reads: h.Reads,
		Partial: h.Partial, Skipped: h.Skipped, RefreshOnly: h.RefreshOnly, Policy: h.Policy,
		Carriers: h.Carriers, CarriersLeft: h.Left, Variables: h.Variables, FirstRun: h.FirstRun, Origin: h.Origin, Zone: h.Zone, Checks: h.Checks,
	}
}

// fileLine is one line after the header: exactly one field is set.
type fileLine struct {
	Card   *Card   `json:"card,omitempty"`
	Number *Number `json:"number,omitempty"`
	Digest string  `json:"digest,omitempty"`
}

// Write saves the plan to w and returns its digest, "sha256:…".
func Write(w io.Writer, p Source) (digest string, err error) {
	z, err := zstd.NewWriter(w)
	if err != nil {
		return "", err
	}
	digest, err = encode(z, p)
	return digest, errors.Join(err, z.Close())
}

// Digest is what [Write] would return.
func Digest(p Source) string {
	digest, err := encode(io.Discard, p)
	if err != nil {
		panic(err) // a plan holds nothing that can't be encoded
	}
	return digest
}

func encode(w io.Writer, from Source) (string, error) {
	p, sum := from.Head(), sha256.New()
	buf := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(headerOf(p)); err != nil {
		return "", err
	}
	line := newLineWriter()
	err := from.Each(func(_ int, c *Card) error {
		text, err := line.card(c)
		if err == nil {
			_, err = buf.Write(text)
		}
		return err
	})
	for i := range p.Numbers {
		err = errors.Join(err, enc.Encode(fileLine{Number: &p.Numbers[i]}))
	}
	if err = errors.Join(err, buf.Flush()); err != nil {
		return "", err
	}
	digest := digestOf(sum)
	err = enc.Encode(fileLine{Digest: digest})
	return digest, errors.Join(err, buf.Flush())
}

func digestOf(sum hash.Hash) string { return "sha256:" + hex.EncodeToString(sum.Sum(nil)) }

// Read reads a saved plan, and checks that it is whole and as it was written,
// and that its values are values of their kind. An error names the line.
func Read(r io.Reader) (p *Plan, digest string, err error) {
	var cards []Card
	f, err := readFile(r, func(c *Card) {
		cards = append(cards, *c)
		c.Actions = nil // its list is the plan's
	})
	if err != nil {
		return nil, "", err
	}
	f.plan.Cards = cards
	return f.plan, f.digest, nil
}

// readFile reads and checks a saved plan to its end. Each card is handed to keep
// once it is checked, whose it is until it returns.
func readFile(r io.Reader, keep func(c *Card)) (*fileReader, error) {
	z, err := lines.Decompress(r)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f := &fileReader{lineReader: newLineReader(z), sum: sha256.New(), keep: keep}
	if err := f.header(); err != nil {
		return nil, err
	}
	err = f.read()
	switch {
	case errors.Is(err, errCutOff), errors.Is(err, errChanged):
		return nil, err // the whole file's fault, not its line's
	case err != nil:
		return nil, fmt.Errorf("line %d of the plan: %w", f.at, err)
	}
	return f, nil
}

// lineReader reads the lines of a saved plan, and checks nothing of them.
type lineReader struct {
	lines  *lines.Reader
	scan   lineScanner
	strict *lines.Decoder
	card   Card // one for all lines
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{lines: lines.NewReader(io.LimitReader(r, longestPlan)), strict: lines.NewDecoder()}
}

// decode reads a line. A card is good until the next call, and its texts stay.
func (l *lineReader) decode(text []byte) (fileLine, error) {
	if l.scan.card(text, &l.card) {
		return fileLine{Card: &l.card}, nil
	}
	var line fileLine
	err := l.strict.Unmarshal(text, &line)
	return line, err
}

// fileReader reads and checks one saved plan.
type fileReader struct {
	*lineReader
	keep    func(c *Card)
	sum     hash.Hash
	digest  string
	plan    *Plan // but for its cards
	cards   int   // how many there were
	last    string
	actions actionIDs
	needing []needing // the actions that wait for others
	at      int       // the line that an error is about
}

func (f *fileReader) header() error {
	line, err := f.lines.Next()
	if err != nil {
		return ErrNotAPlan
	}
	var named struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
		Program string `json:"program"`
	}
	if json.Unmarshal(line, &named) != nil || named.Format != fileFormat {
		return ErrNotAPlan
	}
	switch {
	case named.Version > fileVersion:
		return fmt.Errorf("the plan was saved by cardfleet %s in format %d; this version reads format %d: make the plan again, or use that version", named.Program, named.Version, fileVersion)
	case named.Version < fileVersion:
		return fmt.Errorf("the plan was saved by cardfleet %s in format %d; this version reads format %d only: make the plan again", named.Program, named.Version, fileVersion)
	}
	var h fileHeader
	err = f.strict.Unmarshal(line, &h)
	if err == nil {
		err = h.check()
	}
	if err != nil {
		return fmt.Errorf("line 1 of the plan: %w", err)
	}
	f.sum.Write(line)
	f.plan = h.plan()
	return nil
}

// read reads the lines behind the header, to the trailer.
func (f *fileReader) read() error {
	for {
		text, err := f.lines.Next()
		f.at = f.lines.Number()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errCutOff
		case err != nil:
			return err
		case text[len(text)-1] != '\n':
			return errCutOff
		}
		line, err := f.decode(text)
		if err != nil {
			return err
		}
		if line.Digest != "" {
			f.digest = line.Digest
			return f.end(&line)
		}
		if err := f.take(&line); err != nil {
			return err
		}
		f.sum.Write(text)
	}
}

// take takes a card or a number into the plan.
func (f *fileReader) take(line *fileLine) error {
	switch {
	case line.Card != nil && line.Number != nil:
		return errors.New("it is a card and a number at once")
	case line.Card != nil && len(f.plan.Numbers) > 0:
		return errors.New("a card stands behind the privacy numbers")
	case line.Card != nil:
		return f.takeCard(line.Card)
	case line.Number != nil:
		f.plan.Numbers = append(f.plan.Numbers, *line.Number)
		return line.Number.check()
	default:
		return errors.New("it says nothing")
	}
}

func (f *fileReader) takeCard(c *Card) error {
	if err := f.checkCard(c); err != nil {
		return err
	}
	f.cards, f.last = f.cards+1, c.Address
	f.keep(c)
	return nil
}

// end checks the trailer, and what only the whole file shows.
func (f *fileReader) end(line *fileLine) error {
	if line.Card != nil || line.Number != nil || line.Digest != digestOf(f.sum) {
		return errChanged
	}
	if !f.lines.AtEnd() {
		return errors.New("something follows the plan's last line")
	}
	return f.checkNeeds()
}
