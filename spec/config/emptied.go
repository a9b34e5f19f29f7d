package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
)

// checkEmptied hands over the files without rows that the block is made from.
// Whether that is a mistake, the state tells: an export that failed looks like a
// fleet without cards, and a plan would take every card out of service.
func (c *cardBlock) checkEmptied() {
	slices.Sort(c.emptied)
	files := slices.Compact(c.emptied)
	if c.allowsEmpty() || len(files) == 0 {
		return
	}
	verb := "has"
	if len(files) > 1 {
		verb = "have"
	}
	at := c.rowsAttribute().Range
	d := spec.Diagnostic{Severity: spec.Warning, Summary: "Table without rows", Subject: rangeOf(at), Detail: fmt.Sprintf(
		"%s %s no row. Where card.%s is meant to have no card from it, write allow_empty = true.", spec.QuoteList(files, "and"), verb, c.block.Name)}
	if src := c.report.sources[at.Filename]; src != nil {
		d.Snippet = src.snippet(*d.Subject)
	}
	c.fleet.Emptied = append(c.fleet.Emptied, spec.Emptied{Block: c.block.Name, Diagnostic: d})
}

// rowsAttribute is where the block's rows come from; else the iccid of its one card.
func (c *cardBlock) rowsAttribute() *hcl.Attribute {
	for _, name := range []string{"for_each", "from_csv", "iccid"} {
		if a := c.attrs[name]; a != nil {
			return a
		}
	}
	return &hcl.Attribute{}
}

// allowsEmpty is what the block says of tables without rows.
func (c *cardBlock) allowsEmpty() bool {
	s := settings{loader: c.loader, attributes: c.attrs, shows: true}
	allowed, _ := s.bool("allow_empty")
	return allowed
}
