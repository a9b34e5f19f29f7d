package plan

import (
	"strconv"
	"strings"
)

// actionIDs are the ids of a saved plan's actions. Those that [Order] gives are
// numbers in a row, so that a bit is kept of each; whatever else [isActionID]
// takes, which is a number with zeros before it, is kept as it is. The zero value
// has none.
type actionIDs struct {
	pages map[int]*[idsInPage / 64]uint64
	odd   map[string]bool
}

const idsInPage = 1 << 12

// placeOf is where an id's bit is; false for an id that is kept as it is, or is none.
func placeOf(id string) (page, at int, ok bool) {
	number := strings.TrimSuffix(strings.TrimPrefix(id, "a"), "p")
	if !isActionID(id) || number[0] == '0' {
		return 0, 0, false
	}
	n, err := strconv.Atoi(number)
	n *= 2
	if strings.HasSuffix(id, "p") {
		n++
	}
	return n / idsInPage, n % idsInPage, err == nil
}

func (s *actionIDs) add(id string) {
	page, at, ok := placeOf(id)
	if !ok {
		if s.odd == nil {
			s.odd = map[string]bool{}
		}
		s.odd[id] = true
		return
	}
	if s.pages == nil {
		s.pages = map[int]*[idsInPage / 64]uint64{}
	}
	if s.pages[page] == nil {
		s.pages[page] = new([idsInPage / 64]uint64)
	}
	s.pages[page][at/64] |= 1 << (at % 64)
}

func (s *actionIDs) has(id string) bool {
	page, at, ok := placeOf(id)
	if !ok {
		return s.odd[id]
	}
	bits := s.pages[page]
	return bits != nil && bits[at/64]&(1<<(at%64)) != 0
}
