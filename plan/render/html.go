package render

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// report is the page's template, its style and its script. They go into the
// page itself: it loads nothing.
//
//go:embed report/page.html report/fleet.html report/run.html report/page.css report/page.js
var report embed.FS

// HTML writes the whole plan as one page for people, which needs no network.
//
// Labels and what carriers say may be hostile. html/template escapes what is
// written here; the cards are data, which the script puts into the page as
// text alone. The policy in the page's head lets nothing run or load but the
// script and the style that it names by their digests.
func HTML(w io.Writer, p plan.Source, o HTMLOptions) error {
	view, err := viewOf(p, o)
	if err != nil {
		return err
	}
	told := telling{ClockOf(p.Head().Zone), o.Lang}
	return writePage(w, told, "top", view, func(w io.Writer) error { return writeCards(w, p, told) })
}

// HTMLOptions say how a plan becomes a page. The zero value is in English.
type HTMLOptions struct {
	Digest string // of the saved plan; "" for one that isn't saved
	Lang   lang.Language
}

// top writes a page's top as it is told.
func (t telling) top(w io.Writer, top *template.Template, view any) error {
	if t.lang.English() {
		return top.Execute(w, view)
	}
	var page bytes.Buffer
	if err := top.Execute(&page, view); err != nil {
		return err
	}
	return t.lang.HTML(w, &page)
}

// pageTemplates are the templates of all pages.
func pageTemplates(told telling) *template.Template {
	page, err := template.New("").Funcs(template.FuncMap{
		"spans": func(text any) []span { return spans(told.tell(fmt.Sprint(text))) }, "zoned": told.Both, "thousands": Thousands, "told": pageParts, "selected": selectedText,
		"line":      safe.Text, // what is one line stays one
		"counts":    func(a plan.Action, i int) string { return counts(&a, i) },
		"attribute": attribute,
		"named":     func(b bar) string { return b.named(told.lang) },
		"time":      func(at time.Time) string { return timeIn(at, told.zone) },
	}).ParseFS(report, "report/*.html")
	if err != nil {
		panic(err) // the templates are ours, and are tested
	}
	return page
}

// paper is what every page is made on: what its title says that it is of, the style,
// the script, and the policy that lets nothing else run or load.
type paper struct {
	Subject string
	Policy  string
	Style   template.CSS
	Script  template.JS
	Words   string // the script's own, in the language; see [scriptWords]
}

func newPaper(subject string, l lang.Language) paper {
	style, script := embedded("report/page.css"), embedded("report/page.js")
	return paper{
		Subject: subject, Words: scriptWords(l), Style: template.CSS(style), Script: template.JS(script), //nolint:gosec // our own files
		Policy: "default-src 'none'; script-src " + digestSource(script) + "; style-src " + digestSource(style) + "; base-uri 'none'; form-action 'none'",
	}
}

// writePage writes a page: its top, a template of that name, its data, and its end.
func writePage(w io.Writer, told telling, top string, view any, data func(io.Writer) error) error {
	page, out := pageTemplates(told), bufio.NewWriter(w)
	if err := told.top(out, page.Lookup(top), view); err != nil {
		return err
	}
	if err := data(out); err != nil {
		return err
	}
	if err := page.ExecuteTemplate(out, "end", view); err != nil {
		return err
	}
	return out.Flush()
}

// view is what the template shows.
type view struct {
	paper
	Plan   *plan.Plan
	Digest string

	Headline, Subline, LastLine string
	figures
	Phrases      string // see [pagePhrases]
	Limits       [][]string
	Checks       []checkTold
	Reads        []carrierText
	Windows      []string
	Irreversible []listedCard
	Attention    []listedCard
	Alike        []listedGroup // that need the same
	Numbers      []plan.Number
	attended     attended
	// More is how many of each list are left to the table.
	MoreIrreversible, MoreAttention int
}

// listedCard is a card that the page's top lists.
type listedCard struct {
	*plan.Card
	Index int // among the cards of the data
	// ShowICCID is false where the address says it.
	ShowICCID bool
	// Approve is how each of its actions that lacks an approval gets it, "" for none.
	Approve []string
}

// listedGroup is many cards that need the same of a person.
type listedGroup struct {
	N     int
	Own   bool         // what they need is told with numbers of their own
	Cards []listedCard // the first of them
}

// attended are the cards that need attention, and their places in the page's data.
type attended struct {
	*grouping
	index []int32 // of each card of the grouping
}

func (a *attended) listed(c *plan.Card, place int32) listedCard {
	at, _ := slices.BinarySearch(a.places, place) // it is one of them
	return listedCard{Card: c, Index: int(a.index[at]), ShowICCID: iccidOf(c) != ""}
}

// topMost is how many cards the page's top lists of one sort; the table has all.
const topMost = 100

func viewOf(from plan.Source, o HTMLOptions) (*view, error) {
	p := from.Head()
	v := &view{
		paper: newPaper("cardfleet plan", o.Lang), Plan: p, Digest: o.Digest, LastLine: LastLine(p), Phrases: pagePhrases(o.Lang), Reads: readsOf(p), Windows: timingTexts(p),
		attended: attended{grouping: newGrouping(groupFrom, ofAttention)},
	}
	v.attended.folds = 1
	counting := newFigures(p)
	index := 0
	err := from.Each(func(n int, c *plan.Card) error {
		if inReport(c) {
			counting.card(c)
			v.list(c, n, index)
			index++
		}
		return nil
	})
	if err == nil {
		err = v.listAttention(from)
	}
	v.figures = counting.figures()
	v.Headline, v.Subline = v.headline(p)
	for _, l := range p.Limits {
		v.Limits = append(v.Limits, LimitText(l))
	}
	v.Checks = checksOf(p)
	v.Numbers = p.Numbers[:min(len(p.Numbers), topMost)]
	v.MoreAttention += len(p.Numbers) - len(v.Numbers)
	return v, err
}

// attribute is a text that the script is to have as it is: as JSON, in which nothing is
// left that a page's source may not show.
func attribute(text any) string {
	encoded, err := json.Marshal(fmt.Sprint(text))
	if err != nil {
		panic(err) // it is a text
	}
	return safe.JSONText(string(encoded))
}

func embedded(name string) string {
	text, err := report.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

// digestSource names an inline script or style in a Content-Security-Policy.
func digestSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// headline says in a line what the plan does, and in another what to mind.
func (v *view) headline(p *plan.Plan) (line, mind string) {
	switch {
	case p.Clean() && p.RefreshOnly:
		return "No drift", LastLine(p)
	case p.Clean():
		return "No changes", LastLine(p)
	case v.Actions > 0:
		line = count(v.Actions, "action", "actions") + " on " + count(v.Changing, "card", "cards")
	case v.Summary.Drifted > 0:
		line = count(v.Summary.Drifted, "card", "cards") + " changed outside"
	default:
		line = "Nothing to change"
	}
	var parts []string
	if n := v.Summary.ByKind[spec.Unbind].Planned; n > 0 {
		parts = append(parts, Thousands(n)+" can’t be undone")
	}
	if n := v.Summary.Guarded - v.Summary.Approved; n > 0 {
		parts = append(parts, count(n, "approval is missing", "approvals are missing"))
	}
	if n := v.Summary.Attention; n > 0 {
		parts = append(parts, count(n, "needs attention", "need attention"))
	}
	if len(p.Policy.Weaker) > 0 {
		parts = append(parts, "the policy is weaker")
	}
	if n := failed(p); n > 0 {
		parts = append(parts, count(n, "check fails", "checks fail"))
	}
	if n := v.Summary.Unread; n > 0 {
		parts = append(parts, Thousands(n)+" unread")
	}
	return line, strings.Join(append(parts, Thousands(v.Summary.Unchanged)+" unchanged"), " · ")
}

// list puts a card that can't wait to be found at the top. place is the card's in
// the plan, index its place among the cards of the data.
func (v *view) list(c *plan.Card, place, index int) {
	if closes(c) {
		v.Irreversible, v.MoreIrreversible = v.add(v.Irreversible, v.MoreIrreversible, c, index)
	}
	if len(c.Attention) > 0 {
		v.attended.add(place, c)
		v.attended.index = append(v.attended.index, int32(index))
	}
}

// listAttention lists the cards that need attention: once what many need alike,
// and the others one by one.
func (v *view) listAttention(from plan.Source) error {
	many, single := v.attended.groups()
	if err := fetch(from, many); err != nil {
		return err
	}
	for i := range many {
		g := listedGroup{N: many[i].n, Own: ownNumbers(&many[i])}
		for k, c := range many[i].cards {
			g.Cards = append(g.Cards, v.attended.listed(c, many[i].first[k]))
		}
		v.Alike = append(v.Alike, g)
	}
	v.MoreAttention = max(len(single)-topMost, 0)
	return from.Visit(single[:min(len(single), topMost)], func(n int, c *plan.Card) error {
		own := c.Clone()
		v.Attention = append(v.Attention, v.attended.listed(&own, int32(n)))
		return nil
	})
}

func (v *view) add(list []listedCard, more int, c *plan.Card, index int) ([]listedCard, int) {
	if len(list) == topMost {
		return list, more + 1
	}
	own := c.Clone() // the next card may stand in its place
	return append(list, listedCard{Card: &own, Index: index, ShowICCID: iccidOf(c) != "", Approve: approveText(v.Plan, c)}), more
}

// approveText is the block that approves each of a card's actions that has no
// approval yet, or the command where only signatures count.
func approveText(p *plan.Plan, c *plan.Card) []string {
	var out []string
	for _, a := range c.Actions {
		if !a.Guarded || a.Approved {
			continue
		}
		if p.Policy.SignersOnly {
			return []string{"cardfleet approve PLANFILE -key KEYFILE"}
		}
		if device := plan.DeviceOf(c, a); device != "" {
			r := request{kind: a.Kind, n: 1, cards: []asked{{c.ICCID, c.Address, device}}}
			out = append(out, strings.Join(r.lines(1), "\n"))
		}
	}
	return out
}

// span is a part of a text: one that is shown as it is, or a character that
// nobody would see, by its name.
type span struct {
	Text string
	Odd  bool
}

// spans takes a text apart, so that a character that is invisible or turns the
// direction of what follows is seen, and does nothing.
func spans(text any) []span {
	var out []span
	shown := strings.Builder{}
	flush := func() {
		if shown.Len() > 0 {
			out = append(out, span{Text: shown.String()})
			shown.Reset()
		}
	}
	for _, r := range safe.Commands(fmt.Sprint(text)) {
		if odd(r) {
			flush()
			out = append(out, span{fmt.Sprintf("U+%04X", r), true})
			continue
		}
		shown.WriteRune(r)
	}
	flush()
	return out
}

// odd reports a character that a reader doesn't see: controls, marks of
// direction, characters of no width. page.js has the same in oddText.
func odd(r rune) bool {
	return r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// inReport reports whether the page has the card: one that is only counted
// isn't in it.
func inReport(c *plan.Card) bool {
	return len(c.Actions)+len(c.Attention)+len(c.Drift)+len(c.Notes) > 0
}
