package render_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

var fleetNow = time.Date(2026, 11, 29, 10, 30, 0, 0, time.UTC)

// fleetOf is the fleet that a state of these cards is.
func fleetOf(cards []state.Card) render.Overview {
	return render.Overview{
		State: &state.Snapshot{Lineage: "5e3b", Serial: 7}, Now: fleetNow, Version: "0.1.0",
		Each: func(visit func(*state.Card) error) error {
			for i := range cards {
				if err := visit(&cards[i]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// someCards are cards of every sort: n of them, by their numbers.
func someCards(n int) []state.Card {
	cities := []string{"hangzhou", "ningbo", "wenzhou", "上海", "北京"}
	lives := []spec.Lifecycle{spec.Active, spec.Active, spec.Active, spec.Active, spec.Active, spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Inventory, spec.Closed, ""}
	cards := make([]state.Card, n)
	for i := range cards {
		c := &cards[i]
		*c = state.Card{
			Provider: []spec.ProviderName{aliyun, cmiot, xuyu}[i%3], ICCID: iccid(i), Address: fmt.Sprintf("card.bike[%q]", iccid(i)),
			Labels:  map[string]string{"city": cities[i%5], "model": "m" + fmt.Sprint(i%2)},
			Binding: state.BoundTo(spec.IMEI(imei(i))),
			Last: state.Last{At: fleetNow.Add(-time.Duration(i%600) * time.Minute), Lifecycle: lives[i%len(lives)], Status: "正常", Has: spec.AttrActive | spec.AttrPackages,
				Packages: []spec.Package{{ID: "1000" + fmt.Sprint(i%3), Expires: fleetNow.AddDate(0, 0, i%120)}}},
		}
		switch {
		case i%97 == 5:
			c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: fleetNow.Add(-time.Hour), Reason: "no answer came"}}
		case i%13 == 1:
			c.Binding = state.Binding{}
		case i%17 == 2:
			c.Binding = state.BoundTo("")
		case i%19 == 3:
			c.Binding.Unconfirmed = state.OnTrust
		}
	}
	return cards
}

// somePast is a history of the last months.
func somePast() *render.Past {
	past := render.NewPast(fleetNow, nil)
	for day := range 90 {
		run := &state.Run{ID: fmt.Sprintf("run-%02d", day), Operation: "apply", Started: past.Since().AddDate(0, 0, day).Add(9 * time.Hour), Who: "ci@runner", Commit: "1a2b3c4d5e6f", Info: "https://ci.example/runs/" + fmt.Sprint(day)}
		past.Add(run, nil)
		for i := range day * 7 % 13 {
			kind := []spec.Kind{spec.ChangeBind, spec.Stop, spec.Resume, spec.Unbind}[i%4]
			outcome := "done"
			if i == 5 {
				outcome = "failed"
			} else if i == 7 {
				outcome = "in-doubt"
			}
			past.Add(run, &state.Event{At: run.Started.Add(time.Minute), ICCID: iccid(i), Provider: aliyun, Change: spec.Change{Kind: kind}, Outcome: outcome})
		}
	}
	return past
}

func fleetPage(t testing.TB, o render.Overview) string {
	var b bytes.Buffer
	require.NoError(t, render.FleetHTML(&b, o))
	return b.String()
}

func TestADoubtThatAReadingEndedCountsOnceInTheFleetsPast(t *testing.T) {
	o := fleetOf(someCards(3))
	o.Past = render.NewPast(fleetNow, nil)
	event := state.Event{At: fleetNow.Add(-2 * time.Hour), ICCID: iccid(1), Provider: aliyun, Change: spec.Change{Kind: spec.Stop}, Outcome: "in-doubt"}
	o.Past.Add(&state.Run{ID: "1", Operation: "apply", Started: event.At}, &event)
	before := fleetPage(t, o)
	for _, outcome := range []string{"done", "failed"} {
		shown := event
		shown.Outcome, shown.Settles = outcome, true
		o.Past.Add(&state.Run{ID: "1", Operation: "apply", Started: event.At}, &shown)
	}
	require.Equal(t, before, fleetPage(t, o))
	event.Outcome = "failed"
	o.Past.Add(&state.Run{ID: "1", Operation: "apply", Started: event.At}, &event)
	require.NotEqual(t, before, fleetPage(t, o))
}

func TestTheFleetsPageIsSearchedFilteredAndRead(t *testing.T) {
	cards := someCards(300)
	o := fleetOf(cards)
	o.Past = somePast()
	b := openHTML(t, fleetPage(t, o))
	b.status("300 rows")
	assert.Equal(t, "300 cards", eval[string](b, `document.querySelector("h1").textContent`))
	if to := os.Getenv("FLEET_PAGE"); to != "" {
		require.NoError(t, os.WriteFile(to, []byte(fleetPage(t, o)), 0o600))
	}
	doubts := 0
	for i := range cards {
		if len(cards[i].Doubts) > 0 {
			doubts++
		}
	}
	b.looksWell("fleet")
	b.do(chromedp.EmulateViewport(1280, 900))
	b.do(chromedp.Click(chromedp.CSS(`[data-needs="in doubt"]`)))
	b.status(fmt.Sprintf("%d of 300 rows", doubts))
	b.do(chromedp.Click(chromedp.CSS("#clear")))
	b.status("300 rows")
	b.choose("kind", "stopped by the carrier")
	b.status("27 of 300 rows")
	b.choose("label", "city=上海")
	b.status("6 of 300 rows")
	b.do(chromedp.Click(chromedp.CSS("#clear")))
	b.do(chromedp.Click(chromedp.CSS(`.by-label [data-name='"ningbo"']`)))
	b.status("60 of 300 rows")
	b.do(chromedp.Click(chromedp.CSS("#clear")))
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), string(iccid(7))))
	b.status("1 of 300 rows")
	b.press("Enter", "\r")
	b.press("Enter", "\r")
	b.until(isOpen)
	said := eval[string](b, `document.getElementById("card").innerText`)
	for _, fact := range []string{string(iccid(7)), imei(7), "cmiot.zhejiang", "10001", "suspended-by-carrier", "city=wenzhou", "the carrier stopped it"} {
		assert.Contains(t, said, fact)
	}
}

// Each count at the top is of cards of its own, and the table has as many; a card that
// is closed after its unbind needs nothing.
func TestAttentionBesidesIsOfCardsThatNoOtherTileCounts(t *testing.T) {
	cards := someCards(9)
	lives := []spec.Lifecycle{spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Closed, spec.Closing, spec.Closed, spec.NotFound, spec.Transferred, spec.Closed}
	for i := range cards {
		cards[i].Last.Lifecycle, cards[i].Doubts, cards[i].Binding = lives[i], nil, state.BoundTo(spec.IMEI(imei(i)))
	}
	for _, i := range []int{4, 5, 6} { // closing, closed and not found, without a device
		cards[i].Binding = state.BoundTo("")
	}
	cards[8].Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: fleetNow, Reason: "no answer came"}}
	o := fleetOf(cards)
	b := openHTML(t, fleetPage(t, o))
	b.status("9 rows")
	assert.Equal(t, []string{"1 in service", "1 stopped by us", "1 stopped by the carrier", "1 in doubt", "3 needs attention besides"},
		eval[[]string](b, `[...document.querySelectorAll(".tiles button")].map((e) => e.textContent)`))
	for needs, n := range map[string]int{"in doubt": 1, "needs attention besides": 3} {
		b.do(chromedp.Click(chromedp.CSS(fmt.Sprintf("[data-needs=%q]", needs))))
		b.status(fmt.Sprintf("%d of 9 rows", n))
	}
	var out bytes.Buffer
	require.NoError(t, render.FleetMarkdown(&out, o, render.MarkdownOptions{}))
	assert.Contains(t, out.String(), "1 is in doubt, 3 need attention besides.")
	for i := range cards {
		assert.Equal(t, i >= 2 && i != 4 && i != 5, strings.Contains(markdownSection(out.String(), "### Needs attention"), string(iccid(i))), "card %d", i)
	}
}

// The fleet's page and comment tell times as a plan does: in UTC, and in the fleet's zone.
func TestTheFleetsTimesAreThoseOfAPlan(t *testing.T) {
	cards := someCards(1)
	cards[0].Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: fleetNow.Add(-time.Hour), Reason: "no answer came"}}
	cards[0].Last.At = fleetNow.Add(-2 * time.Hour)
	for _, zone := range []string{"", "Asia/Shanghai"} {
		o := fleetOf(cards)
		made, read, doubt, runsOut := "2026-11-29 10:30 UTC", "2026-11-29 08:30 UTC", "2026-11-29 09:30 UTC", "2026-11-29 10:30 UTC"
		if zone != "" {
			var err error
			o.Zone, err = time.LoadLocation(zone)
			require.NoError(t, err)
			made, read, doubt, runsOut = made+" (2026-11-29 18:30 "+zone+")", read+" (2026-11-29 16:30 "+zone+")", doubt+" (2026-11-29 17:30 "+zone+")", runsOut+" (2026-11-29 18:30 "+zone+")"
		}
		b := openHTML(t, fleetPage(t, o))
		b.status("1 row")
		shown := eval[string](b, `document.body.innerText`)
		for _, told := range []string{"fleet · " + made + "\n", "as read between " + read + " and " + read + "\n", "in doubt since " + doubt + ": no answer came"} {
			assert.Contains(t, strings.ToLower(shown), strings.ToLower(told))
		}
		b.do(chromedp.Focus(chromedp.CSS("#rows")))
		b.press("Home", "")
		b.press("Enter", "\r")
		b.until(isOpen)
		assert.Contains(t, eval[string](b, `document.getElementById("card").innerText`)+"\n", "runs out "+runsOut+"\n")
		var out bytes.Buffer
		require.NoError(t, render.FleetMarkdown(&out, o, render.MarkdownOptions{}))
		assert.Contains(t, out.String(), "As read between "+read+" and "+read+".")
		assert.Contains(t, out.String(), "in doubt since "+doubt+": no answer came")
	}
}

// The pictures' parts add up to the fleet, and so do the words of the Markdown.
func TestTheFleetsSumsAreRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cards := someCards(rapid.IntRange(0, 400).Draw(rt, "cards"))
		o := fleetOf(cards)
		html := fleetPage(t, o)
		sum := 0
		for _, m := range regexp.MustCompile(`<span class="dot [a-z]+"></span><b>([\d,]+)</b>`).FindAllStringSubmatch(section(html, "fleet-title"), -1) {
			sum += whole(rt, m[1])
		}
		require.Equal(rt, len(cards), sum, "the fleet's picture")
		for _, title := range []string{"carriers-title", "models-title"} {
			sum = 0
			for _, m := range regexp.MustCompile(`<span class="count">([\d,]+)</span>`).FindAllStringSubmatch(section(html, title), -1) {
				sum += whole(rt, m[1])
			}
			require.Equal(rt, len(cards), sum, title)
		}
		var b bytes.Buffer
		require.NoError(rt, render.FleetMarkdown(&b, o, render.MarkdownOptions{}))
		sum = 0
		for _, m := range regexp.MustCompile("(?m)^\\| `[^`]+` \\| ([\\d,]+) \\|").FindAllStringSubmatch(markdownSection(b.String(), "### By carrier"), -1) {
			sum += whole(rt, m[1])
		}
		require.Equal(rt, len(cards), sum, "the table by carrier")
	})
}

func section(html, title string) string {
	_, rest, ok := strings.Cut(html, `id="`+title+`"`)
	if !ok {
		return ""
	}
	text, _, _ := strings.Cut(rest, "</section>")
	return text
}

func markdownSection(text, title string) string {
	_, rest, _ := strings.Cut(text, title)
	out, _, _ := strings.Cut(rest, "\n###")
	return out
}

func whole(t require.TestingT, text string) int {
	n := 0
	_, err := fmt.Sscan(strings.ReplaceAll(text, ",", ""), &n)
	require.NoError(t, err)
	return n
}

func TestAHundredThousandCardsDontLag(t *testing.T) {
	b := openHTML(t, fleetPage(t, fleetOf(someCards(100_000))), (*browser).count)
	b.status("100,000 rows")
	b.rest()
	for _, do := range []string{`rows.scrollTop = i * 400000`, `key("PageDown")`, `type("8986061703001" + i)`, `type("ningbo m" + i)`, `choose("provider", i % 4)`, `choose("label", i % 6)`, `choose("kind", i % 4)`, `choose("approval", i % 3)`} {
		steps, changes := b.work(do)
		assert.Less(t, steps, 20*100_000, "steps of %s", do)
		assert.Less(t, changes, 2000, "elements that %s changes", do)
	}
	assert.Less(t, eval[int](b, `document.querySelectorAll("*").length`), 2500, "only the rows that are seen are in the page")
}

func TestAnEmptyFleetIsAPageToo(t *testing.T) {
	b := openHTML(t, fleetPage(t, fleetOf(nil)))
	assert.Contains(t, eval[string](b, `document.body.innerText`), "The state is empty: nothing was applied yet.")
	var out bytes.Buffer
	require.NoError(t, render.FleetMarkdown(&out, fleetOf(nil), render.MarkdownOptions{}))
	assert.Contains(t, out.String(), "**0 cards**")
}

// What is in a state comes from carriers and tables, and may be hostile.
func TestAHostileFleetDoesNothing(t *testing.T) {
	bad := `"><img src=x onerror=alert(1)></script><script>alert(2)</script>|` + "`\n## x\u202e"
	c := state.Card{Provider: spec.ProviderName("aliyun"), ICCID: iccid(1), Address: bad, Labels: map[string]string{bad: bad}, Binding: state.BoundTo(spec.IMEI(imei(1))),
		Last:   state.Last{At: fleetNow, Lifecycle: spec.SuspendedByCarrier, Status: bad, Reason: bad, Has: spec.AttrPackages, Packages: []spec.Package{{ID: bad, Expires: fleetNow.AddDate(0, 0, 3)}}},
		Doubts: []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: fleetNow, Reason: bad}}}
	o := fleetOf([]state.Card{c})
	o.Past = render.NewPast(fleetNow, nil)
	o.Past.Add(&state.Run{ID: bad, Operation: bad, Who: bad, Commit: bad, Info: bad, Started: fleetNow}, nil)
	b := openHTML(t, fleetPage(t, o))
	b.status("1 row")
	assert.Zero(t, eval[int](b, `document.querySelectorAll("img").length`))
	var out bytes.Buffer
	require.NoError(t, render.FleetMarkdown(&out, o, render.MarkdownOptions{}))
	assert.NotContains(t, out.String(), "\n## x")
	assert.NotContains(t, out.String(), "\u202e")
}

func TestTheFleetsMarkdownKeepsToItsLimit(t *testing.T) {
	o := fleetOf(someCards(2000))
	o.Past = somePast()
	whole := ""
	for limit := render.LeastLimit; limit <= render.GitHubLimit; limit += 997 {
		var b bytes.Buffer
		require.NoError(t, render.FleetMarkdown(&b, o, render.MarkdownOptions{Limit: limit}))
		whole = b.String()
		assert.LessOrEqual(t, len([]rune(whole)), limit)
	}
	assert.NotContains(t, whole, "left out", "a comment has room for all of it")
	assert.Contains(t, whole, "### Last runs")
}
