package render

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// FleetHTML writes the fleet as one page for people, as [HTML] writes a plan.
func FleetHTML(w io.Writer, o Overview) error {
	v, err := fleetViewOf(o)
	if err != nil {
		return err
	}
	return writePage(w, telling{Clock{o.Zone}, o.Lang}, "fleet top", v, func(w io.Writer) error { return writeFleetCards(w, o) })
}

// fleetView is what the template shows.
type fleetView struct {
	paper
	Overview

	Headline string
	Tiles    []tile
	Fleet    []segment
	Carriers []bar
	Labels   []labelBars
	Many     []string // labels with too many values
	Models   []bar
	RunOut   *columns
	Packages []bar
	Changes  *columns
	Runs     []runRow
	Doubts   []troubled
	MoreDoubts,
	Cards, Believed, Unread int
	Oldest, Newest time.Time
}

// tile is a count that the page begins with, and narrows the table to: by how
// cards stand, or by what they need.
type tile struct {
	Name, Needs string
	Count       int
}

// labelBars are the values of one label.
type labelBars struct {
	Key  string
	Bars []bar
}

// troubled is a card that the page lists by itself.
type troubled struct {
	Index int
	*state.Card
	Says []string
}

// ShowICCID is false where the address says it.
func (t *troubled) ShowICCID() bool { return !strings.Contains(t.Address, string(t.ICCID)) }

// columns is a picture of days or weeks: one column each.
type columns struct {
	Title    string
	Width    int
	Pillars  []pillar
	From, To string
	Most     int // the tallest column's count
	Legend   []segment
}

// pillar is one column of a picture, from the bottom up.
type pillar struct {
	X, Width int
	Says     string
	Parts    []stack
}

type stack struct {
	Class     string
	Y, Height int
}

// runRow is a run as the page lists it.
type runRow struct {
	pastRun
	Began string
}

func fleetViewOf(o Overview) (*fleetView, error) {
	v := &fleetView{paper: newPaper("cardfleet", o.Lang), Overview: o}
	n := newOverviewing(&o)
	err := o.Each(func(c *state.Card) error {
		n.card(c)
		if says := Troubles(c); len(says) > 0 {
			v.trouble(n.cards-1, c, says)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(v.Doubts, func(a, b troubled) int { return min(len(b.Card.Doubts), 1) - min(len(a.Card.Doubts), 1) })
	v.draw(n)
	return v, nil
}

// troublesMost is how many cards that need attention the page lists; the table has all.
const troublesMost = 12

// trouble lists a card that needs attention, as long as there is room. One in doubt
// takes the room of one that isn't.
func (v *fleetView) trouble(index int, c *state.Card, says []string) {
	own := *c
	card := troubled{index, &own, says}
	if len(v.Doubts) < troublesMost {
		v.Doubts = append(v.Doubts, card)
		return
	}
	v.MoreDoubts++
	if len(c.Doubts) == 0 {
		return
	}
	for i := range slices.Backward(v.Doubts) {
		if len(v.Doubts[i].Card.Doubts) == 0 {
			v.Doubts = append(slices.Delete(v.Doubts, i, i+1), card)
			return
		}
	}
}

func (v *fleetView) draw(n *overviewing) {
	v.Cards, v.Believed, v.Unread, v.Oldest, v.Newest = n.cards, n.believed, n.unread, n.oldest, n.newest
	v.Headline = count(n.cards, "card", "cards")
	all := conditions()
	for i, s := range all {
		v.Fleet = append(v.Fleet, segment{Class: s.class, Name: s.name, Count: n.conditions[i]})
	}
	v.Tiles = []tile{
		{all[0].name, "", n.conditions[0]}, {all[1].name, "", n.conditions[1]}, {all[2].name, "", n.conditions[2]},
		{inDoubt, inDoubt, n.doubt}, {"needs attention besides", "needs attention besides", n.besides},
	}
	v.Fleet = layOut(1000, v.Fleet)
	v.Carriers = conditionBars(sharesOf(n.carriers), "")
	keys, many := n.labelKeys()
	for _, key := range keys {
		v.Labels = append(v.Labels, labelBars{key, conditionBars(sharesOf(n.labels[key]), "(blank)")})
	}
	v.Many = many
	v.Models = v.models(n)
	v.RunOut = n.weeks()
	v.Packages = plainBars(plainShares(n.packages), "(no id)")
	if v.Past != nil {
		v.Changes = v.Past.columns()
		v.Runs = v.Past.rows(v.Zone)
	}
}

// models are the devices by model; those without a device aren't among them.
func (v *fleetView) models(n *overviewing) []bar {
	none := n.models[""]
	delete(n.models, "")
	out := plainShares(n.models)
	bars := plainBars(out, "")
	if none > 0 {
		bars = append(bars, bar{Name: "no device", Count: none, Plain: true, Segments: []segment{{Class: "unknown", Count: none}}})
	}
	if n.unknownDevice > 0 {
		bars = append(bars, bar{Name: "not known", Count: n.unknownDevice, Plain: true, Segments: []segment{{Class: "unknown", Count: n.unknownDevice}}})
	}
	return drawn(bars)
}

// conditionBars draw parts of the fleet by how their cards stand.
func conditionBars(shares []share, blank string) []bar {
	var out []bar
	for _, s := range shares {
		b := bar{Name: s.named(blank), Count: s.Count, Plain: s.Rest > 0 || s.Name == ""}
		for i, n := range s.by {
			b.Segments = append(b.Segments, segment{Class: conditions()[i].class, Count: n})
		}
		out = append(out, b)
	}
	return drawn(out)
}

func plainBars(shares []share, blank string) []bar {
	var out []bar
	for _, s := range shares {
		out = append(out, bar{Name: s.named(blank), Count: s.Count, Plain: s.Rest > 0 || s.Name == "", Segments: []segment{{Class: "serving", Count: s.Count}}})
	}
	return drawn(out)
}

func (s share) named(blank string) string {
	switch {
	case s.Rest > 0:
		return count(s.Rest, "other", "others")
	case s.Name == "":
		return blank
	default:
		return s.Name
	}
}

// weeks draws how many packages run out in each of the next weeks; nil where none does.
func (n *overviewing) weeks() *columns {
	if len(n.packages) == 0 {
		return nil
	}
	c := &columns{Title: "Packages that run out in the next " + strconv.Itoa(daysAhead) + " days", From: dayIn(n.now, n.zone), To: dayIn(n.until, n.zone)}
	for i, k := range n.runOut {
		begins := n.now.AddDate(0, 0, 7*i)
		c.add(fmt.Sprintf("week from %s: %s", dayIn(begins, n.zone), count(k, "package", "packages")), segment{Class: "stopped", Count: k})
	}
	c.lay()
	return c
}

// columns draws what was done a day.
func (p *Past) columns() *columns {
	c := &columns{Title: "What was done in the last " + strconv.Itoa(daysBack) + " days", From: dayIn(p.Since(), p.zone), To: dayIn(p.now, p.zone), Legend: []segment{
		{Class: string(spec.Irreversible), Name: "can’t be undone"}, {Class: string(spec.Disruptive), Name: "disruptive"},
		{Class: string(spec.Reversible), Name: "reversible"}, {Class: "unread", Name: "failed or dropped"}, {Class: "attention", Name: "in doubt"}, {Class: "drift", Name: "changed outside"},
	}}
	for i := range p.days {
		d := &p.days[i]
		parts := []segment{
			{Class: string(spec.Irreversible), Count: d.Done[spec.Irreversible]}, {Class: string(spec.Disruptive), Count: d.Done[spec.Disruptive]},
			{Class: string(spec.Reversible), Count: d.Done[spec.Reversible]}, {Class: "unread", Count: d.Undone}, {Class: "attention", Count: d.InDoubt}, {Class: "drift", Count: d.Outside},
		}
		says := dayIn(p.Since().AddDate(0, 0, i), p.zone)
		for k := range parts {
			c.Legend[k].Count += parts[k].Count
			if parts[k].Count > 0 {
				says += fmt.Sprintf(", %s %s", Thousands(parts[k].Count), c.Legend[k].Name)
			}
		}
		c.add(says, parts...)
	}
	c.Legend = slices.DeleteFunc(c.Legend, func(s segment) bool { return s.Count == 0 })
	c.lay()
	return c
}

const (
	columnWidth  = 10
	columnHeight = 100
)

// add puts a column behind the others; heights are counts until lay.
func (c *columns) add(says string, parts ...segment) {
	col := pillar{X: len(c.Pillars)*columnWidth + 1, Width: columnWidth - 2, Says: says}
	sum := 0
	for _, p := range parts {
		col.Parts = append(col.Parts, stack{Class: p.Class, Height: p.Count})
		sum += p.Count
	}
	c.Most = max(c.Most, sum)
	c.Pillars = append(c.Pillars, col)
	c.Width = len(c.Pillars) * columnWidth
}

// lay turns counts into heights: what counts anything is seen.
func (c *columns) lay() {
	for i := range c.Pillars {
		y, parts := columnHeight, c.Pillars[i].Parts[:0]
		for _, p := range c.Pillars[i].Parts {
			if p.Height == 0 {
				continue
			}
			h := max(2, p.Height*(columnHeight-12)/c.Most)
			y -= h
			parts = append(parts, stack{Class: p.Class, Y: max(0, y), Height: h})
		}
		c.Pillars[i].Parts = parts
	}
}

// rows are the last runs, the newest first.
func (p *Past) rows(zone *time.Location) []runRow {
	var out []runRow
	for _, r := range slices.Backward(p.runs) {
		out = append(out, runRow{*r, timeIn(r.Started, zone)})
	}
	return out
}

func dayIn(at time.Time, zone *time.Location) string { return at.In(zone).Format("2006-01-02") }

// timeIn is a time in UTC, and in the fleet's zone too, as a plan tells times.
func timeIn(at time.Time, zone *time.Location) string {
	return Clock{zone}.Both(at.UTC().Format("2006-01-02 15:04 UTC"))
}

// writeFleetCards writes the cards as data for the page's script, in the form that
// a plan's cards have.
func writeFleetCards(w io.Writer, o Overview) error {
	c := newChunk(telling{lang: o.Lang})
	err := o.Each(func(card *state.Card) error {
		own := pageCard(card)
		return c.put(w, &own)
	})
	if err != nil {
		return err
	}
	return c.end(w)
}

// inDoubt is the summary by which the page's script knows a card in doubt.
const inDoubt = "in doubt"

// pageCard is a card of the state as a plan would show it that changes nothing.
func pageCard(c *state.Card) plan.Card {
	r := c.Reading()
	v := plan.Values{Binding: c.Binding, Active: r.Lifecycle.InService(), Status: c.Last.Status, Lifecycle: r.Lifecycle}
	if r.Tells(spec.AttrPackages) {
		v.Packages = make([]string, 0, len(r.Packages))
		for _, p := range r.Packages {
			v.Packages = append(v.Packages, p.ID)
		}
	}
	out := plan.Card{Address: c.Address, ICCID: c.ICCID, Provider: c.Provider, MSISDN: c.MSISDN, Labels: c.Labels, Before: v, After: v}
	for i, s := range Troubles(c) {
		if i < len(c.Doubts) {
			out.Attention = append(out.Attention, plan.Note{Summary: inDoubt, Detail: s})
			continue
		}
		out.Attention = append(out.Attention, plan.Note{Summary: "attention", Detail: s})
	}
	if b := c.Binding.Belief(); c.Binding.Known && b != "" {
		out.Notes = append(out.Notes, "its device is "+b)
	}
	if c.PreventUnbind {
		out.Notes = append(out.Notes, "prevent_unbind protects it")
	}
	for _, p := range r.Packages {
		if !p.Expires.IsZero() {
			out.Notes = append(out.Notes, "package "+p.ID+" runs out "+p.Expires.UTC().Format("2006-01-02 15:04 UTC"))
		}
	}
	return out
}
