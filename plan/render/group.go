package render

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

const (
	// groupFrom is how many cards have to be alike to be shown as one group.
	groupFrom = 100
	// groupsShown is how many groups of one kind are shown. The smaller ones
	// are put together by what they still have in common.
	groupsShown = 20
	// samples is how many cards of a group are named.
	samples = 3
)

// alike is a group of cards that have something in common.
type alike struct {
	cards []*plan.Card
	// folded says how much they have in common: 0 where they are alike in all,
	// 1 where labels and notes differ, 2 where only provider and kinds are the same.
	folded int
	// parts are how many different ones are in a folded group, and rarest the
	// cards of which there are the fewest alike.
	parts  int
	rarest []*plan.Card
}

// pattern appends to key what cards have to have in common at a fold.
type pattern func(k *keyer, c *plan.Card, fold int)

// folds is how many patterns there are, from the finest to the coarsest.
const folds = 3

// groups puts cards that are alike together, in the order of the first of each.
// Cards of which fewer than from are alike stay by themselves, and come by
// address; groups beyond groupsShown are folded into coarser ones, so that
// neither many labels nor many packages make a long text.
func groups(cards []*plan.Card, from int, common pattern) (groups []alike, single []*plan.Card) {
	g := grouping{cards: cards, common: common, keyer: keyer{first: maphash.MakeSeed(), second: maphash.MakeSeed()}}
	rest := make([]int32, len(cards))
	for i := range rest {
		rest[i] = int32(i)
	}
	for fold := range folds {
		found := g.number(rest, fold)
		if fold == 0 {
			g.finest = found
		}
		var large []alike
		large, rest = g.split(rest, found, from, fold)
		groups = append(groups, large...)
	}
	for _, i := range rest {
		single = append(single, cards[i])
	}
	return groups, byAddress(single)
}

func byAddress(cards []*plan.Card) []*plan.Card {
	slices.SortFunc(cards, func(a, b *plan.Card) int { return cmp.Compare(a.Address, b.Address) })
	return cards
}

// grouping is one run of groups.
type grouping struct {
	keyer
	cards  []*plan.Card
	common pattern
	finest numbered // all cards, by what they have in common at the finest
}

// numbered are cards with the numbers of their groups.
type numbered struct {
	group []int32 // of each card
	sizes []int32 // of each group
}

// number gives cards that have something in common the same number. It keeps a
// few bytes for each card and group, so that a million cards, alike or all
// different, stay cheap.
func (g *grouping) number(cards []int32, fold int) numbered {
	n := numbered{group: make([]int32, len(cards))}
	at := map[[2]uint64]int32{}
	for k, i := range cards {
		g.key = g.key[:0]
		g.common(&g.keyer, g.cards[i], fold)
		sum := g.sum()
		number, ok := at[sum]
		if !ok {
			number = int32(len(n.sizes))
			at[sum] = number
			n.sizes = append(n.sizes, 0)
		}
		n.group[k] = number
		n.sizes[number]++
	}
	return n
}

// split makes groups of the numbers that are large enough; the cards of the
// others are left over.
func (g *grouping) split(cards []int32, found numbered, from, fold int) (large []alike, rest []int32) {
	shown := largest(found.sizes, from, fold)
	members := map[int32][]int32{}
	for k, i := range cards {
		number := found.group[k]
		if !slices.Contains(shown, number) {
			rest = append(rest, i)
			continue
		}
		if members[number] == nil {
			members[number] = make([]int32, 0, found.sizes[number])
		}
		members[number] = append(members[number], i)
	}
	for _, number := range shown {
		large = append(large, g.alike(members[number], fold))
	}
	return large, rest
}

// largest are the numbers of the groups to show, in their order.
func largest(sizes []int32, from, fold int) []int32 {
	var shown []int32
	for number, size := range sizes {
		if int(size) >= from {
			shown = append(shown, int32(number))
		}
	}
	if fold < folds-1 && len(shown) > groupsShown {
		slices.SortStableFunc(shown, func(a, b int32) int { return cmp.Compare(sizes[b], sizes[a]) })
		shown = shown[:groupsShown]
		slices.Sort(shown)
	}
	return shown
}

// alike makes a group of its cards' places.
func (g *grouping) alike(members []int32, fold int) alike {
	out := alike{folded: fold, cards: make([]*plan.Card, 0, len(members))}
	for _, i := range members {
		out.cards = append(out.cards, g.cards[i])
	}
	if fold > 0 {
		g.inside(&out, members)
	}
	return out
}

// inside looks what a folded group is made of.
func (g *grouping) inside(out *alike, members []int32) {
	size := func(i int32) int32 { return g.finest.sizes[g.finest.group[i]] }
	seen := make([]bool, len(g.finest.sizes))
	var rarest []int32
	most := int32(0)
	for _, i := range members {
		if part := g.finest.group[i]; !seen[part] {
			seen[part] = true
			out.parts++
			most = max(most, size(i))
			rarest = append(rarest, i)
			slices.SortStableFunc(rarest, func(a, b int32) int { return cmp.Compare(size(a), size(b)) })
			rarest = rarest[:min(samples, len(rarest))]
		}
	}
	for _, i := range rarest {
		if size(i) < most {
			out.rarest = append(out.rarest, g.cards[i])
		}
	}
}

// keyer makes keys of what cards have in common.
type keyer struct {
	key           []byte
	names         []string
	first, second maphash.Seed
}

// sum stands for the key: with 128 bits and random seeds, no two keys of a plan
// have the same, also if somebody tries.
func (k *keyer) sum() [2]uint64 {
	return [2]uint64{maphash.Bytes(k.first, k.key), maphash.Bytes(k.second, k.key)}
}

// add appends a text with its length before it, so that no text can pass for two.
func (k *keyer) add(s string) {
	k.key = binary.AppendUvarint(k.key, uint64(len(s)))
	k.key = append(k.key, s...)
}

func (k *keyer) flag(on bool) {
	if on {
		k.key = append(k.key, 1)
		return
	}
	k.key = append(k.key, 0)
}

func (k *keyer) labels(labels map[string]string) {
	k.names = k.names[:0]
	for name := range labels {
		k.names = append(k.names, name)
	}
	slices.Sort(k.names)
	for _, name := range k.names {
		k.add(name)
		k.add(labels[name])
	}
	k.key = append(k.key, 0)
}

// note appends a note without the numbers that are a card's own: its ICCID and
// IMEI, dates and times. The id of a package stays.
func (k *keyer) note(s string) {
	start := len(k.key)
	for i := 0; i < len(s); {
		n := digits(s[i:])
		own := n >= 14 || n > 0 && (i > 0 && joins(s[i-1]) || i+n < len(s) && joins(s[i+n]))
		if own {
			k.key = append(k.key, '#')
			i += n
			continue
		}
		n = max(n, 1)
		k.key = append(k.key, s[i:i+n]...)
		i += n
	}
	k.key = binary.AppendUvarint(k.key, uint64(len(k.key)-start))
}

func joins(b byte) bool { return b == '-' || b == ':' }

// digits is how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// ofChange is what cards that change have in common.
func ofChange(k *keyer, c *plan.Card, fold int) {
	k.add(string(c.Provider))
	k.flag(c.Leaving)
	for i := range c.Actions {
		a := &c.Actions[i]
		k.add(string(a.Kind))
		k.flag(a.Guarded)
		k.flag(a.Approved)
		if fold > 1 {
			continue
		}
		from, to := fixed(a)
		k.add(from)
		k.add(to)
		k.add(a.Denial)
		for _, given := range a.Approvals {
			k.add(given.By)
			k.add(given.Until.String())
		}
	}
	if fold > 0 {
		return
	}
	k.labels(c.Labels)
	for _, n := range c.Notes {
		k.note(n)
	}
}

// fixed is the parts of an action's values that aren't a card's own: of a
// device, its type.
func fixed(a *plan.Action) (from, to string) {
	was, is := a.Kind.Values()
	from, to = a.From, a.To
	if was != spec.PackageID {
		from = model(from)
	}
	if is != spec.PackageID {
		to = model(to)
	}
	return from, to
}

// model is the type of a device: the first eight digits of its IMEI (3GPP TS
// 23.003, "Type Allocation Code"); a value that is no IMEI stays whole.
func model(imei string) string {
	if len(imei) < 14 || digits(imei) != len(imei) {
		return imei
	}
	return imei[:8] + "…"
}

// ofDrift is what cards that changed outside have in common.
func ofDrift(k *keyer, c *plan.Card, fold int) {
	k.add(string(c.Provider))
	for i := range c.Drift {
		d := &c.Drift[i]
		k.add(d.Attribute)
		if fold > 1 {
			continue
		}
		k.add(model(d.From))
		k.add(model(d.To))
		if fold > 0 {
			continue
		}
		k.note(d.Cause)
		k.add(d.Where)
	}
}

// ofNotes is what cards with nothing but notes have in common.
func ofNotes(k *keyer, c *plan.Card, fold int) {
	k.add(string(c.Provider))
	if fold > 0 {
		return
	}
	for _, n := range c.Notes {
		k.note(n)
	}
}

// whats are the changes of a group, a phrase each, without what differs from
// card to card.
func (g *alike) whats() []string {
	var out []string
	for _, a := range g.cards[0].Actions {
		if g.folded > 1 {
			out = append(out, string(a.Kind))
			continue
		}
		out = append(out, alikeText(a.Change))
	}
	return out
}

// labelled are a card's labels as key=value, by key.
func labelled(m map[string]string) []string {
	pairs := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, safe.Text(k+"="+m[k]))
	}
	return pairs
}

func labels(m map[string]string) string { return strings.Join(labelled(m), ",") }

// sample shows a card's own values in a group.
func sample(c *plan.Card) string {
	for _, a := range c.Actions {
		if replacesDevice(a.Change) {
			return ": " + safe.Text(a.From) + " -> " + safe.Text(a.To)
		}
	}
	return ""
}
