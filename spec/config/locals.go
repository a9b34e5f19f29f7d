package config

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

// loadLocals collects the local values and evaluates those that no card is needed for.
func (l *loader) loadLocals() {
	names := uniqueNames{}
	for _, b := range l.blocks["locals"] {
		attributes, diags := b.Body.JustAttributes()
		l.report.hcl(diags)
		for _, a := range attributes {
			if names.claim(l.report, a.Name, "local."+a.Name, a.NameRange) {
				l.scope.locals[a.Name] = &local{name: a.Name, expr: a.Expr, at: a.NameRange}
			}
		}
	}
	l.nameLive()
	sorted := l.scope.sortedLocals()
	for _, loc := range sorted {
		l.scope.breakCycle(loc)
	}
	for _, loc := range sorted {
		if l.scope.lateReference(loc) == "" {
			l.scope.resolve(loc)
		}
	}
}

// nameLive tells the scope which cards and numbers there are, before they are read.
func (l *loader) nameLive() {
	cards := make([]string, len(l.cards))
	for i := range l.cards {
		cards[i] = l.cards[i].name
	}
	l.scope.live[rootCard] = cards
	for _, b := range l.blocks[rootNumber] {
		l.scope.live[rootNumber] = append(l.scope.live[rootNumber], b.Labels[0])
	}
}

// sortedLocals is in the order of the source, so that mistakes are found in one order.
func (s *scope) sortedLocals() []*local {
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
func (s *scope) resolve(l *local) {
	if l.state != unseen {
		return
	}
	l.state = underWay // a cycle comes back here, and finds ok false
	where := inSettings
	if s.lateReference(l) != "" {
		where = inOutputs
	}
	l.value, l.ok = s.eval(l.expr, where)
	l.state = finished
}

// references are the locals that l refers to.
func (s *scope) references(l *local) []*local {
	var list []*local
	for _, t := range l.expr.Variables() {
		if other := s.locals[stepName(t)]; t.RootName() == rootLocal && other != nil {
			list = append(list, other)
		}
	}
	return list
}

// lateReference is the card or number that l needs, itself or through others.
func (s *scope) lateReference(l *local) string {
	if l.lateState != unseen {
		return l.late
	}
	l.lateState = underWay
	for _, t := range l.expr.Variables() {
		if root := t.RootName(); root == rootCard || root == rootNumber {
			l.late = traversalText(t[:min(2, len(t))])
		}
	}
	for _, other := range s.references(l) {
		l.late = cmp.Or(l.late, s.lateReference(other))
	}
	l.lateState = finished
	return l.late
}

// breakCycle reports a local that needs its own value, once for each cycle,
// and marks the locals in it as failed.
func (s *scope) breakCycle(l *local) {
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
	s.report.errorAt(l.at, "Cycle in local values",
		"local.%s needs its own value: %s. Break the circle by writing one of them without the others.",
		l.name, strings.Join(names, " → "))
}

// pathTo is a way from one local to another along references; nil for none.
func (s *scope) pathTo(from, to *local, seen map[*local]bool) []*local {
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
