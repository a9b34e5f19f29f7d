package render_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
)

// page is the plan as a page, made at a time and from a state that are always the same.
func page(t testing.TB, p *plan.Plan) string {
	t.Helper()
	p.Timestamp, p.Version = time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC), "0.1.0"
	p.Lineage, p.Serial = "3b0d8f0e-6f0e-4f0c-9f55-0f6b6f1e2a11", 3
	var b bytes.Buffer
	require.NoError(t, render.HTML(&b, p, render.HTMLOptions{Digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}))
	return b.String()
}

func TestHTMLGoldens(t *testing.T) {
	for name, p := range samplePlans() {
		t.Run(name, func(t *testing.T) {
			got := page(t, p)
			closed(t, got)
			golden(t, name+".html", shortened(got))
		})
	}
}

func TestAMillionStopsAreOnePage(t *testing.T) {
	p := manyStops(1_000_000)
	got := page(t, p)
	assert.Less(t, len(got), 80_000_000, "bytes; docs/cli.md speaks of 60 a card, and these have long ids")
	golden(t, "million.html", shortened(got))
}

var element = regexp.MustCompile(`(?s)<(script|style)([^>]*)>(.*?)</(?:script|style)>`)

// closed checks the page's policy: its digests are those of its script and its
// style, and beside these it has only data.
func closed(t *testing.T, text string) {
	t.Helper()
	m := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatchIndex(text)
	require.NotNil(t, m)
	assert.Less(t, m[1], strings.Index(text, "<style"), "a policy holds for what comes after it")
	policy := html.UnescapeString(text[m[2]:m[3]])
	var want = []string{"default-src 'none'"}
	for _, e := range element.FindAllStringSubmatch(text, -1) {
		switch {
		case strings.Contains(e[2], `type="application/json"`):
			assert.True(t, json.Valid([]byte(e[3])))
			assert.NotRegexp(t, "[<>&\u2028\u2029]", e[3])
		default:
			assert.Empty(t, e[2])
			sum := sha256.Sum256([]byte(e[3]))
			want = append(want, e[1]+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
	}
	require.Len(t, want, 3)
	slices.Sort(want)
	assert.Equal(t, "default-src 'none'; "+want[1]+"; "+want[2]+"; base-uri 'none'; form-action 'none'", policy)
	rest := element.ReplaceAllString(text, "")
	assert.NotRegexp(t, `(?i)<[^>]*\s(on\w+|style|src|srcset|action|formaction)=`, rest, "nothing inline, nothing loaded")
	assert.NotRegexp(t, `(?i)href="[^#]`, rest)
}

// shortened leaves out the script and the style, which have files of their own,
// and data that nobody would read.
func shortened(text string) string {
	const begin, end = `<script type="application/json" class="cards">`, "</script>"
	var b strings.Builder
	rest, blocks, size := text, 0, 0
	all := sha256.New()
	for {
		before, data, ok := strings.Cut(rest, begin)
		b.WriteString(before)
		if !ok {
			break
		}
		data, rest, _ = strings.Cut(data, end)
		if len(data) < 4000 {
			b.WriteString(begin + data + end)
			continue
		}
		blocks++
		size += len(data)
		all.Write([]byte(data))
	}
	text = regexp.MustCompile(`(?s)<(script|style)>.*?</`).ReplaceAllString(b.String(), "<$1>…</")
	text = regexp.MustCompile(`content="default-src[^"]*"`).ReplaceAllString(text, `content="…"`)
	text = regexp.MustCompile(`\n\s*\n+`).ReplaceAllString(text, "\n")
	if blocks > 0 {
		text += fmt.Sprintf("and %d blocks of cards, %d bytes, sha256 %x\n", blocks, size, all.Sum(nil))
	}
	return text
}

// writes records how much was written at once.
type writes struct{ largest, total int }

func (w *writes) Write(b []byte) (int, error) {
	w.largest = max(w.largest, len(b))
	w.total += len(b)
	return len(b), nil
}

func TestThePageIsWrittenAsItIsMade(t *testing.T) {
	var w writes
	require.NoError(t, render.HTML(&w, manyStops(100_000), render.HTMLOptions{}))
	assert.Greater(t, w.total, 4_000_000)
	assert.Less(t, w.largest, 500_000, "bytes at once: a block of the cards, never the page")
}
