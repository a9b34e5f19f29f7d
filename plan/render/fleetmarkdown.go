package render

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/cardfleet/cardfleet/state"
)

// FleetMarkdown writes the fleet as one comment or page of Markdown, as [Markdown]
// writes a plan: at most o.Limit characters, whole sections left out where
// there is no room, which is said.
func FleetMarkdown(w io.Writer, v Overview, o MarkdownOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	n := newOverviewing(&v)
	var troubles []string
	err := v.Each(func(c *state.Card) error {
		n.card(c)
		if says := Troubles(c); len(says) > 0 && len(troubles) < topMost {
			troubles = append(troubles, fmt.Sprintf("- %s (%s): %s\n", code(c.Address), code(string(c.ICCID)), prose(telling{Clock{v.Zone}, o.Lang}.tell(strings.Join(says, "; ")))))
		}
		return nil
	})
	if err != nil {
		return err
	}
	head := fleetHead(n, &v, o)
	sections := []string{n.carriersTable(), n.troublesList(troubles), n.runOutList()}
	sections = append(sections, n.labelTables()...)
	sections = append(sections, n.modelsList(), v.Past.list(&v))
	_, err = io.WriteString(w, o.Lang.Markdown(fitted(head, sections, cmp.Or(o.Limit, GitHubLimit))))
	return err
}

// fitted is the head with the sections that fit, in their order.
func fitted(head string, sections []string, limit int) string {
	const said = "%d more sections are left out for want of room; `cardfleet show -html` has them.\n"
	var b strings.Builder
	b.WriteString(head)
	room, left := limit-units(head)-units(said), 0
	for _, s := range sections {
		if s == "" {
			continue
		}
		if units(s) > room {
			left++
			continue
		}
		room -= units(s)
		b.WriteString(s)
	}
	if left > 0 {
		fmt.Fprintf(&b, said, left)
	}
	return b.String()
}

func fleetHead(n *overviewing, v *Overview, o MarkdownOptions) string {
	marker, title := "<!-- cardfleet-fleet -->", "cardfleet fleet"
	if o.Marker != "" {
		marker, title = "<!-- cardfleet-fleet: "+o.Marker+" -->", title+" "+code(o.Marker)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n## %s\n\n**%s**", marker, title, count(n.cards, "card", "cards"))
	for i, s := range conditions() {
		if n.conditions[i] > 0 {
			fmt.Fprintf(&b, ", %s %s", Thousands(n.conditions[i]), s.name)
		}
	}
	fmt.Fprintf(&b, ". %s in doubt, %s attention besides.\n\n", plural(n.doubt, "1 is", Thousands(n.doubt)+" are"), plural(n.besides, "1 needs", Thousands(n.besides)+" need"))
	if !n.newest.IsZero() {
		fmt.Fprintf(&b, "As read between %s and %s", timeIn(n.oldest, v.Zone), timeIn(n.newest, v.Zone))
		if n.unread > 0 {
			fmt.Fprintf(&b, "; %s never read", count(n.unread, "card was", "cards were"))
		}
		b.WriteString(".\n\n")
	}
	return b.String()
}

func (n *overviewing) carriersTable() string {
	return conditionTable("By carrier", "carrier", sharesOf(n.carriers), "")
}

func (n *overviewing) labelTables() []string {
	keys, many := n.labelKeys()
	var out []string
	for _, key := range keys {
		out = append(out, conditionTable("By "+clippedCode(key, 60), "value", sharesOf(n.labels[key]), "(blank)"))
	}
	if len(many) > 0 {
		for i := range many {
			many[i] = clippedCode(many[i], 60)
		}
		out = append(out, "There are too many values for a table by "+strings.Join(many[:min(len(many), 20)], ", ")+".\n\n")
	}
	return out
}

// conditionTable is a table of parts of the fleet, by how their cards stand.
func conditionTable(title, first string, shares []share, blank string) string {
	if len(shares) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n| %s | cards |", title, first)
	for _, s := range conditions() {
		b.WriteString(" " + s.name + " |")
	}
	b.WriteString("\n| --- | ---: |" + strings.Repeat(" ---: |", len(conditions())) + "\n")
	for _, s := range shares {
		fmt.Fprintf(&b, "| %s | %s |", tableCode(s.named(blank)), Thousands(s.Count))
		for _, k := range s.by {
			b.WriteString(" " + Thousands(k) + " |")
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.String()
}

// tableCode is a text as code within a table, where a bar would end the cell.
func tableCode(s string) string { return strings.ReplaceAll(clippedCode(s, 60), "|", `\|`) }

func (n *overviewing) troublesList(shown []string) string {
	if len(shown) == 0 {
		return ""
	}
	text := "### Needs attention\n\n" + strings.Join(shown, "")
	if left := n.troubled - len(shown); left > 0 {
		text += "- … and " + count(left, "more card", "more cards") + "\n"
	}
	return text + "\n"
}

func (n *overviewing) runOutList() string {
	return plainList(fmt.Sprintf("Packages that run out in the next %d days", daysAhead), plainShares(n.packages), "(no id)")
}

func (n *overviewing) modelsList() string {
	models := map[string]int{}
	for tac, k := range n.models {
		if tac == "" {
			tac = "no device"
		}
		models[tac] += k
	}
	return plainList("Devices by model (the IMEI’s first 8 digits)", plainShares(models), "")
}

func plainList(title string, shares []share, blank string) string {
	if len(shares) == 0 {
		return ""
	}
	text := "### " + title + "\n\n"
	for _, s := range shares {
		text += fmt.Sprintf("- %s: %s\n", clippedCode(s.named(blank), 60), Thousands(s.Count))
	}
	return text + "\n"
}

// list is the last runs; p may be nil.
func (p *Past) list(v *Overview) string {
	if p == nil || len(p.runs) == 0 {
		return ""
	}
	text := "### Last runs\n\n| began | what | who | commit | done | failed or dropped | in doubt |\n| --- | --- | --- | --- | ---: | ---: | ---: |\n"
	for _, r := range p.rows(v.Zone) {
		text += fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |\n", r.Began, tableCode(r.Operation), tableCode(r.Who), tableCode(r.Commit),
			Thousands(r.Done), Thousands(r.Undone), Thousands(r.InDoubt))
	}
	return text + "\n"
}
