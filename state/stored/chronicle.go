package stored

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/state"
)

// Segments is where a chronicle keeps its segments, under names that sort by
// their time.
type Segments interface {
	List(ctx context.Context) ([]string, error)
	// Get reads a segment; one that isn't there is an [fs.ErrNotExist].
	Get(ctx context.Context, name string) ([]byte, error)
	// Put makes a segment durable before it returns, in the place of one of that
	// name where there is one.
	Put(ctx context.Context, name string, text []byte) error
	Remove(ctx context.Context, names []string) error
}

// Chronicle is what was done to cards, as segments. What a commit adds becomes a
// segment of its own. Segments that are alike in size are made one, so that each
// entry is written again about once for each doubling, and a fleet has some
// dozens of them, however long its history is.
//
// A segment is named by the numbers of the first and the last commit that are in
// it: one that others are in is of no more use.
type Chronicle struct {
	Codec Codec
	Store Segments
	// Name is how errors call a segment; nil is by its name.
	Name func(segment string) string
	Now  func() time.Time
	Keep time.Duration // for how long at least an entry is kept; 0 is for ever
}

// mostInSegment is how many entries a segment may have for another one to be put
// into it. It bounds what is read to find one card.
const mostInSegment = 1 << 16

// span are the numbers in a segment's name.
type span struct{ first, last uint64 }

func (s span) String() string { return fmt.Sprintf("%010d-%010d", s.first, s.last) }

func parseSpan(name string) (span, bool) {
	first, last, ok := strings.Cut(name, "-")
	a, errA := strconv.ParseUint(first, 10, 64)
	b, errB := strconv.ParseUint(last, 10, 64)
	s := span{a, b}
	return s, ok && errA == nil && errB == nil && a <= b && s.String() == name
}

// spans are the segments that count, the oldest first, and those that others
// hold. Other names are left alone.
func spans(names []string) (live, over []span) {
	var all []span
	for _, name := range names {
		if s, ok := parseSpan(name); ok {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b span) int { // the wider one first
		if a.first != b.first {
			return int(int64(a.first) - int64(b.first)) //nolint:gosec // they count commits
		}
		return int(int64(b.last) - int64(a.last)) //nolint:gosec // they count commits
	})
	for _, s := range all {
		if n := len(live); n > 0 && s.last <= live[n-1].last {
			over = append(over, s)
			continue
		}
		live = append(live, s)
	}
	return live, over
}

func namesOf(list []span) []string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.String()
	}
	return names
}

func (c *Chronicle) get(ctx context.Context, s span) (*segment, error) {
	text, err := c.Store.Get(ctx, s.String())
	if err != nil {
		return nil, fmt.Errorf("read the history %s: %w", c.name(s), err)
	}
	return c.Codec.openSegment(text, c.name(s))
}

func (c *Chronicle) name(s span) string {
	if c.Name == nil {
		return s.String()
	}
	return c.Name(s.String())
}

// Take puts what a journal adds to the history behind what is there: each visits
// it. The journal is one that no state needs any more. Where an earlier attempt
// has taken it, or the first part of it, that isn't taken again.
func (c *Chronicle) Take(ctx context.Context, began Beginning, each func(visit func(*state.Entry) error) error) error {
	names, err := c.Store.List(ctx)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	live, over := spans(names)
	t := &taking{Chronicle: c, ctx: ctx, began: began, live: live}
	if n := len(live); n > 0 {
		newest, err := c.newest(ctx, live[n-1])
		if err != nil {
			return err
		}
		if slices.ContainsFunc(newest.head.Journals, began.equal) {
			return nil
		}
		if !c.Codec.keeps(newest.head) {
			if err := c.reseal(ctx, live); err != nil {
				return err
			}
		}
		if t.journals = newest.head.Journals; newest.head.Part.of(began) {
			t.skip = newest.head.Part.Entries
			t.taken = t.skip
		}
	}
	if err := t.run(each); err != nil {
		return err
	}
	c.tidy(ctx, t.live, over)
	return nil
}

// keeps reports whether the segment was written with the present keys.
func (c Codec) keeps(head segmentHeader) bool { return c.Keeps(Header{Keys: head.SealedBy}) }

// reseal writes the segments anew that are sealed with other keys, or with none:
// once, when the keys change. One that can't be opened any more stays as it is.
func (c *Chronicle) reseal(ctx context.Context, live []span) error {
	everything := matching(state.EventQuery{})
	for _, s := range live {
		old, err := c.get(ctx, s)
		if err != nil || c.Codec.keeps(old.head) {
			continue
		}
		w, err := newSegmentWriter()
		if err == nil {
			err = c.read(old, everything, w.add)
		}
		if err != nil {
			return err
		}
		w.head.Journals, w.head.Part = old.head.Journals, old.head.Part
		if err := c.put(ctx, s, w); err != nil {
			return err
		}
	}
	return nil
}

// newest reads the last segment, for what it says of journals. One that is damaged,
// or sealed with a key that isn't here any more, keeps no commit from being
// made: whoever reads the history is told.
func (c *Chronicle) newest(ctx context.Context, s span) (*segment, error) {
	text, err := c.Store.Get(ctx, s.String())
	if err != nil {
		return nil, fmt.Errorf("read the history %s: %w", c.name(s), err)
	}
	newest, err := c.Codec.openSegment(text, c.name(s))
	if err != nil {
		return &segment{}, nil //nolint:nilerr // as the comment says
	}
	return newest, nil
}

// taking is a journal on its way into segments.
type taking struct {
	*Chronicle
	ctx      context.Context //nolint:containedctx // it lives as long as one call of Take
	began    Beginning
	journals []Beginning // that were taken before
	live     []span
	skip     int // entries that an earlier attempt has taken
	taken    int // entries that are in segments
	w        *segmentWriter
	inW      int // entries in w
}

func (t *taking) run(each func(visit func(*state.Entry) error) error) error {
	if err := each(t.entry); err != nil {
		return err
	}
	if t.w == nil && t.taken == 0 {
		return nil // the journal adds nothing
	}
	if err := t.writer(); err != nil { // the end is said also where nothing is left
		return err
	}
	list := append(slices.Clone(t.journals), t.began)
	t.w.head.Journals = list[max(0, len(list)-mostIdentities):]
	return t.end()
}

func (t *taking) entry(e *state.Entry) error {
	if t.skip > 0 {
		t.skip--
		return nil
	}
	if err := t.writer(); err != nil {
		return err
	}
	if err := t.w.add(e); err != nil {
		return err
	}
	if t.inW++; t.w.head.Entries < mostInSegment {
		return nil
	}
	t.w.head.Journals = t.journals
	t.w.head.Part = &part{t.began, t.taken + t.inW}
	return t.end()
}

func (t *taking) writer() (err error) {
	if t.w == nil {
		t.w, err = newSegmentWriter()
	}
	return err
}

// end writes the segment behind those before it.
func (t *taking) end() error {
	next := span{1, 1}
	if k := len(t.live); k > 0 {
		n := t.live[k-1].last + 1
		next = span{n, n}
	}
	if err := t.put(t.ctx, next, t.w); err != nil {
		return err
	}
	t.live = append(t.live, next)
	t.taken, t.inW, t.w = t.taken+t.inW, 0, nil
	return nil
}

func (b Beginning) equal(o Beginning) bool { return b.Serial == o.Serial && b.At.Equal(o.At) }

func (c *Chronicle) put(ctx context.Context, s span, w *segmentWriter) error {
	var text bytes.Buffer
	if err := w.write(&text, c.Codec); err != nil {
		return fmt.Errorf("write the history %s: %w", c.name(s), err)
	}
	if err := c.Store.Put(ctx, s.String(), text.Bytes()); err != nil {
		return fmt.Errorf("write the history %s: %w", c.name(s), err)
	}
	return nil
}

// tidy makes segments of like size one, and drops what is too old and what is of
// no more use. What it can't do now, a later commit does: nothing is lost.
func (c *Chronicle) tidy(ctx context.Context, live, over []span) {
	if len(over) > 0 {
		_ = c.Store.Remove(ctx, namesOf(over))
	}
	live = c.expire(ctx, live)
	for len(live) > 1 {
		joined, err := c.join(ctx, live[len(live)-2], live[len(live)-1])
		if err != nil || joined == nil {
			return
		}
		live = append(live[:len(live)-2], *joined)
	}
}

// join makes one segment of two neighbours, where the newer one has come to the
// size of the older; nil where it hasn't.
func (c *Chronicle) join(ctx context.Context, older, newer span) (*span, error) {
	a, err := c.get(ctx, older)
	if err != nil {
		return nil, err
	}
	b, err := c.get(ctx, newer)
	if err != nil {
		return nil, err
	}
	if a.head.Entries > b.head.Entries || a.head.Entries+b.head.Entries > mostInSegment {
		return nil, nil
	}
	w, err := newSegmentWriter()
	if err != nil {
		return nil, err
	}
	cutoff := matching(state.EventQuery{Since: c.cutoff()})
	for _, s := range []*segment{a, b} {
		if err := c.read(s, cutoff, w.add); err != nil {
			return nil, err
		}
	}
	w.head.Journals, w.head.Part = b.head.Journals, b.head.Part
	joined := span{older.first, newer.last}
	if err := c.put(ctx, joined, w); err != nil {
		return nil, err
	}
	return &joined, c.Store.Remove(ctx, namesOf([]span{older, newer}))
}

func (c *Chronicle) read(s *segment, m *matcher, visit func(*state.Entry) error) error {
	z, err := newBlockDecoder()
	if err != nil {
		return err
	}
	defer z.Close()
	r := &segmentReader{segment: s, z: z, runs: map[string]*state.Run{}}
	return r.each(m, visit)
}

// cutoff is the time before which nothing needs to be kept; zero for never.
func (c *Chronicle) cutoff() time.Time {
	if c.Keep <= 0 {
		return time.Time{}
	}
	return c.Now().Add(-c.Keep)
}

// expire drops the oldest segment where all that it has is too old. Others go
// with later commits. The newest stays: it names the journals that were taken.
func (c *Chronicle) expire(ctx context.Context, live []span) []span {
	if c.Keep <= 0 || len(live) < 2 {
		return live
	}
	s, err := c.get(ctx, live[0])
	if err != nil || !s.head.To.Before(c.cutoff()) || c.Store.Remove(ctx, namesOf(live[:1])) != nil {
		return live
	}
	return live[1:]
}

// openAtOnce is how many segments are read at the same time.
const openAtOnce = 32

// Opened is a chronicle's segments as they were at one time, compressed in memory:
// about 40 bytes an entry.
type Opened struct {
	chronicle *Chronicle
	segments  []*segment
}

// Open reads the segments. One that is gone by then, since a commit made it part
// of another, is an [fs.ErrNotExist]: then all are to be read again.
func (c *Chronicle) Open(ctx context.Context) (*Opened, error) {
	names, err := c.Store.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	live, _ := spans(names)
	o := &Opened{chronicle: c, segments: make([]*segment, len(live))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(openAtOnce)
	for i := range live {
		g.Go(func() (err error) {
			o.segments[i], err = c.get(ctx, live[i])
			return err
		})
	}
	return o, g.Wait()
}

// Took reports whether the journal that begins so is in the segments. Where only a
// part of it is, that part is left out, and the journal is the better source.
func (o *Opened) Took(began Beginning) bool {
	n := len(o.segments)
	if n == 0 {
		return false
	}
	for n > 0 && o.segments[n-1].head.Part.of(began) {
		n--
	}
	if n < len(o.segments) {
		o.segments = o.segments[:n]
		return false
	}
	return slices.ContainsFunc(o.segments[n-1].head.Journals, began.equal)
}

// Each visits the entries that the query wants.
func (o *Opened) Each(q state.EventQuery, visit func(*state.Entry) error) error {
	m := matching(q)
	for _, s := range o.segments {
		if err := o.chronicle.read(s, m, visit); err != nil {
			return err
		}
	}
	return nil
}

// openAttempts is how often a history is read again where a commit came between.
const openAttempts = 8

// Events visits what a history has that is asked for: the segments that open reads,
// and then the journal's entries that aren't in them yet. Where a commit changed it
// meanwhile, which open says by an [fs.ErrNotExist], it is read again.
func Events(ctx context.Context, q state.EventQuery, visit func(*state.Entry) error, open func() (*Opened, []*state.Entry, error)) error {
	opened, journal, err := undisturbed(ctx, open)
	if err != nil {
		return err
	}
	if err := opened.Each(q, visit); err != nil {
		return err
	}
	for _, e := range journal {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

func undisturbed(ctx context.Context, open func() (*Opened, []*state.Entry, error)) (opened *Opened, journal []*state.Entry, err error) {
	for range openAttempts {
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("read the history: %w", err)
		}
		if opened, journal, err = open(); !errors.Is(err, fs.ErrNotExist) {
			return opened, journal, err
		}
	}
	return nil, nil, err
}
