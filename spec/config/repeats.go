package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
)

// maxRepeats is how often one mistake is shown for the rows of one block.
const maxRepeats = 10

// repeats counts mistakes that the rows of one block have in common, and shows
// the first few of each. Its zero value is ready.
type repeats struct {
	kinds map[string]*repeat
}

type repeat struct {
	report *report
	last   int // the index of the last one shown
	shown  int
	more   int
}

// add shows a mistake of a kind, or counts it where enough were shown.
func (s *repeats) add(r *report, kind string, make func() spec.Diagnostic) {
	if k := s.next(r, kind, maxRepeats); k != nil {
		r.add(make())
		k.last = len(r.list) - 1
	}
}

// addHCL is add for what the HCL libraries found, with a limit of its own.
func (s *repeats) addHCL(r *report, kind string, limit int, d *hcl.Diagnostic, address string) {
	if k := s.next(r, kind, limit); k != nil {
		r.addHCL(d, address)
		k.last = len(r.list) - 1
	}
}

// next is nil where a mistake is only to be counted.
func (s *repeats) next(r *report, kind string, limit int) *repeat {
	if s.kinds == nil {
		s.kinds = map[string]*repeat{}
	}
	k := s.kinds[kind]
	if k == nil {
		k = &repeat{report: r}
		s.kinds[kind] = k
	}
	if k.shown >= limit {
		k.more++
		return nil
	}
	k.shown++
	return k
}

// report says at the last one shown how many more there are.
func (s *repeats) report() {
	for _, k := range s.kinds {
		if k.more > 0 {
			d := &k.report.list[k.last]
			d.Detail += fmt.Sprintf(" The rest of the block is like this too: and %d more.", k.more)
		}
	}
}
