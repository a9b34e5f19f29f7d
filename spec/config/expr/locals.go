package expr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// local is a named expression of a locals block.
type local struct {
	name string
	expr hcl.Expression
	at   hcl.Range

	state state
	ok    bool
	value cty.Value
	// emptied are the files without rows that the value was made from.
	emptied []string

	// unset is what the value lacks, where that is all that is wrong with it. It is
	// reported where the local is needed.
	unset hcl.Diagnostics

	// late is the card or number that the local refers to, itself or through
	// other locals: "card.bike"; "" for none.
	late      string
	lateState state
}

// state is how far a walk through the locals got with one of them.
type state int

const (
	unseen state = iota
	underWay
	finished
)

// DeclareLocals takes the local values of locals blocks, and evaluates those
// that no card is needed for.
func (s *Scope) DeclareLocals(blocks hcl.Blocks) {
	names := Names{}
	for _, b := range blocks {
		attributes, diags := b.Body.JustAttributes()
		s.report.HCL(diags)
		for _, a := range attributes {
			if names.Claim(s.report, a.Name, "local."+a.Name, a.NameRange) {
				s.locals[a.Name] = &local{name: a.Name, expr: a.Expr, at: a.NameRange}
			}
		}
	}
	sorted := s.sortedLocals()
	straight := map[*local]bool{}
	for _, l := range sorted {
		if !s.isStraight(l, straight) {
			s.breakCycle(l)
		}
	}
	for _, l := range sorted {
		if s.lateReference(l) == "" {
			s.resolve(l)
		}
	}
}

// ResolveLocals evaluates the local values that are left: those that need a card.
func (s *Scope) ResolveLocals() {
	for _, l := range s.sortedLocals() {
		s.resolve(l)
	}
}

// With is the scope with another knowledge of what is live, and without the
// locals that were evaluated by an older one.
func (s *Scope) With(r Report, liveValue func(kind, name string) cty.Value) *Scope {
	next := *s
	next.report, next.liveValue, next.plain = r, liveValue, nil
	next.locals = make(map[string]*local, len(s.locals))
	for name, l := range s.locals {
		fresh := *l
		if l.late != "" {
			fresh.state, fresh.ok, fresh.value, fresh.unset = unseen, false, cty.NilVal, nil
		}
		next.locals[name] = &fresh
	}
	return &next
}

// Quiet is the scope with the same knowledge, which tells another report of mistakes.
func (s *Scope) Quiet(r Report) *Scope { return s.With(r, s.liveValue) }

// sortedLocals is in the order of the source, so that mistakes are found in one order.
func (s *Scope) sortedLocals() []*local {
	list := make([]*local, 0, len(s.locals))
	for _, l := range s.locals {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *local) int {
		return cmp.Or(cmp.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Start.Byte, b.at.Start.Byte))
	})
	return list
}

// resolve evaluates a local once.
func (s *Scope) resolve(l *local) {
	if l.state != unseen {
		return
	}
	l.state = underWay // a cycle comes back here, and finds ok false
	where := InSettings
	if s.lateReference(l) != "" {
		where = InOutputs
	}
	undo := s.gather(&l.unset)
	l.value, l.emptied, l.ok = s.EvalTables(l.expr, where)
	undo()
	l.state = finished
}

// references are the locals that l refers to.
func (s *Scope) references(l *local) []*local {
	var list []*local
	for _, t := range references(l.expr) {
		if other := s.locals[StepName(t)]; t.RootName() == RootLocal && other != nil {
			list = append(list, other)
		}
	}
	return list
}

// lateReference is the card or number that l needs, itself or through others.
func (s *Scope) lateReference(l *local) string {
	if l.lateState != unseen {
		return l.late
	}
	l.lateState = underWay
	for _, t := range references(l.expr) {
		if root := t.RootName(); root == RootCard || root == RootNumber {
			l.late = TraversalText(t[:min(2, len(t))])
		}
	}
	for _, other := range s.references(l) {
		l.late = cmp.Or(l.late, s.lateReference(other))
	}
	l.lateState = finished
	return l.late
}

// isStraight reports whether no reference leads from a local to a cycle. known
// has what was found of others; false for those under way too, which l comes back to.
func (s *Scope) isStraight(l *local, known map[*local]bool) bool {
	if straight, seen := known[l]; seen {
		return straight
	}
	known[l] = false
	for _, other := range s.references(l) {
		if !s.isStraight(other, known) {
			return false
		}
	}
	known[l] = true
	return true
}

// breakCycle reports a local that needs its own value, once for each cycle,
// and marks the locals in it as failed.
func (s *Scope) breakCycle(l *local) {
	if l.state != unseen {
		return
	}
	path := s.pathTo(l, l, map[*local]bool{})
	if path == nil {
		return
	}
	names := make([]string, 0, len(path)+1)
	for _, p := range append(path, l) {
		names = append(names, "local."+p.name)
	}
	for _, p := range path {
		p.state = finished // not ok: whoever needs it fails without another message
	}
	s.report.ErrorAt(l.at, "Cycle in local values",
		"local.%s needs its own value: %s. Break the circle by writing one of them without the others.",
		l.name, strings.Join(names, " → "))
}

// pathTo is a way from one local to another along references; nil for none.
func (s *Scope) pathTo(from, to *local, seen map[*local]bool) []*local {
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, next := range s.references(from) {
		if next == to {
			return []*local{from}
		}
		if rest := s.pathTo(next, to, seen); rest != nil {
			return append([]*local{from}, rest...)
		}
	}
	return nil
}
