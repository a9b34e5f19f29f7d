package render_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

// screens is where screenshots are kept for people to look at; "" keeps none.
var screens = flag.String("screens", "", "keep the screenshots of pages in this folder")

// widths are the screens that every page is looked at on: a laptop's, a large one,
// a phone's.
var widths = []int64{1280, 1920, 390}

// looksWell looks at a page on each screen, in the light and in the dark, and checks
// what would be seen: no identifier is cut, and nothing is wider than the screen.
func (b *browser) looksWell(name string) {
	b.t.Helper()
	for _, width := range widths {
		b.do(chromedp.EmulateViewport(width, 900))
		b.until(fmt.Sprintf(`innerWidth === %d`, width))
		eval[bool](b, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
		assert.LessOrEqual(b.t, eval[float64](b, `document.documentElement.scrollWidth`), float64(width), "%s at %d: wider than the screen", name, width)
		assert.Empty(b.t, eval[[]string](b, cutIdentifiers), "%s at %d: identifiers that are cut", name, width)
		for _, scheme := range []string{"light", "dark"} {
			call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			assert.Empty(b.t, eval[[]string](b, faintTexts), "%s at %d, %s: texts that are hardly seen", name, width, scheme)
			b.keepScreen(fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
		}
	}
}

// cutIdentifiers are the identifiers that are on the page and not seen whole: wider
// than their own box, or than a box around them that hides what goes beyond it.
const cutIdentifiers = `[...document.querySelectorAll(".id, .line")].filter((e) => {
	const own = e.getBoundingClientRect();
	if (!own.width || e.closest("[hidden]")) return false;
	for (let box = e; box && box !== document.body; box = box.parentElement) {
		const style = getComputedStyle(box), r = box.getBoundingClientRect();
		if (style.overflowX !== "visible" && (own.right > r.right + 1 || own.left < r.left - 1)) return true;
		if (box === e && box.scrollWidth > box.clientWidth + 1 && style.display !== "inline") return true;
	}
	return false;
}).map((e) => e.textContent + " in " + e.parentElement.className)`

// faintTexts are texts whose contrast with what is behind them is less than 4.5 to 1,
// which WCAG 2.2 asks for (1.4.3).
const faintTexts = `(() => {
	const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
	const colour = (text) => text.match(/[\d.]+/g).map(Number);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = colour(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	return [...new Set([...document.querySelectorAll("main *, header *")].filter((e) => e.offsetParent && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).flatMap((e) => {
		const a = light(colour(getComputedStyle(e).color)), b = light(behind(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		return ratio < 4.5 ? [e.tagName + "." + e.className + " " + ratio.toFixed(2)] : [];
	}))];
})()`

// keepScreen keeps a screenshot of what is on the screen.
func (b *browser) keepScreen(name string) {
	b.t.Helper()
	shot, err := chromedp.Call(b.ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: ptr(true)})
	require.NoError(b.t, err)
	require.Greater(b.t, len(shot.Data), 5000, "bytes: there is something on it")
	if *screens != "" {
		require.NoError(b.t, os.MkdirAll(*screens, 0o700))
		require.NoError(b.t, os.WriteFile(filepath.Join(*screens, name), shot.Data, 0o600))
	}
}

func ptr[T any](v T) *T { return &v }

// reviewed is a plan as a reviewer has it: rebinds of two cities that are alike but
// for their devices, an unbind, cards that need attention, and some that only
// changed outside.
func reviewed() *plan.Plan {
	p := &plan.Plan{
		Total: 598, Unchanged: 598 - 20 - 30 - 2 - 60, Costs: []plan.Cost{{Provider: aliyun, Calls: 180, PerSecond: 10}},
		Origin: plan.Origin{Fleet: "acme/bikes", Commit: "8c1f0a4be3d95d0d2f1f3f1f7f0a9a6f4f2b1c3d", Author: "mei", Request: "!7", RequestURL: "https://gitlab.example/acme/bikes/-/merge_requests/7", Run: "https://gitlab.example/acme/bikes/-/jobs/9"},
		Zone:   "Asia/Shanghai",
	}
	for i := range 150 {
		c := aCard(i)
		c.Labels = map[string]string{"city": []string{"hangzhou", "ningbo"}[i%2], "depot": strconv.Itoa(i % 7)}
		switch {
		case i < 2:
			c.Actions = aCard(i, unbind(i)).Actions
			c.After = aCard(i, unbind(i)).After
		case i < 22:
			with := aCard(i, changeBind(imei(i), imei(i+9000)))
			c.Actions, c.After = with.Actions, with.After
		case i < 52:
			with := aCard(i, plan.Action{Change: spec.Change{Kind: spec.Resume}}, plan.Action{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}})
			c.Actions, c.After = with.Actions, with.After
		case i < 112:
			c.Attention = []plan.Note{stoppedByCarrier("欠费停机")}
		default:
			c.Drift = []plan.Drift{{Attribute: "active", From: "true", To: "false (suspended by its owner)", Cause: "another tool or a person, at the carrier", Keep: "active = false", Where: fmt.Sprintf("bikes.csv row %d", i)}}
		}
		p.Cards = append(p.Cards, c)
	}
	return p
}

func TestThePlansPageLooksWellOnEachScreen(t *testing.T) {
	for name, p := range map[string]*plan.Plan{"plan": reviewed(), "plan-every-kind": everyKind()} {
		t.Run(name, func(t *testing.T) {
			b := openPage(t, p)
			b.looksWell(name)
			eval[bool](b, `(document.getElementById("table").scrollIntoView(), true)`)
			b.looksWell(name + "-table")
			b.do(chromedp.EmulateViewport(1280, 900))
			b.until(`innerWidth === 1280`)
			assert.True(t, eval[bool](b, `(() => { const g = document.getElementById("rows"); return g.scrollWidth <= g.clientWidth; })()`), "at 1280 the table needs no scrolling to the side")
		})
	}
}

// The page's numbers are those of JSON, and the parts of the fleet are the fleet.
func TestThePagesSumsAreThoseOfJSON(t *testing.T) {
	plans := samplePlans()
	delete(plans, "hostile") // whose counts are as hostile as its texts
	plans["reviewed"] = reviewed()
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			require.NoError(t, render.JSON(&text, p, ""))
			var want struct {
				Summary map[string]int
				Cards   []struct{ Actions []struct{ Kind string } }
			}
			require.NoError(t, json.Unmarshal(text.Bytes(), &want))
			b := openPage(t, p)
			got := eval[struct {
				Fleet, Kinds map[string]int
				All          int
			}](b, `(() => {
				const n = (e) => Number(e.textContent.replaceAll(",", ""));
				const of = (list) => Object.fromEntries(list);
				const all = document.querySelector(".fleet h2 .quiet");
				return {
					Fleet: of([...document.querySelectorAll(".legend li")].map((li) => [li.textContent.replace(/^[\d,]+ /, ""), n(li.querySelector("b"))])),
					Kinds: of([...document.querySelectorAll("#kinds li")].map((li) => [li.querySelector(".name").textContent, n(li.querySelector(".count"))])),
					All: all ? parseInt(all.textContent.replaceAll(",", ""), 10) : 0,
				};
			})()`)
			sum := 0
			for _, n := range got.Fleet {
				sum += n
			}
			assert.Equal(t, want.Summary["cards"], sum, "the parts of the fleet: %v", got.Fleet)
			assert.Equal(t, want.Summary["cards"], got.All)
			actions := 0
			for kind, n := range got.Kinds {
				assert.Equal(t, want.Summary[strings.ReplaceAll(kind, "-", "_")], n, kind)
				actions += n
			}
			for _, c := range want.Cards {
				actions -= len(c.Actions)
			}
			assert.Zero(t, actions, "each action is in the picture")
		})
	}
}
