package render

import (
	"fmt"
	"slices"
	"strings"
)

// A sheet is a text that has only so much room: parts that always stand at its
// beginning and its end, and sections between them that share what is left.
// What a section has to leave out is counted, in it and at the end.
type sheet struct {
	limit      int // characters
	head, tail string
	sections   []*section
	// leftOut is the sentence that counts what is left out.
	leftOut func(counts []string) string
}

// section is a list of items. Each item is whole by itself: it opens nothing
// that it doesn't close.
type section struct {
	one, many  string // what its items stand for, in words
	weight     int    // of its claim to room, against the other sections'
	open, shut string // around the items
	stands     int    // how many things all of its items stand for
	items      int
	item       func(i int) (text string, stands int)
	// fits, where it isn't nil, is item i as one that can be made shorter; nil for
	// one that can't.
	fits        func(i int) *cardTable
	more        func(left string) string // the item that counts those left out
	text        []string                 // the items that could fit
	standing    []int
	size, whole int // of the items in text, and of the section with them
}

// units is how many characters GitHub would count at most: UTF-16's units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// make makes the items, until they are more than the room however short they are made.
func (s *section) make(room int) {
	if s.items == 0 {
		return
	}
	least := 0
	for i := range s.items {
		text, stands := s.item(i)
		s.text, s.standing = append(s.text, text), append(s.standing, stands)
		s.size += units(text)
		if least += s.least(i); least > room {
			break
		}
	}
	s.whole = units(s.open) + s.size + units(s.shut)
}

// write writes what fits into the room, and returns how many things are left out.
func (s *section) write(b *strings.Builder, room int) (left int) {
	if s.items == 0 {
		return 0
	}
	if len(s.text) == s.items && s.whole <= room {
		b.WriteString(s.open + strings.Join(s.text, "") + s.shut)
		return 0
	}
	left = s.stands
	room -= units(s.open) + units(s.shut) + units(s.more(Thousands(left)))
	n := 0
	for n < len(s.text) && s.least(n) <= room {
		room -= s.least(n)
		left -= s.standing[n]
		n++
	}
	if n == 0 {
		return left
	}
	b.WriteString(s.open + strings.Join(s.fitted(n, room), ""))
	if left > 0 {
		b.WriteString(s.more(Thousands(left)))
	}
	b.WriteString(s.shut)
	return left
}

// tellTimes has the section tell times in a zone too.
func (s *section) tellTimes(c Clock) {
	if c.zone == nil {
		return
	}
	item, fits := s.item, s.fits
	s.open = c.Both(s.open)
	s.item = func(i int) (string, int) {
		text, stands := item(i)
		return c.Both(text), stands
	}
	if fits == nil {
		return
	}
	s.fits = func(i int) *cardTable {
		t := fits(i)
		if t == nil {
			return nil
		}
		zoned := *t
		zoned.head, zoned.brief = c.Both(t.head), c.Both(t.brief)
		zoned.rows = make([]string, len(t.rows))
		for k, row := range t.rows {
			zoned.rows[k] = c.Both(row)
		}
		return &zoned
	}
}

// least is how many characters item i takes at the least.
func (s *section) least(i int) int {
	if t := s.fitting(i); t != nil {
		return t.least()
	}
	return units(s.text[i])
}

// fitting is item i as one that can be made shorter; nil for another.
func (s *section) fitting(i int) *cardTable {
	if s.fits == nil {
		return nil
	}
	return s.fits(i)
}

// fitted are the first n items. Those that could be longer than they have to be
// share the room that is left.
func (s *section) fitted(n, room int) []string {
	if s.fits == nil {
		return s.text[:n]
	}
	wants := make([]int, n)
	for i := range wants {
		wants[i] = units(s.text[i]) - s.least(i)
	}
	texts := slices.Clone(s.text[:n])
	for i, given := range evenly(wants, room) {
		if t := s.fitting(i); t != nil && given < wants[i] {
			texts[i] = t.fit(t.least() + given)
		}
	}
	return texts
}

// write puts the sheet together. It has at most limit characters, if head, tail
// and the sentence about what is left out have fewer.
func (s *sheet) write() (string, error) {
	room := s.limit - units(s.head) - units(s.tail)
	need := 0
	for _, sec := range s.sections {
		sec.make(s.limit)
		need += sec.whole
	}
	if need > room {
		room -= s.worst()
	}
	if room < 0 {
		return "", fmt.Errorf("a limit of %d characters is too low for this plan", s.limit)
	}
	var b strings.Builder
	b.WriteString(s.head)
	var counts []string
	given := s.share(room)
	for i, sec := range s.sections {
		if left := sec.write(&b, given[i]); left > 0 {
			counts = append(counts, count(left, sec.one, sec.many))
		}
	}
	if len(counts) > 0 {
		b.WriteString(s.leftOut(counts))
	}
	b.WriteString(s.tail)
	return b.String(), nil
}

// worst is the length of the sentence that says that everything is left out.
func (s *sheet) worst() int {
	var counts []string
	for _, sec := range s.sections {
		if sec.items > 0 {
			counts = append(counts, Thousands(sec.stands)+" "+sec.many)
		}
	}
	return units(s.leftOut(counts))
}

// share gives each section its part of the room by weight; what one doesn't
// need goes to the others.
func (s *sheet) share(room int) []int {
	order := make([]int, len(s.sections))
	weights := 0
	for i, sec := range s.sections {
		order[i] = i
		weights += sec.weight
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return s.sections[a].whole*s.sections[b].weight - s.sections[b].whole*s.sections[a].weight
	})
	given := make([]int, len(s.sections))
	for _, i := range order {
		sec := s.sections[i]
		given[i] = min(sec.whole, room*sec.weight/weights)
		room -= given[i]
		weights -= sec.weight
	}
	return given
}
