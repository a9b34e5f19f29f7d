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
	groupFrom = 10
	// groupsShown is how many groups of one kind are shown. The smaller ones
	// are put together by what they still have in common.
	groupsShown = 20
	// samples is how many cards of a group are named.
	samples = 3
)

// alike is a group of cards that have something in common.
type alike struct {
	n     int          // how many cards they are
	cards []*plan.Card // the first of them
	// folded says how much they have in common: 0 where they are alike in all,
	// 1 where labels and notes differ, 2 where only provider and kinds are the same.
	folded int
	// parts are how many different ones are in a folded group, and rarest the
	// cards of which there are the fewest alike.
	parts  int
	rarest []*plan.Card

	first, odd []int32 // the places of cards and rarest in the plan
	sizes      []int32 // of the parts that odd are of
	most       int32   // the size of the largest part
}

// pattern appends to key what cards have to have in common at a fold. Cards that
// are alike at a fold are so at the coarser ones.
type pattern func(k *keyer, c *plan.Card, fold int)

// folds is how many patterns there are, from the finest to the coarsest.
const folds = 3

// grouping puts cards that are alike together. It takes them one after the
// other, and keeps a few bytes for each card and for each group at the finest,
// so that a million cards, alike or all different, stay cheap.
type grouping struct {
	keyer
	common pattern
	from   int     // how many cards have to be alike
	folds  int     // how many of the patterns count, from the finest on
	keep   int     // how many cards of a group may be shown one by one
	places []int32 // of the cards, in the plan
	group  []int32 // the finest group of each
	finest []finest
	coarse [folds]map[[2]uint64]int32 // the groups at each fold, by their keys
}

// finest is a group of cards that are alike in all.
type finest struct {
	size   int32
	coarse [folds]int32 // its number at each fold
}

func newGrouping(from int, common pattern) *grouping {
	g := &grouping{from: from, folds: folds, keep: samples, common: common, keyer: keyer{first: maphash.MakeSeed(), second: maphash.MakeSeed()}}
	for fold := range g.coarse {
		g.coarse[fold] = map[[2]uint64]int32{}
	}
	return g
}

// add takes the card at that place of the plan.
func (g *grouping) add(place int, c *plan.Card) {
	sum := g.keyOf(c, 0)
	number, known := g.coarse[0][sum]
	if !known {
		number = int32(len(g.finest))
		g.coarse[0][sum] = number
		g.finest = append(g.finest, g.newFinest(c, number))
	}
	g.finest[number].size++
	g.places, g.group = append(g.places, int32(place)), append(g.group, number)
}

func (g *grouping) newFinest(c *plan.Card, number int32) finest {
	f := finest{coarse: [folds]int32{number}}
	for fold := 1; fold < g.folds; fold++ {
		sum := g.keyOf(c, fold)
		coarse, known := g.coarse[fold][sum]
		if !known {
			coarse = int32(len(g.coarse[fold]))
			g.coarse[fold][sum] = coarse
		}
		f.coarse[fold] = coarse
	}
	return f
}

func (g *grouping) keyOf(c *plan.Card, fold int) [2]uint64 {
	g.key = g.key[:0]
	g.common(&g.keyer, c, fold)
	return g.sum()
}

// groups are the groups in the order of the first card of each, the finer ones
// first. Cards of which fewer than from are alike stay by themselves, at these
// places; groups beyond groupsShown are folded into coarser ones, so that
// neither many labels nor many packages make a long text.
func (g *grouping) groups() (groups []alike, single []int32) {
	shown := g.choose(&groups)
	for i, place := range g.places {
		if at := shown[g.group[i]]; at >= 0 {
			g.put(&groups[at], g.group[i], place)
		} else {
			single = append(single, place)
		}
	}
	for i := range groups {
		groups[i].settle()
	}
	return groups, single
}

// settle leaves of the rarest those that are rarer than others.
func (g *alike) settle() {
	for i, size := range g.sizes {
		if size >= g.most {
			g.odd = g.odd[:i]
			return
		}
	}
}

// trim leaves of the cards that the groups may list so many in all, shared evenly:
// what a small group doesn't need is the larger ones'. Each keeps its samples.
func trim(groups []alike, most int) {
	sizes := make([]int, len(groups))
	for i := range groups {
		sizes[i] = len(groups[i].first)
	}
	for i, n := range evenly(sizes, most) {
		groups[i].first = groups[i].first[:min(len(groups[i].first), max(n, samples))]
	}
}

// evenly shares something out to those who want so much each: nobody gets more
// than they want, or more than others who go without.
func evenly(wants []int, most int) []int {
	order := make([]int, len(wants))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wants[a], wants[b]) })
	given := make([]int, len(wants))
	for k, i := range order {
		given[i] = min(wants[i], max(most, 0)/(len(order)-k))
		most -= given[i]
	}
	return given
}

// fetch gets the cards that the groups show.
func fetch(s plan.Source, groups []alike) error {
	var places []int32
	for i := range groups {
		places = append(append(places, groups[i].first...), groups[i].odd...)
	}
	cards, err := pick(s, places)
	for i := range groups {
		for _, place := range groups[i].first {
			groups[i].cards = append(groups[i].cards, cards[place])
		}
		for _, place := range groups[i].odd {
			groups[i].rarest = append(groups[i].rarest, cards[place])
		}
	}
	return err
}

// pick gets the cards at some places.
func pick(s plan.Source, places []int32) (map[int32]*plan.Card, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(places)))
	cards := make(map[int32]*plan.Card, len(sorted))
	err := s.Visit(sorted, func(n int, c *plan.Card) error {
		own := c.Clone()
		cards[int32(n)] = &own
		return nil
	})
	return cards, err
}

// choose says for each of the finest groups which of the groups it is shown in;
// -1 for none.
func (g *grouping) choose(groups *[]alike) []int32 {
	shown := make([]int32, len(g.finest))
	for i := range shown {
		shown[i] = -1
	}
	for fold := range g.folds {
		sizes := g.left(shown, fold)
		at := map[int32]int32{} // the groups by their number at this fold
		most := groupsShown
		if fold == g.folds-1 {
			most = len(sizes.sizes) // there is no coarser one to put the rest into
		}
		for _, number := range sizes.largest(g.from, most) {
			at[number] = int32(len(*groups))
			*groups = append(*groups, alike{folded: fold})
		}
		for i := range g.finest {
			if k, ok := at[g.finest[i].coarse[fold]]; ok && shown[i] < 0 {
				shown[i] = k
			}
		}
	}
	return shown
}

// sized are groups with their sizes, in the order of the first card of each.
type sized struct {
	numbers []int32
	sizes   []int32
}

// left are the groups at a fold that those of the finest make which aren't shown yet.
func (g *grouping) left(shown []int32, fold int) sized {
	var out sized
	at := make([]int32, len(g.coarse[fold]))
	for i := range g.finest {
		if shown[i] >= 0 {
			continue
		}
		number := g.finest[i].coarse[fold]
		if at[number] == 0 {
			out.numbers, out.sizes = append(out.numbers, number), append(out.sizes, 0)
			at[number] = int32(len(out.sizes))
		}
		out.sizes[at[number]-1] += g.finest[i].size
	}
	return out
}

// largest are the numbers of the groups to show, in their order: those of from
// cards or more, at most so many.
func (s sized) largest(from, most int) []int32 {
	var shown []int32 // places in s
	for i, size := range s.sizes {
		if int(size) >= from {
			shown = append(shown, int32(i))
		}
	}
	if len(shown) > most {
		slices.SortStableFunc(shown, func(a, b int32) int { return cmp.Compare(s.sizes[b], s.sizes[a]) })
		shown = shown[:most]
		slices.Sort(shown)
	}
	for k, i := range shown {
		shown[k] = s.numbers[i]
	}
	return shown
}

// put puts a card into a group that is shown.
func (g *grouping) put(a *alike, part, place int32) {
	if a.n++; len(a.first) < g.keep {
		a.first = append(a.first, place)
	}
	f := &g.finest[part]
	if a.folded == 0 || f.coarse[0] < 0 {
		return
	}
	f.coarse[0] = -1 // it is looked at once
	a.parts++
	a.most = max(a.most, f.size)
	if len(a.odd) == samples && f.size >= a.sizes[samples-1] {
		return
	}
	at := len(a.odd)
	for at > 0 && a.sizes[at-1] > f.size {
		at--
	}
	a.odd, a.sizes = slices.Insert(a.odd, at, place), slices.Insert(a.sizes, at, f.size)
	a.odd, a.sizes = a.odd[:min(samples, len(a.odd))], a.sizes[:min(samples, len(a.sizes))]
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
	k.flag(len(c.Attention) > 0)
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

// ofAttention is what cards that need the same of a person have in common.
func ofAttention(k *keyer, c *plan.Card, _ int) {
	k.add(string(c.Provider))
	for i := range c.Attention {
		k.add(c.Attention[i].Summary)
		k.note(c.Attention[i].Detail)
	}
	if len(c.Actions) > 0 {
		return // its notes are shown with these
	}
	for _, n := range c.Notes {
		k.note(n)
	}
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
	}
	if fold == 0 {
		k.add(c.File) // the rows themselves are each card's own
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
		if setsDevice(a.Change) {
			return ": " + safe.Text(cmp.Or(a.From, spec.NoDevice)) + " -> " + safe.Text(a.To)
		}
	}
	return ""
}
