package render_test

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
)

// pictures is where the pictures of README.md are. They are made by
//
//	go test ./plan/render -run TestThePicturesOfTheReadme -update
const pictures = "../../docs/pictures"

// pictured is the plan of the pictures: of a merge request that rebinds twenty bikes
// and takes one out of the table.
func pictured() *plan.Plan {
	p := reviewed()
	var cards []plan.Card
	for i := range p.Cards {
		if i == 0 || i >= 2 && i < 22 || i >= 52 && i < 64 {
			cards = append(cards, p.Cards[i])
		}
	}
	p.Cards, p.Unchanged, p.Zone, p.Costs[0].Calls = cards, 598-1-20-12, "", 61
	for i := range p.Cards {
		p.Cards[i].Labels = map[string]string{"city": "hangzhou"}
		for k := range p.Cards[i].Attention {
			p.Cards[i].Attention[k] = stoppedByCarrier("unpaid")
		}
	}
	return p
}

func TestThePicturesOfTheReadme(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, render.Text(&text, pictured(), render.Style{Color: true, Terminal: true, Width: 100}))
	path := filepath.Join(pictures, "plan.svg")
	drawing := terminal("cardfleet plan", text.String())
	if *update {
		require.NoError(t, os.MkdirAll(pictures, 0o750))
		require.NoError(t, os.WriteFile(path, []byte(drawing), 0o600))
		screenshotForReadme(t)
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, drawing, string(have), "run with -update, then look at it")
	assert.Less(t, len(have), 30_000, "bytes")
	shot, err := os.ReadFile(filepath.Join(pictures, "page.png"))
	require.NoError(t, err)
	size, err := png.DecodeConfig(bytes.NewReader(shot))
	require.NoError(t, err)
	assert.Equal(t, 1280, size.Width)
	assert.Less(t, len(shot), 200_000, "bytes")
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, name := range []string{"plan.svg", "page.png"} {
		assert.Contains(t, string(readme), "(docs/pictures/"+name+")")
	}
}

// screenshotForReadme takes the page's picture anew. Browsers draw letters as they
// like, so nothing holds it to the byte.
func screenshotForReadme(t *testing.T) {
	t.Helper()
	b := openPage(t, pictured())
	b.do(chromedp.EmulateViewport(1280, 900))
	b.until(`innerWidth === 1280`)
	height := eval[float64](b, `document.getElementById("rows").getBoundingClientRect().bottom + scrollY + 60`)
	shot, err := chromedp.Call(b.ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{
		CaptureBeyondViewport: ptr(true), Clip: &cdppage.Viewport{Width: 1280, Height: height, Scale: 1},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(pictures, "page.png"), fewColours(t, shot.Data), 0o600))
}

// fewColours is a picture with the 64 colours that most of it has: a third of the bytes.
func fewColours(t *testing.T, data []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	bounds := from.Bounds()
	counts := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[from.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] }))
	to := image.NewPaletted(bounds, palette[:min(64, len(palette))])
	nearest := map[color.Color]uint8{}
	for c := range counts {
		nearest[c] = uint8(to.Palette.Index(c))
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			to.SetColorIndex(x, y, nearest[from.At(x, y)])
		}
	}
	var b bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, to))
	return b.Bytes()
}

var escape = regexp.MustCompile(`\x1b\[([\d;]*)m`)

// terminal draws what a terminal shows, as SVG.
func terminal(command, text string) string {
	const line, char, margin = 19, 8.43, 18
	styles := map[string]string{"1": "b", "2": "f", "4": "u", "31": "r", "32": "g", "33": "y", "35": "m"}
	lines := append([]string{"\x1b[2m$\x1b[0m \x1b[1m" + command + "\x1b[0m", ""}, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	widest := 0
	var b strings.Builder
	for i, l := range lines {
		widest = max(widest, len([]rune(escape.ReplaceAllString(l, ""))))
		fmt.Fprintf(&b, `<text x="%d" y="%d">`, margin, margin+34+i*line)
		at, class := 0, ""
		span := func(to int) {
			if s := l[at:to]; s != "" {
				fmt.Fprintf(&b, `<tspan class="%s">%s</tspan>`, class, html.EscapeString(s))
			}
		}
		for _, m := range escape.FindAllStringSubmatchIndex(l, -1) {
			span(m[0])
			at = m[1]
			var classes []string
			for code := range strings.SplitSeq(l[m[2]:m[3]], ";") {
				if styles[code] != "" {
					classes = append(classes, styles[code])
				}
			}
			class = strings.Join(classes, " ")
		}
		span(len(l))
		b.WriteString("</text>\n")
	}
	width, height := int(float64(widest)*char)+2*margin, len(lines)*line+2*margin+24
	return `<svg xmlns="http://www.w3.org/2000/svg" width="` + strconv.Itoa(width) + `" height="` + strconv.Itoa(height) + `" role="img" aria-label="A plan in a terminal">
<style>text{font:14px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6e4df;white-space:pre}.b{font-weight:700}.f{fill:#9aa0a8}.u{text-decoration:underline}.r{fill:#f2766b}.g{fill:#7fcf9a}.y{fill:#e5b85c}.m{fill:#c9a2f2}</style>
<rect width="100%" height="100%" rx="10" fill="#15171a"/>
<circle cx="22" cy="18" r="5" fill="#f2766b"/><circle cx="40" cy="18" r="5" fill="#e5b85c"/><circle cx="58" cy="18" r="5" fill="#7fcf9a"/>
` + b.String() + "</svg>\n"
}
