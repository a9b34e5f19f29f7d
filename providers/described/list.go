package described

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

const callList = "list"

// lister is a provider whose definition says how cards are listed.
type lister struct{ *provider }

// mostPages is more pages than any account has: a list that goes on is none.
const mostPages = 1_000_000

// pageOf is a page of a list.
type pageOf struct {
	rows  []cty.Value
	got   *answer
	next  string // "" where none follows
	more  bool
	total int // cards on all pages; below 0 where nobody says
}

// position is where a list has come to.
type position struct {
	number, offset int
	next           string
	window         cty.Value
	since          cty.Value // null for a whole list
}

// wholeList is the time since which a card must have changed to be on a whole list.
var wholeList = cty.NullVal(cty.String)

// List implements [providers.Lister]. A card that two rows tell differently is told
// as one that can't be read, and so is one whose row can't be read; one that is being
// changed is left out. One that is on two pages, as cards move while a list
// is read, is told once.
func (p lister) List(ctx context.Context, yield func(spec.Reading) error) error {
	windows, err := p.windows(wholeList)
	if err != nil {
		return listError("", err)
	}
	seen := map[spec.ICCID]bool{}
	return p.pages(ctx, windows, wholeList, func(page *pageOf) error {
		before, readings := len(seen), p.readings(page)
		for _, reading := range readings {
			if reading.ICCID == "" || seen[reading.ICCID] || reading.Unread == rowPrefix+errChanging.Error() {
				continue
			}
			seen[reading.ICCID] = true
			if err := yield(reading); err != nil {
				return err
			}
		}
		if p.def.list.more != nil && page.more && len(readings) > 0 && len(seen) == before {
			return listError(page.got.requestID, errNothingNew)
		}
		return nil
	})
}

// errNothingNew is a list that would go on for ever: of one whose end is a page behind
// which none follows, nothing else says how long it is.
var errNothingNew = errors.New("the list doesn't end: a page has only what the pages before it had")

// errEnough ends a list that its reader wants no more of.
var errEnough = errors.New("no more is wanted")

// Follow implements [providers.Follower]. The latest window comes first, since it has
// the most cards: a list whose first pages have none would be left. A card that moves
// on meanwhile is read by itself.
func (p lister) Follow(ctx context.Context, yield func(cards []spec.Reading) bool) error {
	windows, err := p.windows(wholeList)
	if err != nil {
		return listError("", err)
	}
	slices.Reverse(windows)
	return enough(p.pages(ctx, windows, wholeList, func(page *pageOf) error {
		if !yield(p.readings(page)) {
			return errEnough
		}
		return nil
	}))
}

// enough is an error of a list that was read as far as its reader wanted: none.
func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// pages calls yield with each page, window after window.
func (p lister) pages(ctx context.Context, windows []stretch, since cty.Value, yield func(*pageOf) error) error {
	for _, w := range windows {
		if err := p.walk(ctx, position{number: 1, window: w.value(), since: since}, yield); err != nil {
			return err
		}
	}
	return nil
}

// walk goes over the pages of one window, from the first on.
func (p lister) walk(ctx context.Context, at position, yield func(*pageOf) error) error {
	for at.number <= mostPages {
		page, err := p.page(ctx, at)
		if err != nil {
			return err
		}
		if err := yield(page); err != nil {
			return err
		}
		if !page.more {
			return nil
		}
		if err := p.def.list.stuck(at, page); err != nil {
			return listError(page.got.requestID, err)
		}
		at.number, at.offset, at.next = at.number+1, at.offset+len(page.rows), page.next
	}
	return listError("", errors.New("the list doesn't end"))
}

// stuck is why no page can follow a page that says that more do.
func (l *list) stuck(at position, page *pageOf) error {
	switch {
	case l.next != nil && page.next == at.next:
		return errors.New("the list doesn't end: next is the same twice")
	case l.next == nil && len(page.rows) == 0:
		return fmt.Errorf("the list ended after %d rows, and says that more follow", at.offset)
	default:
		return nil
	}
}

func listError(requestID string, err error) error {
	return &providers.Error{Call: callList, RequestID: requestID, Proof: providers.NeverSeen, Cause: providers.Refused, Err: err}
}

// page asks for a page.
func (p lister) page(ctx context.Context, at position) (*pageOf, error) {
	l := p.def.list
	vars := map[string]cty.Value{rootPage: pageValue(l, at), rootSince: at.since}
	if at.window != cty.NilVal {
		vars[rootWindow] = at.window
	}
	got, err := p.ask(ctx, ask{name: callList, request: l.request, vars: vars, takes: &l.takes})
	if err != nil {
		return nil, err
	}
	page, err := l.read(got, at)
	if err == nil && at.since.IsNull() { // of what has changed, a row only names its card
		err = p.unread(page)
	}
	if err != nil {
		return nil, listError(got.requestID, err)
	}
	return page, nil
}

// unread is why no row of a page reads, where rows say whose they are, or where none
// has the name by which they should: passed over, they would be a carrier without
// cards. Rows whose name is there, and is none of a card, are of others.
func (p lister) unread(page *pageOf) error {
	var first error
	nameless, lack := 0, "" // rows without what should name their card
	for _, row := range page.rows {
		own, rows := rowScopes(row, page.got)
		_, err := p.def.tell(p.def.list.row, own, rows, "")
		if err == nil {
			return nil
		}
		t := teller{Definition: p.def, r: p.def.list.row, ctx: own, rows: rows}
		switch _, none := t.whose(""); {
		case none == nil:
			first = cmp.Or(first, err)
		case t.lack(p.def.list.row.iccid) != "":
			nameless, lack = nameless+1, t.lack(p.def.list.row.iccid)
		}
	}
	switch {
	case nameless > 0 && nameless == len(page.rows):
		return fmt.Errorf("of the list's %s none says whose it is%s; say in list where a row has it, such as iccid = row.NAME", spec.Count(nameless, "row"), lack)
	case first == nil:
		return nil
	}
	return fmt.Errorf("of the list's %s none reads: %w; say in list what a row tells, such as status = row.NAME", spec.Count(len(page.rows), "row"), first)
}

func pageValue(l *list, at position) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"number": cty.NumberIntVal(int64(at.number)), "size": cty.NumberIntVal(int64(l.size)),
		"next": textOrNull(at.next), "offset": cty.NumberIntVal(int64(at.offset)),
	})
}

// read takes a page's rows, and whether another follows: an end that the carrier
// doesn't tell is an error, not a short list.
func (l *list) read(got *answer, at position) (*pageOf, error) {
	v, err := l.rows.value(got.ctx)
	if err != nil {
		return nil, errors.New("the reply doesn't tell the list's rows")
	}
	if v.IsNull() || !v.Type().IsTupleType() && !v.Type().IsListType() {
		return nil, errors.New("what the reply tells as the list's rows is no list")
	}
	page := &pageOf{rows: v.AsValueSlice(), got: got, total: -1}
	if err := l.follows(page, at); err != nil {
		return nil, err
	}
	return page, nil
}

// follows takes from a page whether another follows.
func (l *list) follows(page *pageOf, at position) error {
	got := page.got
	switch {
	case l.next != nil:
		v, err := l.next.value(got.ctx)
		if err != nil {
			return errors.New("the reply doesn't tell whether a page follows (next)")
		}
		page.next, page.more = textOf(v)
		page.more = page.more && page.next != ""
	case l.more != nil:
		v, err := l.more.value(got.ctx)
		if err != nil || v.IsNull() {
			return errors.New("the reply doesn't tell whether a page follows (more)")
		}
		page.more = l.more.holds(got.ctx)
	case l.pages != nil:
		n, err := count(l.pages, got.ctx)
		if err != nil {
			return fmt.Errorf("the reply doesn't tell how many pages there are: %w", err)
		}
		page.more, page.total = at.number < n, n*l.size
	default:
		n, err := count(l.total, got.ctx)
		if err != nil {
			return fmt.Errorf("the reply doesn't tell how many cards there are: %w", err)
		}
		page.more, page.total = at.offset+len(page.rows) < n, n
	}
	return nil
}

// count is an expression as a whole number.
func count(e *expression, ctx *hcl.EvalContext) (int, error) {
	n, err := strconv.Atoi(e.text(ctx))
	if err != nil || n < 0 {
		return 0, errors.New("it is no number")
	}
	return n, nil
}

// readings are what a page's rows tell. Of two rows of one card that differ
// nothing is taken, and a card whose row can't be read is told as unread.
func (p lister) readings(page *pageOf) []spec.Reading {
	return p.rowsOf(p.def.list.row, page.rows, page.got)
}

// rowsDiffer is why a card is unread of which two rows tell different things.
const rowsDiffer = "two rows of the carrier's list tell this card differently"

// rowsOf are what rows tell, each of its card.
func (p *provider) rowsOf(r *reads, rows []cty.Value, got *answer) []spec.Reading {
	list := make([]spec.Reading, 0, len(rows))
	at := make(map[spec.ICCID]int, len(rows))
	for _, row := range rows {
		out, ok := p.row(r, row, got)
		if !ok {
			continue
		}
		i, twice := at[out.reading.ICCID]
		if !twice {
			at[out.reading.ICCID] = len(list)
			list = append(list, out.reading)
			continue
		}
		if !sameReading(&list[i], &out.reading) {
			list[i] = spec.Reading{ICCID: out.reading.ICCID, At: p.Now(), Unread: rowsDiffer}
		}
	}
	return list
}

// row is what one row tells; ok is false for one that is of no card. A card whose row
// can't be read, or that is being changed, is told as unread.
func (p *provider) row(r *reads, row cty.Value, got *answer) (*told, bool) {
	own, rows := rowScopes(row, got)
	out, err := p.def.tell(r, own, rows, "")
	if err != nil {
		return p.unreadRow(&teller{Definition: p.def, r: r, ctx: own, rows: rows}, got, err)
	}
	if out.reading.ICCID == "" {
		return nil, false
	}
	if out.changing {
		return p.unreadRow(&teller{Definition: p.def, r: r, ctx: own, rows: rows}, got, errChanging)
	}
	p.stamp(out, got.made)
	for _, n := range r.ids {
		if id := n.expr.text(own); id != "" && !p.secret(id) {
			p.ids.set(out.reading.ICCID, n.name, id)
			out.reading.CarrierIDs = p.ids.of(out.reading.ICCID)
		}
	}
	return out, true
}

// rowPrefix begins why a card is unread whose row can't be read.
const rowPrefix = "its row of the carrier's list can't be read: "

// errChanging is why nothing is taken of a row.
var errChanging = errors.New("the carrier is changing the card; look again later")

// unreadRow is a row of which only its card is known, and why; ok is false where not
// even that is.
func (p *provider) unreadRow(t *teller, got *answer, why error) (*told, bool) {
	iccid, err := t.whose("")
	if err != nil || iccid == "" {
		return nil, false
	}
	return &told{reading: spec.Reading{ICCID: iccid, At: p.Now(), Unread: rowPrefix + p.hide(why.Error(), got.made)}}, true
}

// rowScopes are what expressions of a row see, and what those see that the read
// says of its reply, with the row in the place of reply.json.
func rowScopes(row cty.Value, got *answer) (own, rows *hcl.EvalContext) {
	own, rows = got.ctx.NewChild(), got.ctx.NewChild()
	own.Variables = map[string]cty.Value{rootRow: row}
	attrs := map[string]cty.Value{}
	maps.Copy(attrs, got.value.AsValueMap())
	attrs["json"], attrs["xml"] = row, row
	rows.Variables = map[string]cty.Value{rootReply: cty.ObjectVal(attrs), rootRow: row, rootCard: cty.EmptyObjectVal}
	return own, rows
}

func sameReading(a, b *spec.Reading) bool {
	if a.Unread != b.Unread || a.Status != b.Status || a.Lifecycle != b.Lifecycle || a.IMEI != b.IMEI || a.Has != b.Has || len(a.Packages) != len(b.Packages) {
		return false
	}
	for i := range a.Packages {
		if a.Packages[i].ID != b.Packages[i].ID {
			return false
		}
	}
	return true
}

// pager is a lister whose pages can be asked for by number.
type pager struct{ lister }

// Page implements [providers.Pager].
func (p pager) Page(ctx context.Context, number int) (providers.Page, error) {
	page, err := p.page(ctx, position{number: number, offset: (number - 1) * p.def.list.size, since: wholeList})
	if err != nil {
		return providers.Page{}, err
	}
	return providers.Page{Cards: p.readings(page), Total: page.total}, nil
}

// Complete implements [providers.Completer].
func (p lister) Complete(ctx context.Context, listed spec.Reading, attrs spec.Attr) (spec.Reading, error) {
	out := &told{reading: listed}
	k := p.card(listed.ICCID)
	for _, r := range p.def.further {
		if r.serves()&attrs&^out.reading.Has != 0 {
			p.readFurther(ctx, k, r, out)
		}
	}
	return out.reading, nil
}
