package render_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec/lang"
)

func inChinese(t testing.TB) lang.Language {
	t.Helper()
	l, err := lang.Of("zh")
	require.NoError(t, err)
	return l
}

// plansToTell are the samples whose texts of other hands are few enough to be known.
func plansToTell() map[string]*plan.Plan {
	plans := samplePlans()
	delete(plans, "hostile")
	delete(plans, "million")
	plans["reviewed"] = reviewed()
	return plans
}

// othersTexts are the samples' texts that aren't the program's.
var othersTexts = strings.NewReplacer(
	"returned to the leasing company", "", "no answer came", "", "every card has a city", "", "nobody is stopped", "", "at most 5 cards are stopped", "", "7 cards are stopped", "", "see the console", "", "the carrier refused it", "", "reported to the police", "", "suspended by its owner", "", "QueryCardStatus: connect: connection refused", "",
	"somebody changed it at the carrier's console, or another program did", "", "Somebody changed it at the carrier's console, or another program did", "",
)

var (
	threeWords = regexp.MustCompile(`\b[A-Za-z]?[a-z]+ [a-z]{2,} [a-z]{2,}\b`)
	codes      = regexp.MustCompile("(?s)```hcl.*?```|```sh.*?```|`[^`]*`|<code>.*?</code>|\n  cardfleet [^\n]*|<!--.*?-->")
)

// englishIn are three words in a row that were left in English.
func englishIn(text string) []string {
	return threeWords.FindAllString(othersTexts.Replace(codes.ReplaceAllString(text, "")), -1)
}

func TestEachFormOfAPlanIsToldInChinese(t *testing.T) {
	zh := inChinese(t)
	for name, p := range plansToTell() {
		var text, comment bytes.Buffer
		require.NoError(t, render.Text(&text, p, render.Style{Lang: zh}))
		require.NoError(t, render.Markdown(&comment, p, render.MarkdownOptions{Lang: zh}))
		assert.Empty(t, englishIn(text.String()), "%s as text; spec/lang/zh.po lacks this:\n%s", name, text.String())
		assert.Empty(t, englishIn(comment.String()), "%s as a comment; spec/lang/zh.po lacks this:\n%s", name, comment.String())
		assert.LessOrEqual(t, len([]rune(comment.String())), render.GitHubLimit, name)
	}
}

// oneLine is what stands on one line at any width: the counts, a carrier's calls,
// commands, the configuration, and addresses.
var oneLine = regexp.MustCompile(`^计划：|^[\w.]+：|^  cardfleet |[!-~]{30,}| = |#  ?…|^ +\^`)

// Two columns a character: a line of Chinese that is as long as one of English is twice
// as wide.
func TestATextInChineseKeepsToTheTerminalsWidth(t *testing.T) {
	for name, p := range plansToTell() {
		for _, width := range []int{60, 80} {
			var b bytes.Buffer
			require.NoError(t, render.Text(&b, p, render.Style{Lang: inChinese(t), Width: width, Terminal: true}))
			for line := range strings.Lines(b.String()) {
				line = strings.TrimRight(line, "\n")
				whole := oneLine.MatchString(line)
				assert.True(t, whole || runewidth.StringWidth(line) <= width, "%s at %d: %d columns: %s", name, width, runewidth.StringWidth(line), line)
			}
		}
	}
}

func TestWhatAPlanDoesIsTheSameInEachLanguage(t *testing.T) {
	identifiers := regexp.MustCompile(`\d{15,20}`)
	for name, p := range plansToTell() {
		var english, chinese bytes.Buffer
		require.NoError(t, render.Text(&english, p, render.Style{}))
		require.NoError(t, render.Text(&chinese, p, render.Style{Lang: inChinese(t)}))
		assert.Equal(t, identifiers.FindAllString(english.String(), -1), identifiers.FindAllString(chinese.String(), -1), name)
	}
}

func TestThePagesLookWellInChinese(t *testing.T) {
	zh := inChinese(t)
	fleet, run := fleetOf(someCards(300)), aRun(70)
	fleet.Past, fleet.Lang, run.Lang = somePast(), zh, zh
	var page bytes.Buffer
	require.NoError(t, render.HTML(&page, reviewed(), render.HTMLOptions{Lang: zh}))
	for name, text := range map[string]string{"plan-zh": page.String(), "fleet-zh": fleetPage(t, fleet), "run-zh": runPage(t, run)} {
		t.Run(name, func(t *testing.T) {
			b := openHTML(t, text)
			b.until(`/^\d[\d,]* 行$/.test(document.getElementById("status").textContent)`)
			assert.Equal(t, "zh-CN", eval[string](b, `document.documentElement.lang`))
			assert.Empty(t, englishIn(eval[string](b, `document.body.innerText`)), "spec/lang/zh.po lacks this")
			b.looksWell(name)
			b.do(chromedp.EmulateViewport(1280, 900))
			b.do(chromedp.Click(chromedp.CSS(".card-link")))
			b.until(isOpen)
			assert.Empty(t, englishIn(eval[string](b, `document.getElementById("card").innerText`)), "spec/lang/zh.po lacks this")
		})
	}
}
