package providers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

const everything = spec.AttrBinding | spec.AttrActive | spec.AttrPackages

// listing is a carrier with a list of its cards, which counts what it is asked for.
type listing struct {
	able    spec.Capabilities
	account []spec.ICCID
	broken  int // the page that can't be had; 0 for none

	mu    sync.Mutex
	calls int
	asked map[spec.ICCID]map[spec.Attr]int // of cards, by what was asked for
	pages map[int]int
}

func (l *listing) Capabilities() spec.Capabilities { return l.able }

func (l *listing) Do(context.Context, Change) (Receipt, error) { panic("reading changed a card") }

func (l *listing) Read(_ context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	return l.ask(spec.Reading{ICCID: iccid, At: time.Unix(1, 0), Lifecycle: spec.Active}, spec.AttrActive|attrs&l.able.Reads, l.able.CallsToRead(attrs)), nil
}

func (l *listing) Complete(_ context.Context, listed spec.Reading, attrs spec.Attr) (spec.Reading, error) {
	calls, _ := callsAfterList(l.able, attrs)
	return l.ask(listed, attrs&l.able.Reads&^l.able.ListTells, calls), nil
}

func (l *listing) ask(r spec.Reading, attrs spec.Attr, calls int) spec.Reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls += calls
	if l.asked == nil {
		l.asked = map[spec.ICCID]map[spec.Attr]int{}
	}
	if l.asked[r.ICCID] == nil {
		l.asked[r.ICCID] = map[spec.Attr]int{}
	}
	for a := spec.Attr(1); a <= everything; a <<= 1 {
		if attrs&a != 0 {
			l.asked[r.ICCID][a]++
		}
	}
	r.Has |= attrs
	return r
}

func (l *listing) Page(_ context.Context, number int) (Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.pages == nil {
		l.pages = map[int]int{}
	}
	l.pages[number]++
	if number == l.broken {
		return Page{}, errors.New("page is gone")
	}
	page := Page{Total: len(l.account)}
	from := min((number-1)*l.able.ListPage, len(l.account))
	for _, iccid := range l.account[from:min(from+l.able.ListPage, len(l.account))] {
		page.Cards = append(page.Cards, spec.Reading{ICCID: iccid, At: time.Unix(1, 0), Lifecycle: spec.Active, Has: l.able.ListTells})
	}
	return page, nil
}

func drawListing(t *rapid.T) (*listing, []Want) {
	l := &listing{able: spec.Capabilities{
		Reads:     everything,
		ReadCalls: map[spec.Attr]int{spec.AttrPackages: rapid.IntRange(0, 2).Draw(t, "calls for packages")},
		ListTells: rapid.SampledFrom([]spec.Attr{spec.AttrActive, spec.AttrActive | spec.AttrBinding}).Draw(t, "list tells"),
		ListPage:  rapid.IntRange(1, 50).Draw(t, "page"),
	}}
	if rapid.Bool().Draw(t, "completes") {
		l.able.AfterList = map[spec.Attr]int{spec.AttrPackages: l.able.ReadCalls[spec.AttrPackages]}
	}
	for i := range rapid.IntRange(0, 300).Draw(t, "account") {
		l.account = append(l.account, spec.ICCID(fmt.Sprintf("89860000%012d", i)))
	}
	var wants []Want
	for i := range rapid.IntRange(0, len(l.account)).Draw(t, "wanted") {
		wants = append(wants, Want{ICCID: l.account[i], Attrs: rapid.SampledFrom([]spec.Attr{spec.AttrActive, everything, spec.AttrActive | spec.AttrPackages}).Draw(t, "attrs")})
	}
	return l, wants
}

func TestAMixNeverTakesMoreCallsThanReadingOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, wants := drawListing(t)
		one := 0
		for _, w := range wants {
			one += l.able.CallsToRead(w.Attrs)
		}
		mix := Choose(l.able, wants, len(l.account), 0)
		assert.LessOrEqual(t, mix.Calls, one)
		assert.Equal(t, len(wants), mix.Cards())
		assert.Zero(t, mix.Left)

		most := rapid.IntRange(1, 400).Draw(t, "most")
		limited := Choose(l.able, wants, len(l.account), most)
		assert.LessOrEqual(t, limited.Calls, most)
		assert.Equal(t, len(wants), limited.Cards()+limited.Left)
		if one <= most {
			assert.Zero(t, limited.Left)
		}
	})
}

func TestEveryNeededAttributeIsAskedForOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, wants := drawListing(t)
		one := 0
		for _, w := range wants {
			one += l.able.CallsToRead(w.Attrs)
		}
		var mix Mix
		readings, err := ReadAll(context.Background(), l, wants, ReadOptions{Chosen: func(m Mix) { mix = m }})
		require.NoError(t, err)
		assert.LessOrEqual(t, l.calls, mix.Calls, "as many as was said, at most")
		assert.LessOrEqual(t, l.calls, one+1, "one more where the list is too long")
		for i, w := range wants {
			assert.Equal(t, w.Attrs, readings[i].Has&w.Attrs, "reading %d lacks something", i)
			for a, n := range l.asked[w.ICCID] {
				assert.Equal(t, 1, n, "%s: attribute %d", w.ICCID, a)
			}
		}
		for number, n := range l.pages {
			assert.Equal(t, 1, n, "page %d", number)
		}
	})
}

func TestNoMoreCallsThanAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, wants := drawListing(t)
		most := rapid.IntRange(1, 400).Draw(t, "most")
		readings, err := ReadAll(context.Background(), l, wants, ReadOptions{MostCalls: most})
		require.NoError(t, err)
		assert.LessOrEqual(t, l.calls, most)
		left := false
		for i := range readings {
			later := readings[i].Unread == spec.LeftForLater
			assert.True(t, later || readings[i].Known())
			if len(l.pages) == 0 {
				assert.False(t, left && !later, "the first ones go first")
				left = left || later
			}
		}
	})
}

func TestWhatTheListLeavesIsReadByItself(t *testing.T) {
	l := &listing{able: spec.Capabilities{Reads: everything, ListTells: spec.AttrActive, ListPage: 40}, broken: 3}
	for _, w := range wants(200) {
		l.account = append(l.account, w.ICCID)
	}
	want := append(wants(200), Want{ICCID: "89869999999999999999"})
	for i := range want {
		want[i].Attrs = spec.AttrActive
	}
	var mix Mix
	readings, err := ReadAll(t.Context(), l, want, ReadOptions{Provider: "p", Chosen: func(m Mix) { mix = m }})
	require.NoError(t, err)
	assert.Equal(t, Mix{Pages: 5, Listed: 201, Calls: 5}, mix)
	assert.Len(t, l.asked, 41, "the cards of the page that can't be had, and the one that isn't listed")
	for i, r := range readings {
		assert.Equal(t, spec.CardID{Provider: "p", ICCID: want[i].ICCID}, r.ID())
		assert.True(t, r.Known())
	}
}

func TestAListThatIsTooLongIsLookedAtOnce(t *testing.T) {
	l := &listing{able: spec.Capabilities{Reads: everything, ListTells: spec.AttrActive, ListPage: 40}}
	for _, w := range wants(5000) {
		l.account = append(l.account, w.ICCID)
	}
	want := wants(5000)[4900:]
	_, err := ReadAll(t.Context(), l, want, ReadOptions{})
	require.NoError(t, err)
	assert.Equal(t, 101, l.calls)

	l.calls = 0
	_, err = ReadAll(t.Context(), l, want[:worthAsking-1], ReadOptions{})
	require.NoError(t, err)
	assert.Equal(t, worthAsking-1, l.calls, "for a few cards it isn't looked at at all")
}
