package render_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extensionast "github.com/yuin/goldmark/extension/ast"
	gmtext "github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

func markdown(t require.TestingT, p *plan.Plan, o render.MarkdownOptions) string {
	var b bytes.Buffer
	require.NoError(t, render.Markdown(&b, p, o))
	return b.String()
}

func TestMarkdownGoldens(t *testing.T) {
	for name, p := range samplePlans() {
		t.Run(name, func(t *testing.T) {
			got := markdown(t, p, render.MarkdownOptions{})
			sound(t, got, p, render.GitHubLimit)
			golden(t, name+".md", shortTables(got))
		})
	}
}

func TestAMillionStopsFitOneComment(t *testing.T) {
	p := manyStops(1_000_000)
	got := markdown(t, p, render.MarkdownOptions{Marker: "fleets/hangzhou"})
	sound(t, got, p, render.GitHubLimit)
	golden(t, "million.md", shortTables(got))
	var text bytes.Buffer
	require.NoError(t, render.Text(&text, p, render.Style{}))
	golden(t, "million.txt", text.String())
}

// shortTables leaves of each long table what a reader would look at: its first rows,
// and how many there are.
func shortTables(text string) string {
	var b strings.Builder
	var rows []string
	end := func() {
		if len(rows) > 12 {
			sum := sha256.Sum256([]byte(strings.Join(rows, "")))
			rows = append(rows[:5], fmt.Sprintf("and %d rows in all, sha256 %x\n", len(rows), sum))
		}
		b.WriteString(strings.Join(rows, ""))
		rows = nil
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			rows = append(rows, line)
			continue
		}
		end()
		b.WriteString(line)
	}
	end()
	return b.String()
}

// ours is the HTML that we write ourselves; all else is somebody else's.
var ours = regexp.MustCompile(`^(</?(details|summary|b|code)>|<!-- cardfleet-plan(: [\w./-]+)? -->)$`)

var tag = regexp.MustCompile(`<!--.*?-->|<[^>]*>`)

// sound checks that a comment reads as it was meant: within its limit, whole to
// its end, with nothing open, and with no word of anybody else but as code or
// plain words.
func sound(t require.TestingT, text string, p *plan.Plan, limit int) {
	require.LessOrEqual(t, len(utf16.Encode([]rune(text))), limit)
	end := render.LastLine(p)
	require.True(t, strings.HasSuffix(text, "\n"+end+"\n"), "the end is missing")
	require.True(t, strings.HasPrefix(text, "<!-- cardfleet-plan"))
	require.Equal(t, 1, strings.Count(strings.Split(text, "\n")[0], "-->"))
	source := []byte(text)
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(gmtext.NewReader(source))
	var tags []string
	require.NoError(t, ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			tags = append(tags, htmlOf(n, source)...)
			harmless(t, n, source)
		}
		return ast.WalkContinue, nil
	}))
	balanced(t, tags)
	last := doc.LastChild()
	require.IsType(t, &ast.Paragraph{}, last, "the end is within something else")
	require.Equal(t, end, string(last.Lines().Value(source)))
}

// htmlOf are the tags that a node of HTML has.
func htmlOf(n ast.Node, source []byte) []string {
	var raw string
	switch n := n.(type) {
	case *ast.HTMLBlock:
		raw = string(n.Lines().Value(source))
		if n.HasClosure() {
			raw += string(n.ClosureLine.Value(source))
		}
	case *ast.RawHTML:
		raw = string(n.Segments.Value(source))
	default:
		return nil
	}
	return tag.FindAllString(raw, -1)
}

// notifying is what platforms make a mention, a reference, a link or an emoji of.
const notifying = `@|#\d|(?i)\b[a-z]\w*-\d|[!%]\d|%"|\b[0-9a-f]{7,40}\b|://|www\.|:[\w+-]+:`

// ownCount is a number of the last line, which may have seven digits.
var ownCount = regexp.MustCompile(`\b\d+ (cards match|to [a-z-]+|unchanged|needs? attention|unread)`)

var codeInHTML = regexp.MustCompile(`(?s)<code>.*?</code>`)

// harmless fails where a node is one that we never write.
func harmless(t require.TestingT, n ast.Node, source []byte) {
	switch n := n.(type) {
	case *ast.Link, *ast.Image, *ast.AutoLink, *extensionast.TaskCheckBox, *extensionast.Strikethrough, *ast.ThematicBreak, *ast.CodeBlock:
		require.Fail(t, "unexpected "+n.Kind().String(), string(parentText(n, source)))
	case *ast.FencedCodeBlock:
		require.Contains(t, []string{"mermaid", "hcl", "sh"}, string(n.Language(source)))
	case *ast.HTMLBlock:
		require.NotRegexp(t, notifying, html.UnescapeString(codeInHTML.ReplaceAllString(string(n.Lines().Value(source)), "")))
	case *ast.Text:
		if n.Parent().Kind() == ast.KindCodeSpan || insideCode(n, source) {
			return
		}
		said := ownCount.ReplaceAllString(string(n.Value(source)), "")
		require.NotRegexp(t, notifying, said)
	}
}

// insideCode reports whether the text stands between <code> and </code>.
func insideCode(n ast.Node, source []byte) bool {
	open := false
	for s := n.PreviousSibling(); s != nil && !open; s = s.PreviousSibling() {
		if raw, ok := s.(*ast.RawHTML); ok {
			tag := string(raw.Segments.Value(source))
			if tag == "</code>" {
				return false
			}
			open = tag == "<code>"
		}
	}
	return open
}

func parentText(n ast.Node, source []byte) []byte {
	for n.Type() == ast.TypeInline {
		n = n.Parent()
	}
	return n.Lines().Value(source)
}

// balanced fails where a tag isn't ours, or isn't closed where it has to be.
func balanced(t require.TestingT, tags []string) {
	var open []string
	for _, s := range tags {
		require.Regexp(t, ours, s)
		name := strings.Trim(s, "</>")
		switch {
		case strings.HasPrefix(s, "<!--"):
		case !strings.HasPrefix(s, "</"):
			open = append(open, name)
		default:
			require.NotEmpty(t, open, s)
			require.Equal(t, open[len(open)-1], name)
			open = open[:len(open)-1]
		}
	}
	require.Empty(t, open)
}

// somePlan is any plan with hostile texts in any place.
func somePlan(t *rapid.T) *plan.Plan {
	text := rapid.OneOf(rapid.SampledFrom(hostileTexts), rapid.String(), rapid.SampledFrom([]string{"hangzhou", strings.Repeat("长", 5000), strings.Repeat("`", 400), strings.Repeat("<details>", 300)}),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostileTexts), 1, 4).Draw(t, "texts"), rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "between"))
		}))
	few := func(most int) int { return rapid.IntRange(0, most).Draw(t, "n") }
	p := &plan.Plan{Total: 1_000_000, Partial: text.Draw(t, "partial"), Skipped: few(3), RefreshOnly: few(5) == 0, Policy: plan.Policy{SignersOnly: few(3) == 0}}
	for range few(12) {
		p.Costs = append(p.Costs, plan.Cost{Provider: spec.ProviderName(text.Draw(t, "provider")), Calls: few(1_000_000), PerSecond: float64(few(20))})
	}
	for range few(4) {
		p.Reads = append(p.Reads, plan.Reads{Provider: spec.ProviderName(text.Draw(t, "provider")), Read: few(9), Calls: few(9), Remembered: few(1_000_000), Left: few(9)})
	}
	for range few(3) {
		p.Incomplete = append(p.Incomplete, plan.Incomplete{Provider: spec.ProviderName(text.Draw(t, "provider")), Reason: text.Draw(t, "reason"), Cards: few(9)})
		p.Limits = append(p.Limits, plan.Exceeded{Kind: spec.Stop, Provider: spec.ProviderName(text.Draw(t, "provider")), Planned: 9, Allowed: "5", File: text.Draw(t, "file"), FileCount: 9})
		p.Numbers = append(p.Numbers, plan.Number{Address: text.Draw(t, "number"), Attention: []plan.Note{{Summary: text.Draw(t, "summary"), Detail: text.Draw(t, "detail")}}})
	}
	for n := range few(6) {
		like := someCard(t, text)
		for range rapid.SampledFrom([]int{1, 2, 15, 300}).Draw(t, "alike") {
			c := like
			c.Actions = slices.Clone(like.Actions)
			c.ICCID = iccid(len(p.Cards))
			for k := range c.Actions {
				c.Actions[k].ID = fmt.Sprintf("a%d-%d", len(p.Cards), k)
				if n > 0 && k == 0 && few(9) == 0 {
					c.Actions[k].Needs = []string{fmt.Sprintf("a%d-0", few(len(p.Cards)))}
				}
			}
			p.Cards = append(p.Cards, c)
		}
	}
	return p
}

func someCard(t *rapid.T, text *rapid.Generator[string]) plan.Card {
	yes := func() bool { return rapid.Bool().Draw(t, "yes") }
	c := plan.Card{Address: text.Draw(t, "address"), Provider: spec.ProviderName(text.Draw(t, "provider")), Leaving: yes()}
	if yes() {
		c.Labels = map[string]string{text.Draw(t, "key"): text.Draw(t, "label"), "city": text.Draw(t, "label")}
	}
	for range rapid.IntRange(0, 3).Draw(t, "actions") {
		a := plan.Action{Change: spec.Change{Kind: rapid.SampledFrom(spec.Kinds()).Draw(t, "kind"), From: text.Draw(t, "from"), To: text.Draw(t, "to")}}
		if yes() {
			a.Guarded, a.Approved = true, yes()
			a.Denial, a.Approvals = text.Draw(t, "denial"), []plan.Approved{{By: text.Draw(t, "by"), Reason: text.Draw(t, "reason")}}
		}
		c.Actions = append(c.Actions, a)
	}
	if yes() {
		c.Notes = []string{text.Draw(t, "note")}
	}
	if rapid.IntRange(0, 3).Draw(t, "attention") == 0 {
		c.Attention = []plan.Note{{Summary: text.Draw(t, "summary"), Detail: text.Draw(t, "detail")}}
	}
	if rapid.IntRange(0, 3).Draw(t, "drift") == 0 {
		c.Drift = []plan.Drift{{Attribute: text.Draw(t, "attribute"), From: text.Draw(t, "from"), To: text.Draw(t, "to"), Cause: text.Draw(t, "cause"), Keep: text.Draw(t, "keep"), Where: text.Draw(t, "where")}}
	}
	return c
}

func TestAnyPlanIsASoundCommentAtAnyLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := somePlan(t)
		limit := rapid.OneOf(rapid.IntRange(render.LeastLimit, 6000), rapid.IntRange(render.LeastLimit, render.GitHubLimit)).Draw(t, "limit")
		sound(t, markdown(t, p, render.MarkdownOptions{Limit: limit, Marker: strings.Repeat("m", 60)}), p, limit)
	})
}

func TestEverySampleFitsEveryLimit(t *testing.T) {
	for name, p := range samplePlans() {
		for limit := render.LeastLimit; limit < 20_000; limit += 777 {
			text := markdown(t, p, render.MarkdownOptions{Limit: limit})
			sound(t, text, p, limit)
			if len(text) > limit*8/10 && strings.Contains(text, "leaves out") {
				continue
			}
			assert.Less(t, len(text), limit*2, name)
		}
	}
}

func TestWhatIsLeftOutIsCounted(t *testing.T) {
	p := &plan.Plan{Total: 40_000}
	for i := range 20_000 {
		p.Cards = append(p.Cards, aCard(i, unbind(i)))
	}
	for i := range 20_000 {
		c := aCard(20_000 + i)
		c.Attention = []plan.Note{stoppedByCarrier(fmt.Sprintf("欠费 %d 元", i))} // nothing alike
		p.Cards = append(p.Cards, c)
	}
	text := markdown(t, p, render.MarkdownOptions{})
	sound(t, text, p, render.GitHubLimit)
	assert.Greater(t, len(text), 60_000, "the room is used")
	counts := regexp.MustCompile(`this leaves out ([\d,]+) unbinds and ([\d,]+) cards that need attention`).FindStringSubmatch(text)
	require.NotNil(t, counts)
	assert.Equal(t, render.Thousands(20_000-strings.Count(text, "> - `card.")), counts[1])
	assert.Equal(t, render.Thousands(20_000-strings.Count(text, "\n- `card.")), counts[2])
	assert.Contains(t, text, "> - … and "+counts[1]+" more\n")
}

func TestNoLimitIsPassedByACharacter(t *testing.T) {
	p := &plan.Plan{Total: 300} // one section with short items, which leaves hardly any room
	for i := range 300 {
		c := aCard(i)
		c.Address = "card." + strings.Repeat("x", i%17)
		c.Attention = []plan.Note{{Summary: "Look", Detail: "at it."}}
		p.Cards = append(p.Cards, c)
	}
	for limit := render.LeastLimit; limit < 12_000; limit += 13 {
		sound(t, markdown(t, p, render.MarkdownOptions{Limit: limit}), p, limit)
	}
}

func TestWhatCantBeUndoneIsSaidFirstAndNeverGrouped(t *testing.T) {
	p := manyStops(1000)
	for i := range 200 {
		p.Cards = append(p.Cards, aCard(5000+i, unbind(5000+i, plan.Approved{By: "rma", Reason: "returned"})))
	}
	text := markdown(t, p, render.MarkdownOptions{})
	assert.Equal(t, 200, strings.Count(text, "unbind from"))
	assert.Equal(t, 200, strings.Count(text, "approved by `rma` (returned)"))
	assert.Less(t, strings.Index(text, "[!CAUTION]"), strings.Index(text, "### Changes"))
	assert.Contains(t, strings.Split(text, "\n")[1], "200 of them for good")
}

func TestAMarkerNamesItsConfiguration(t *testing.T) {
	for marker, first := range map[string]string{
		"": "<!-- cardfleet-plan -->", "hangzhou": "<!-- cardfleet-plan: hangzhou -->", "fleets/x_1.2": "<!-- cardfleet-plan: fleets/x_1.2 -->",
	} {
		assert.Equal(t, first, strings.Split(markdown(t, noChanges(), render.MarkdownOptions{Marker: marker}), "\n")[0])
	}
	for _, bad := range []string{"-->", "a--b", " ", "a b", "杭州", "-x", "x-", strings.Repeat("m", 61), "a\nb"} {
		assert.ErrorIs(t, render.Markdown(io.Discard, noChanges(), render.MarkdownOptions{Marker: bad}), render.ErrMarker, bad)
	}
	assert.ErrorContains(t, render.Markdown(io.Discard, noChanges(), render.MarkdownOptions{Limit: 1999}), "2000")
}

func TestThePictureHasChainsOfCardsAndOrdersWithinCards(t *testing.T) {
	text := markdown(t, swaps(), render.MarkdownOptions{})
	assert.Contains(t, text, "Order: 2 chains of cards, 200 cards whose actions follow each other")
	assert.Contains(t, text, "[\"200 cards: resume\"]")
	assert.Equal(t, 6, strings.Count(text, " --> c"), "2 of the chain, 3 of the circle by way of a spare device, 1 within cards")
}

// A reviewer of twenty rebinds sees each card, with its devices, labels and row.
func TestTheCommentListsEveryCardOfAGroupWhileThereIsRoom(t *testing.T) {
	p := &plan.Plan{Total: 20}
	for i := range 20 {
		c := aCard(i, changeBind(imei(i), imei(i+1000)))
		c.Labels, c.Line = map[string]string{"city": "hangzhou"}, i+2
		p.Cards = append(p.Cards, c)
	}
	text := markdown(t, p, render.MarkdownOptions{})
	sound(t, text, p, render.GitHubLimit)
	require.Contains(t, text, "| ICCID | old | new | labels | row |\n")
	for i := range 20 {
		row := regexp.MustCompile("(?m)^\\|`" + string(iccid(i)) + "`\\|`" + imei(i) + "`\\|<code>(.*)</code>\\|`city=hangzhou`\\|`bikes.csv:" + fmt.Sprint(i+2) + "`\\|$").FindStringSubmatch(text)
		require.NotNil(t, row, "card %d", i)
		assert.Equal(t, imei(i+1000), strings.NewReplacer("<b>", "", "</b>", "").Replace(row[1]))
	}
	assert.NotContains(t, text, "more alike")
}

func TestALongGroupIsListedAsFarAsThereIsRoom(t *testing.T) {
	p := manyStops(30_000)
	small := &plan.Plan{}
	for i := range 30 { // whose cards all find room beside the large groups
		small.Cards = append(small.Cards, aCard(50_000+i, changeBind(imei(i), imei(i+1000))))
	}
	p.Cards = append(p.Cards, small.Cards...)
	text := markdown(t, p, render.MarkdownOptions{})
	sound(t, text, p, render.GitHubLimit)
	assert.Greater(t, len(text), 55_000, "the room is used")
	for i := range small.Cards {
		assert.Contains(t, text, string(small.Cards[i].ICCID))
	}
	listed := strings.Count(text, "\n|`8986")
	for _, m := range regexp.MustCompile(`… and ([\d,]+) more`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		require.NoError(t, err)
		listed += n
	}
	assert.Equal(t, 30_030, listed, "each card is listed or counted")
}

// A table's cell ends at a stroke, also within code.
func TestNoValueLeavesItsCell(t *testing.T) {
	p := &plan.Plan{}
	for i := range 12 {
		c := aCard(i, changeBind(imei(i), imei(i+1000)))
		c.Labels = map[string]string{"a|b": "c\\|`d` *e* @everyone"}
		c.File, c.Line = "t|x.csv", i
		p.Cards = append(p.Cards, c)
	}
	text := markdown(t, p, render.MarkdownOptions{})
	sound(t, text, p, render.GitHubLimit)
	for row := range strings.Lines(text) {
		if strings.HasPrefix(row, "|`8986") {
			assert.Equal(t, 6, strings.Count(row, "|"), row)
		}
	}
	assert.Contains(t, text, "<code>a&#124;b&#61;c&#92;&#124;&#96;d&#96; &#42;e&#42; &#64;everyone</code>")
}

// A number in a sentence is copied without the mark behind it.
func TestNumbersInCodeEndBeforeTheSentencesMarks(t *testing.T) {
	p := everyKind()
	p.Cards[0].Notes = []string{"by way of 861536030199994, then 1a2b3c4d5; it was 861536030199995."}
	var b bytes.Buffer
	require.NoError(t, render.Markdown(&b, p, render.MarkdownOptions{}))
	assert.Contains(t, b.String(), "note: by way of `861536030199994`, then `1a2b3c4d5`; it was `861536030199995`.")
}
