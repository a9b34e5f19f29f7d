package render_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/profiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

// browser is a page that is open in a real browser, and what it complained of.
type browser struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string // errors of the console, violations of the policy, dialogs, requests
}

// chromium finds the browser. Where there is none the test is left out, loudly;
// CI, which installs one, takes that for a failure.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("chromium is missing, and CI leaves nothing out")
	}
	t.Skip("LEFT OUT: chromium is not installed")
	return ""
}

// openPage opens the plan's page from a file, and waits until its table stands.
// prepare is done before.
func openPage(t testing.TB, p *plan.Plan, prepare ...func(*browser)) *browser {
	t.Helper()
	return openHTML(t, page(t, p), prepare...)
}

// openHTML is openPage of any page.
func openHTML(t testing.TB, text string, prepare ...func(*browser)) *browser {
	t.Helper()
	ctx, end := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chromium(t)), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-dev-shm-usage", true), // small in containers
		chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(time.Minute)) // root has no sandbox
	t.Cleanup(end)
	ctx, end = context.WithTimeout(ctx, 5*time.Minute) // a page that hangs is a failure, not a test without an end
	t.Cleanup(end)
	b := &browser{t: t}
	file := filepath.Join(t.TempDir(), "plan.html")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	address := (&url.URL{Scheme: "file", Path: file}).String()
	b.ctx, end = chromedp.NewContext(ctx, chromedp.WithListener(func(event any) { b.listen(event, address) }))
	t.Cleanup(end)
	call(b, log.Enable, cdp.Empty{})
	call(b, network.Enable, network.EnableParams{})
	for _, f := range prepare {
		f(b)
	}
	b.do(chromedp.Navigate(address))
	b.until(`document.readyState === "complete" && (!document.getElementById("table") || document.getElementById("table").dataset.ready === "true")`)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		assert.Empty(t, b.complaints)
	})
	return b
}

func (b *browser) listen(event any, address string) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		complaint = "console: " + string(e.Type)
	case *runtime.EventExceptionThrown:
		complaint = "exception: " + e.ExceptionDetails.Text
	case *log.EventEntryAdded:
		complaint = "log: " + e.Entry.Text
	case *cdppage.EventJavascriptDialogOpening:
		complaint = "dialog: " + e.Message
	case *network.EventRequestWillBeSent:
		if e.Request.URL != address {
			complaint = "request: " + e.Request.URL
		}
	}
	if complaint == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, complaint)
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, command, params)
	require.NoError(b.t, err)
}

// eval is an expression's value in the page; a promise's, once it has one.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	return out
}

// until waits for an expression to become true, and says what is on the page
// if it doesn't within 20 s.
func (b *browser) until(expression string) {
	b.t.Helper()
	got := eval[string](b, `(async () => {
		const is = () => { return `+expression+`; };
		for (const began = performance.now(); performance.now() - began < 20000;) {
			if (is()) return "";
			await new Promise((done) => setTimeout(done, 10));
		}
		return document.body.innerText.slice(0, 2000);
	})()`)
	require.Empty(b.t, got, "never came true: %s", expression)
}

// press presses a key as a keyboard does: what it types comes with it, so that
// a page that takes the key for itself types nothing.
func (b *browser) press(key, text string) {
	b.t.Helper()
	code := map[string]int64{"/": 191, "ArrowDown": 40, "ArrowRight": 39, "Enter": 13, "Escape": 27}[key]
	for _, typ := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		call(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: typ, Key: key, Text: text, WindowsVirtualKeyCode: code})
		text = ""
	}
}

// status waits for the line above the table.
func (b *browser) status(want string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.getElementById('status').textContent === %q", want))
}

// choose sets a filter to the choice that begins so.
func (b *browser) choose(filter, label string) {
	b.t.Helper()
	found := eval[bool](b, fmt.Sprintf(`(() => {
		const s = document.getElementById(%q), o = [...s.options].find((o) => o.textContent.startsWith(%q));
		if (!o) return false;
		s.value = o.value;
		s.dispatchEvent(new Event("change", { bubbles: true }));
		return true;
	})()`, filter, label))
	require.True(b.t, found, "%s has no choice %q", filter, label)
}

const (
	allRows = `[...document.querySelectorAll("#rows .space .row:not([hidden])")].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((r) => r.innerText)`
	isOpen  = `document.getElementById("card").open`
)

func TestThePageIsSearchedFilteredAndRead(t *testing.T) {
	p := everyKind()
	b := openPage(t, p)
	b.status("14 rows")
	assert.Equal(t, "15", eval[string](b, `document.getElementById("rows").getAttribute("aria-rowcount")`), "with the head")
	assert.Equal(t, "11 actions on 10 cards", eval[string](b, `document.querySelector("h1").textContent`))

	b.do(chromedp.SendKeys(chromedp.CSS("#search"), string(iccid(3))))
	b.status("2 of 14 rows")
	b.do(chromedp.Click(chromedp.CSS("#clear")))
	b.status("14 rows")
	for filter, rows := range map[string]map[string]int{
		"kind":     {"unbind": 2, "attention": 2, "note": 1, "adopt": 1, "move": 1},
		"provider": {"xuyu": 1, "aliyun.hangzhou": 13},
		"risk":     {"irreversible": 2, "disruptive": 4, "reversible": 5},
		"approval": {"approved": 1, "not approved": 1, "needs none": 9},
	} {
		for choice, n := range rows {
			b.choose(filter, choice)
			b.status(fmt.Sprintf("%d of 14 rows", n))
		}
		b.do(chromedp.Click(chromedp.CSS("#clear")))
		b.status("14 rows")
	}
	b.choose("kind", "change-bind")
	b.status("1 of 14 rows")
	assert.Equal(t, "19", eval[string](b, `document.querySelector("#rows mark").textContent`), "the digits that change")
}

// A row has the device as it is where it tells of no action.
func TestRowsOfDriftAndAttentionHaveNothingPlanned(t *testing.T) {
	p := driftedAndRebound()
	p.Cards = p.Cards[:3]
	b := openPage(t, p)
	b.status("9 rows")
	for kind, after := range map[string]int{"change-bind": 1000, "drift": 0, "attention": 0} {
		b.choose("kind", kind)
		b.status("3 of 9 rows")
		assert.Equal(t, []string{imei(after), imei(after + 1), imei(after + 2)}, eval[[]string](b, `[...document.querySelectorAll("#rows .space .row:not([hidden])")].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((r) => r.querySelector(".after").innerText)`), kind)
	}
}

// The script has no words of its own for a kind: it fills in the phrases that
// come with the page. A row has devices in columns of their own, a card in its phrase.
func TestThePageTellsEachChangeInThePhraseOfItsKind(t *testing.T) {
	p := everyKind()
	told, inRows := map[string]bool{}, map[string]bool{}
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			phrase := a.Tell(a.Kind.Phrase().Beside, a.From, a.To)
			told[phrase] = true
			if from, to := a.Kind.Values(); from != spec.Device && to != spec.Device {
				inRows[phrase] = true
			}
		}
	}
	inRows["into the state"], inRows[""] = true, true // of an adoption; and of changes that are all said by their devices
	b := openPage(t, p)
	b.status("14 rows")
	got := eval[[]string](b, `[...document.querySelectorAll("#rows .space .row:not([hidden])")].filter((r) => !["attention", "drift", "note"].includes(r.querySelector(".tag").textContent)).map((r) => r.querySelector(".change").textContent)`)
	require.Len(t, got, 11)
	for _, text := range got {
		assert.Contains(t, inRows, text)
	}
	cards := strings.Join(slices.Collect(maps.Values(cardsOf(b))), " ")
	for phrase := range told {
		assert.Contains(t, cards, phrase)
	}
	script, err := os.ReadFile("report/page.js")
	require.NoError(t, err)
	for _, kind := range spec.Kinds() {
		assert.NotContains(t, string(script), "'"+string(kind)+"'", "the script knows no kind")
	}
}

// cardsOf opens each card of the table, and is what it says, by its address.
func cardsOf(b *browser) map[string]string {
	b.t.Helper()
	return eval[map[string]string](b, `(() => {
		const rows = document.getElementById("rows"), out = {};
		rows.focus();
		rows.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
		rows.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
		for (;;) {
			const title = document.getElementById("card-title").textContent;
			out[title] = title + " " + document.getElementById("card-body").textContent;
			if (document.getElementById("next").ariaDisabled === "true") return out;
			document.getElementById("next").click();
		}
	})()`)
}

// Each row has the card's ICCID, its devices before and after, a label and the row
// of its table in cells of their own, and what can't be undone comes first.
func TestEachDeviceIsVisible(t *testing.T) {
	p := everyKind()
	for i := range p.Cards {
		p.Cards[i].Labels = map[string]string{"city": "hangzhou"}
	}
	b := openPage(t, p)
	b.status("14 rows")
	assert.Equal(t, []string{"Action", "ICCID", "Device before", "Device after", "Change", "city", "Row", "Carrier"},
		eval[[]string](b, `[...document.querySelectorAll("#rows .head > span")].map((e) => e.textContent)`))
	rows := eval[[][]string](b, `[...document.querySelectorAll("#rows .space .row:not([hidden])")].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((r) => [...r.children].map((e) => e.textContent))`)
	assert.Equal(t, []string{"unbindnot approved", string(iccid(5)) + "card.bike", imei(5), "none", "", "hangzhou", "bikes.csv:7", "aliyun.hangzhou"}, rows[0])
	assert.Equal(t, "unbindapproved", rows[1][0])
	assert.Equal(t, []string{"change-bind", string(iccid(1)) + "card.bike", "861536030196001", "861536030196019", "", "hangzhou", "bikes.csv:3", "aliyun.hangzhou"}, rows[2])
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), "bikes.csv:3"))
	b.status("1 of 14 rows")
}

func TestThePageIsUsedByKeyboard(t *testing.T) {
	b := openPage(t, everyKind())
	b.press("/", "/")
	b.until(`document.activeElement.id === "search"`)
	b.do(chromedp.KeyEvent("unbind"))
	b.status("2 of 14 rows")
	b.press("ArrowDown", "")
	b.press("Enter", "\r")
	b.until(isOpen)
	title := `document.getElementById("card-title").textContent`
	assert.Contains(t, eval[string](b, title), string(iccid(5)))
	b.press("ArrowRight", "")
	assert.Contains(t, eval[string](b, title), string(iccid(9)))
	assert.True(t, eval[bool](b, `document.activeElement.matches("dialog, dialog *")`), "the keyboard stays within the card")
	b.press("Escape", "")
	b.until("!" + isOpen)
	assert.Equal(t, "rows", eval[string](b, "document.activeElement.id"), "and goes back to where it was")
	active := `document.getElementById(document.getElementById("rows").getAttribute("aria-activedescendant"))`
	assert.Equal(t, "3", eval[string](b, active+`.getAttribute("aria-rowindex")`))
	assert.True(t, eval[bool](b, `getComputedStyle(`+active+`).boxShadow !== "none"`), "the place is seen")
}

// A card of the page says all that show -json says of it.
func TestACardOfThePageHasEveryFactOfJSON(t *testing.T) {
	plans := map[string]*plan.Plan{"every-kind": everyKind(), "drift": drifted(), "chinese": chinese(), "swaps": swaps(), "approved": unbinds(true)}
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			b := openPage(t, p)
			cards := cardsOf(b)
			for i := range p.Cards {
				if c := render.CardOf(&p.Cards[i]); len(c.Actions)+len(c.Attention)+len(c.Drift) > 0 {
					saysAll(t, cards[c.Address], c)
				}
			}
			for i := range p.Numbers {
				saysAll(t, cards[p.Numbers[i].Address], render.NumberOf(&p.Numbers[i]))
			}
		})
	}
}

// saysAll checks that each text and number of value is in what is shown.
func saysAll(t *testing.T, shown string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	var fields any
	require.NoError(t, json.Unmarshal(text, &fields))
	for _, fact := range facts(fields) {
		if at, err := time.Parse(time.RFC3339, fact); err == nil {
			fact = at.Format("2006-01-02 15:04 UTC")
		}
		require.Contains(t, shown, fact)
	}
}

func facts(value any) []string {
	var out []string
	switch v := value.(type) {
	case string:
		return []string{v}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		for _, e := range v {
			out = append(out, facts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, facts(e)...)
		}
	}
	return out
}

// ourTags are the elements that the page is made of.
var ourTags = strings.Fields(`HTML HEAD META TITLE STYLE SCRIPT BODY HEADER MAIN SECTION FOOTER NOSCRIPT H1 H2 H3 P A DIV SPAN BDI B STRONG MARK CODE PRE KBD TIME UL OL LI DL DT DD
	DETAILS SUMMARY FORM LABEL INPUT SELECT OPTGROUP OPTION BUTTON DIALOG TABLE CAPTION THEAD TBODY TR TH TD svg title rect`)

func TestHostileTextsDoNothing(t *testing.T) {
	p := hostile()
	b := openPage(t, p)
	got := eval[struct {
		Tags    []string
		Scripts int
		Inline  int
		Cards   int
		Odd     int
		Turned  int
	}](b, `(() => {
		const rows = document.getElementById("rows"), tags = new Set();
		let cards = 0, odd = 0, turned = 0;
		const look = (e) => {
			for (const n of e.querySelectorAll("*")) tags.add(n.tagName);
			odd += e.querySelectorAll(".odd").length;
			turned += /[\u202a-\u202e\u2066-\u2069\u200e\u200f]/.test(e.textContent) ? 1 : 0;
		};
		document.querySelectorAll("details").forEach((d) => (d.open = true));
		rows.focus();
		rows.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
		rows.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
		for (;;) {
			cards++;
			look(document.getElementById("card"));
			if (document.getElementById("next").ariaDisabled === "true") break;
			document.getElementById("next").click();
		}
		window.dispatchEvent(new Event("beforeprint"));
		look(document.body);
		tags.add("HTML");
		return {
			Tags: [...tags], Cards: cards, Odd: odd, Turned: turned,
			Scripts: document.scripts.length,
			Inline: [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on") || a.name === "srcdoc" || (a.name === "href" && !a.value.startsWith("#")))).length,
		};
	})()`)
	assert.Subset(t, ourTags, got.Tags)
	assert.Equal(t, 2, got.Scripts, "the page's own, and the numbers; the cards' are gone once they are read")
	assert.Zero(t, got.Inline)
	assert.Greater(t, got.Cards, 2*len(hostileTexts))
	assert.Greater(t, got.Odd, len(hostileTexts))
	assert.Zero(t, got.Turned, "no mark of direction reaches the page, but by its name")
	b.press("Escape", "")
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), "<script>"))
	b.until(`/^\d+ of /.test(document.getElementById("status").textContent)`)
	b.choose("label", "city=<script>")
	b.until(`document.getElementById("rows").getAttribute("aria-rowcount") > 1`)
}

// inHand are what [browser.work] and [browser.took] do things with in the page.
const inHand = `
	const rows = document.getElementById("rows"), search = document.getElementById("search");
	const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
	const settled = async () => { do await frame(); while (rows.hasAttribute("aria-busy")); };
	const key = (name) => rows.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
	const type = (text) => { search.value = text; search.dispatchEvent(new Event("input")); };
	const choose = (name, k) => { const s = document.getElementById(name); s.selectedIndex = k; s.dispatchEvent(new Event("change")); };
`

// count has the browser count what scripts do; see [browser.steps].
func (b *browser) count() {
	b.t.Helper()
	yes := true
	call(b, profiler.Enable, cdp.Empty{})
	call(b, profiler.StartPreciseCoverage, profiler.StartPreciseCoverageParams{CallCount: &yes, Detailed: &yes})
}

// steps are how often the page's script went through each of its blocks of
// statements since it was asked last.
func (b *browser) steps() int {
	b.t.Helper()
	taken, err := chromedp.Call(b.ctx, profiler.TakePreciseCoverage, cdp.Empty{})
	require.NoError(b.t, err)
	var n int64
	for _, script := range taken.Result {
		if !strings.HasPrefix(script.URL, "file:") {
			continue // it is the test's own
		}
		for _, f := range script.Functions {
			for _, r := range f.Ranges {
				n += r.Count
			}
		}
	}
	return int(n)
}

// rest searches once, so that the page has no more to prepare for searches, and
// waits until it does nothing of itself.
func (b *browser) rest() {
	b.t.Helper()
	eval[bool](b, `(async () => {`+inHand+` for (const text of ["8", ""]) { type(text); await settled(); } return true; })()`)
	for b.steps() > 0 {
		eval[bool](b, `(async () => {`+inHand+` await settled(); return true; })()`)
	}
}

// work does something a few times, and is the most that any of them took: steps
// of the script, and elements that came, went or changed.
func (b *browser) work(what string) (steps, changes int) {
	b.t.Helper()
	for i := 1; i <= 4; i++ {
		b.steps()
		changed := eval[int](b, `(async () => {`+inHand+`
			const i = `+strconv.Itoa(i)+`;
			let n = 0;
			const seen = new MutationObserver((list) => list.forEach((m) => (n += m.type === "childList" ? m.addedNodes.length + m.removedNodes.length : 1)));
			seen.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
			`+what+`;
			await settled();
			seen.disconnect();
			return n;
		})()`)
		steps, changes = max(steps, b.steps()), max(changes, changed)
	}
	b.t.Logf("%-75s %8d steps, %4d changes", what, steps, changes)
	return steps, changes
}

// interactions are what people do with a long table, and whether that goes
// through all of its rows.
func interactions() []interaction {
	return []interaction{
		{`rows.scrollTop = i * 400000`, false},
		{`rows.scrollTop += 900`, false},
		{`key("PageDown")`, false},
		{`key(i % 2 ? "End" : "Home")`, false},
		{`type("8986061703001" + i)`, true},
		{`type("ningbo stop " + i)`, true},
		{`type("nowhere to be found " + i)`, true},
		{`choose("provider", i % 4)`, true},
		{`choose("label", i % 6)`, true},
		{`type(""); choose("provider", 0); choose("label", 0); choose("kind", i % 2)`, true},
		{`key("ArrowDown"); key("Enter")`, false},
		{`document.getElementById("card").close()`, false},
	}
}

type interaction struct {
	do   string
	rows bool
}

// TestAHundredThousandRowsDontLag counts what the page does, whatever the machine
// does besides: what it takes to scroll doesn't go by the rows, a filter takes a
// few steps for each, and only the rows that are seen are ever in the page.
// BenchmarkPage says how long all that takes.
func TestAHundredThousandRowsDontLag(t *testing.T) {
	const few, many = 10_000, 100_000
	short, long := openPage(t, manyStops(few), (*browser).count), openPage(t, manyStops(many), (*browser).count)
	short.status("10,000 rows")
	long.status("100,000 rows")
	short.rest()
	long.rest()
	for _, in := range interactions() {
		fewer, _ := short.work(in.do)
		steps, changes := long.work(in.do)
		if in.rows {
			assert.Less(t, steps, 20*many, "steps of %s", in.do)
			assert.Less(t, steps, fewer*(many/few)*3/2, "steps of %s grow faster than the rows", in.do)
		} else {
			assert.Less(t, steps, few/2, "steps of %s, which goes through no table", in.do)
		}
		assert.Less(t, changes, 2000, "elements that %s changes", in.do)
	}
	assert.Less(t, eval[int](long, `document.querySelectorAll("*").length`), 1500, "only the rows that are seen are in the page")
	eval[bool](long, `document.getElementById("rows").scrollTop = 1e9, true`)
	long.until(`[...document.querySelectorAll("#rows .row:not([hidden])")].some((r) => r.getAttribute("aria-rowindex") === "100001")`)
}

// took is how long something takes in the page, to the frame that shows it, in
// milliseconds by its clock: the lower quartile of a few times.
func (b *browser) took(what string) float64 {
	b.t.Helper()
	times := eval[[]float64](b, `(async () => {`+inHand+`
		const times = [];
		for (let i = 1; i <= 9; i++) {
			const began = performance.now();
			`+what+`;
			await settled();
			times.push(performance.now() - began);
		}
		return times;
	})()`)
	slices.Sort(times)
	return times[len(times)/4]
}

// BenchmarkPage is how long a page of 100,000 rows takes, in a real browser, to
// show what somebody asks of it: the slowest of all that there is to ask.
func BenchmarkPage(b *testing.B) {
	page := openPage(b, manyStops(100_000))
	page.status("100,000 rows")
	for b.Loop() {
		slowest, which := 0.0, ""
		for _, in := range interactions() {
			if took := page.took(in.do); took > slowest {
				slowest, which = took, in.do
			}
		}
		b.ReportMetric(slowest, "ms/slowest")
		b.Logf("the slowest: %s", which)
	}
}

func TestThePageFitsAPhone(t *testing.T) {
	for _, p := range []*plan.Plan{everyKind(), hostile(), chinese()} {
		b := openPage(t, p)
		b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
		b.until(`innerWidth <= 400`)
		assert.LessOrEqual(t, eval[float64](b, `document.documentElement.scrollWidth`), 390.0, "nothing is wider than the screen")
	}
}

func TestThePageIsPrinted(t *testing.T) {
	p := manyStops(3000)
	b := openPage(t, p)
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	eval[bool](b, `window.dispatchEvent(new Event("beforeprint"))`)
	assert.Equal(t, 2000, eval[int](b, `document.querySelectorAll("#printed tbody tr").length`))
	assert.Contains(t, eval[string](b, `document.getElementById("printed").innerText`), "1,000 rows more are not printed")
	assert.Equal(t, "none", eval[string](b, `getComputedStyle(document.getElementById("rows")).display`))
	eval[bool](b, `window.dispatchEvent(new Event("afterprint"))`)
	assert.Zero(t, eval[int](b, `document.querySelectorAll("#printed *").length`))
}

func TestAPlanWithoutARowIsAPageToo(t *testing.T) {
	b := openPage(t, noChanges())
	assert.Equal(t, "No changes", eval[string](b, `document.querySelector("h1").textContent`))
	b = openPage(t, &plan.Plan{Total: 1, Cards: []plan.Card{{Address: "card.x", Provider: "", Actions: []plan.Action{{Change: spec.Change{Kind: spec.Forget}}}}}})
	b.status("1 row")
}
