package render

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// shortestRow is less than the characters that a card takes in any table of a comment.
const shortestRow = 40

// cardTable is a group of a comment: its head, and a table of its cards of which
// as many rows stand as there is room for.
type cardTable struct {
	head  string   // to the table's own head
	rows  []string // of the cards that may be listed, each a line
	n     int      // how many cards the group has
	brief string   // behind the table where not all rows stand: has %s for how many more
}

const tableEnd = "\n</details>\n\n"

// whole is the group with all of its rows.
func (t *cardTable) whole() string { return t.with(len(t.rows)) }

// least is how many characters the group takes at the least: with three of its cards.
func (t *cardTable) least() int { return units(t.with(min(samples, len(t.rows)))) }

// fit is the group with as many of its rows as the room has.
func (t *cardTable) fit(room int) string {
	room -= units(t.head) + units(t.more(t.n)) + units(tableEnd)
	k := 0
	for k < len(t.rows) && (k < samples || units(t.rows[k]) <= room) {
		room -= units(t.rows[k])
		k++
	}
	if k == len(t.rows)-1 && k == t.n-1 && units(t.rows[k]) <= room+units(t.more(t.n)) {
		k++ // the last one takes the place of the line that would count it
	}
	return t.with(k)
}

func (t *cardTable) with(k int) string {
	return t.head + strings.Join(t.rows[:k], "") + t.more(t.n-k) + tableEnd
}

func (t *cardTable) more(left int) string {
	if left == 0 {
		return ""
	}
	return "\n" + strings.Replace(t.brief, "%s", Thousands(left), 1)
}

// tableColumn is one column of a [cardTable].
type tableColumn struct {
	head string
	cell func(c *plan.Card) string
}

// newCardTable makes the table of a group. intro is what stands before it, and odd
// a line about one of its rarest cards.
func newCardTable(g *alike, intro string, columns []tableColumn, odd func(c *plan.Card) string) *cardTable {
	t := &cardTable{n: g.n, brief: "… and %s more alike\n"}
	if g.folded > 0 {
		t.brief = "… and %s more, of " + different(g) + "\n\n"
		for _, c := range g.rarest {
			t.brief += "- an odd one: " + odd(c) + labelCodes(c) + "\n"
		}
	}
	var head, rule strings.Builder
	for _, c := range columns {
		head.WriteString("| " + c.head + " ")
		rule.WriteString("| --- ")
	}
	t.head = intro + head.String() + "|\n" + rule.String() + "|\n"
	for _, c := range g.cards {
		var row strings.Builder
		for _, column := range columns {
			row.WriteString("|" + column.cell(c))
		}
		t.rows = append(t.rows, row.String()+"|\n")
	}
	return t
}

// cellCode is a text as code in a cell of a table, where a stroke would end the cell.
func cellCode(s string) string {
	if !strings.ContainsAny(s, "|\\`") {
		return code(s)
	}
	return "<code>" + entities(clip(safe.Text(s), clipped)) + "</code>"
}

// entities writes each mark as HTML's number for it, so that Markdown reads none.
func entities(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 && !(r == ' ' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// cellProse is prose in a cell.
func cellProse(s string) string {
	if strings.ContainsAny(s, "|\\`") {
		return cellCode(s)
	}
	return prose(s)
}

// which are the columns that say which card it is: its ICCID, and its name where
// that is more.
var which = tableColumn{"ICCID", func(c *plan.Card) string {
	if iccidOf(c) == "" {
		return cellCode(string(c.ICCID))
	}
	return cellCode(string(c.ICCID)) + " " + cellCode(c.Address)
}}

// where are the columns that end a table: labels, the row of the card's table, and
// notes, each where a card of the group has them.
func where(g *alike) []tableColumn {
	var out []tableColumn
	has := func(is func(c *plan.Card) bool) bool { return slices.ContainsFunc(g.cards, is) }
	if has(func(c *plan.Card) bool { return len(c.Labels) > 0 }) {
		out = append(out, tableColumn{"labels", func(c *plan.Card) string {
			var parts []string
			for _, l := range labelled(c.Labels) {
				parts = append(parts, cellCode(l))
			}
			return strings.Join(parts, " ")
		}})
	}
	if has(func(c *plan.Card) bool { return c.File != "" }) {
		out = append(out, tableColumn{"row", func(c *plan.Card) string {
			if c.File == "" {
				return "" // a card that left
			}
			return cellCode(rowOf(c))
		}})
	}
	if has(func(c *plan.Card) bool { return len(c.Notes) > 0 }) {
		out = append(out, tableColumn{"notes", func(c *plan.Card) string {
			var parts []string
			for _, n := range c.Notes {
				parts = append(parts, cellProse(n))
			}
			return strings.Join(parts, "; ")
		}})
	}
	return out
}

// rowOf is where a card is declared: "bikes.csv:17"; "" for a card that left.
func rowOf(c *plan.Card) string {
	switch {
	case c.File == "":
		return ""
	case c.Line == 0:
		return path.Base(c.File)
	}
	return path.Base(c.File) + ":" + strconv.Itoa(c.Line)
}

// changeColumns are the columns of a group that changes: the device before and
// after, or the one that it has; and the changes where these differ within the group.
func changeColumns(g *alike) []tableColumn {
	columns := []tableColumn{which}
	if slices.ContainsFunc(g.cards, rebinds) {
		columns = append(columns, tableColumn{"old", func(c *plan.Card) string { return deviceCell(c.Before.Binding) }}, tableColumn{"new", newDevice})
	} else {
		columns = append(columns, tableColumn{"device", onlyDevice})
	}
	if g.folded > 1 {
		columns = append(columns, tableColumn{"changes", func(c *plan.Card) string {
			var parts []string
			for _, a := range c.Actions {
				parts = append(parts, cellChange(c, a))
			}
			return strings.Join(parts, "; ")
		}})
	}
	return append(columns, where(g)...)
}

// cellChange is one action in a cell.
func cellChange(c *plan.Card, a plan.Action) string {
	s := a.Tell(a.Kind.Phrase().Said, cellCode(a.From), cellCode(a.To))
	if a.Guarded {
		s += " — " + map[bool]string{true: "approved", false: "**not approved**: " + cellProse(a.Denial)}[a.Approved]
	}
	if l := leaving(c, a); l != "" {
		s += "; " + l
	}
	return s
}

func rebinds(c *plan.Card) bool {
	return slices.ContainsFunc(c.Actions, func(a plan.Action) bool { return setsDevice(a.Change) })
}

// deviceCell is a device, in words where there is none; "" where nobody knows.
func deviceCell(b state.Binding) string {
	switch {
	case !b.Known:
		return ""
	case b.IMEI == "":
		return "none"
	default:
		return cellCode(string(b.IMEI))
	}
}

// newDevice is the device that a card gets, with the digits that change in bold.
func newDevice(c *plan.Card) string {
	first, last := "", ""
	for _, a := range c.Actions {
		if setsDevice(a.Change) {
			if last == "" {
				first = a.From
			}
			last = a.To
		}
	}
	switch {
	case last == "":
		return ""
	case first == "" || strings.ContainsAny(last, "|\\`"):
		return cellCode(last)
	default:
		return changedIMEI(first, last)
	}
}

// onlyDevice is the device that a card has, or is adopted with.
func onlyDevice(c *plan.Card) string {
	if c.Before.Binding.Known {
		return deviceCell(c.Before.Binding)
	}
	return deviceCell(c.After.Binding)
}

// deviceNow is the device that a card has, whatever is planned for it.
func deviceNow(c *plan.Card) string {
	if rebinds(c) {
		return deviceCell(c.Before.Binding)
	}
	return onlyDevice(c)
}

// driftColumns are those of a group that changed outside.
func driftColumns(g *alike) []tableColumn {
	values := func(value func(d plan.Drift) string) func(c *plan.Card) string {
		return func(c *plan.Card) string {
			var parts []string
			for _, d := range c.Drift {
				parts = append(parts, cellCode(value(d)))
			}
			return strings.Join(parts, " ")
		}
	}
	return append([]tableColumn{
		which,
		{"before", values(func(d plan.Drift) string { return d.From })},
		{"after", values(func(d plan.Drift) string { return d.To })},
	}, where(g)...)
}

// attentionColumns are those of a group that needs the same of a person.
func attentionColumns(g *alike) []tableColumn {
	return append([]tableColumn{which, {"device", deviceNow}}, where(g)...)
}

// summaryOf is the line that a group opens by.
func summaryOf(g *alike, what, where string) string {
	return fmt.Sprintf("<details><summary><b>%s cards</b> %s — %s</summary>\n\n", Thousands(g.n), what, where)
}

// changeTable is a group of cards that change alike.
func changeTable(g *alike) *cardTable {
	intro := summaryOf(g, arrows(htmlCode(strings.Join(g.whats(), "; ")))+standingHTML(g.cards[0]), commonlyHTML(g))
	if g.folded < 2 {
		for _, a := range g.cards[0].Actions {
			if a.Guarded {
				intro += spec.Capital(approvedBy(a)) + ".\n\n"
			}
			if l := leaving(g.cards[0], a); l != "" {
				intro += "Of each: " + l + ".\n\n"
			}
		}
	}
	return newCardTable(g, intro, changeColumns(g), cardLine)
}

// driftTable is a group of cards that changed outside in the same way.
func driftTable(g *alike) *cardTable {
	var whats []string
	for _, d := range g.cards[0].Drift {
		whats = append(whats, arrows(htmlCode(drifted(d, g.folded))))
	}
	intro := summaryOf(g, strings.Join(whats, "; "), htmlCode(string(g.cards[0].Provider)))
	if g.folded == 0 {
		for _, d := range g.cards[0].Drift {
			intro += prose(spec.Capital(d.Cause)) + "." + keepText(g, d) + "\n\n"
		}
	}
	return newCardTable(g, intro, driftColumns(g), driftItem)
}

// keepText says how to keep what changed, where that is the same for all cards shown.
func keepText(g *alike, d plan.Drift) string {
	same := func(c *plan.Card) bool {
		return slices.ContainsFunc(c.Drift, func(other plan.Drift) bool { return other.Attribute == d.Attribute && other.Keep == d.Keep })
	}
	switch {
	case d.Keep == "":
		return ""
	case slices.ContainsFunc(g.cards, func(c *plan.Card) bool { return !same(c) }):
		return " To keep it, write it into the card's row."
	default:
		return " To keep it, in each card's row: " + code(d.Keep)
	}
}

// attentionTable is a group of cards that need the same of a person.
func attentionTable(g *alike) *cardTable {
	var summaries []string
	for _, n := range g.cards[0].Attention {
		summaries = append(summaries, htmlProse(n.Summary))
	}
	intro := summaryOf(g, strings.Join(summaries, "; "), htmlCode(string(g.cards[0].Provider)))
	for _, n := range g.cards[0].Attention {
		intro += "**" + prose(n.Summary) + "** — " + prose(n.Detail) + "\n\n"
	}
	if ownNumbers(g) {
		intro += "Numbers and times are those of the first card.\n\n"
	}
	return newCardTable(g, intro, attentionColumns(g), cardCode)
}
