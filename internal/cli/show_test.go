package cli_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
)

func TestAPlanBecomesOneComment(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	got := r.want(0, r.run("show", "-markdown", "p.fleetplan"))
	lines := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
	assert.Equal(t, "<!-- cardfleet-plan -->", lines[0])
	assert.Contains(t, got.out, "<code>8615360301960<b>19</b></code>")
	text := strings.Split(strings.TrimSuffix(r.want(0, r.run("show", "p.fleetplan")).out, "\n"), "\n")
	assert.Equal(t, text[len(text)-1], lines[len(lines)-1], "both end with the same line")

	got = r.want(0, r.run("show", "-markdown", "-limit=2000", "-marker=fleets/hangzhou", "p.fleetplan"))
	assert.True(t, strings.HasPrefix(got.out, "<!-- cardfleet-plan: fleets/hangzhou -->\n## cardfleet plan of `fleets/hangzhou`: "), got.out)
	assert.LessOrEqual(t, len(got.out), 2000)
}

func TestAPlanBecomesOnePage(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	got := r.want(0, r.run("show", "-html", "p.fleetplan"))
	assert.Empty(t, got.errors)
	assert.True(t, strings.HasPrefix(got.out, "<!doctype html>\n"), "the page and nothing before it")
	assert.True(t, strings.HasSuffix(got.out, "</html>\n"), "nor behind it")
	text := strings.Split(strings.TrimSuffix(r.want(0, r.run("show", "p.fleetplan")).out, "\n"), "\n")
	assert.Contains(t, got.out, text[len(text)-1], "it has the text's last line")
	assert.Contains(t, got.out, `"861536030196019"`)
}

func TestTheFleetIsAPageAndAComment(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	page := r.want(0, r.run("show", "-html"))
	assert.Empty(t, page.errors)
	assert.True(t, strings.HasPrefix(page.out, "<!doctype html>\n"), "the page and nothing before it")
	assert.True(t, strings.HasSuffix(page.out, "</html>\n"), "nor behind it")
	assert.Contains(t, page.out, `"861536030196019"`)
	comment := r.want(0, r.run("show", "-markdown", "-marker=fleets/hangzhou"))
	assert.True(t, strings.HasPrefix(comment.out, "<!-- cardfleet-fleet: fleets/hangzhou -->\n## cardfleet fleet `fleets/hangzhou`\n\n**1 card**, 1 in service."), comment.out)
	assert.Contains(t, comment.out, "| `aliyun` | 1 | 1 |")
}

// A state that can't be read card by card is read whole, which says what is wrong.
func TestTheFleetOfADamagedStateSaysWhatIsDamaged(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	z, err := zstd.NewReader(strings.NewReader(r.read("fleet.state")))
	require.NoError(t, err)
	defer z.Close()
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	other := bytes.Replace(text, []byte("861536030196019"), []byte("861536030196027"), 1) // its checksum is that of before
	require.NotEqual(t, text, other)
	packer, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	r.write("fleet.state", string(packer.EncodeAll(other, nil)))
	said := r.want(1, r.run("show")).errors
	for _, form := range []string{"-html", "-markdown"} {
		got := r.want(1, r.run("show", form))
		assert.Equal(t, said, got.errors, form)
		assert.Empty(t, got.out, form)
	}
}

func TestShowRefusesWhatDoesntGoTogether(t *testing.T) {
	r := newRig(t, describe())
	for args, want := range map[string]string{
		"-graph":                       "show -graph takes one saved plan",
		"-markdown -json p":            "one of -json and -markdown, not both",
		"-markdown -graph p":           "one of -markdown and -graph, not both",
		"-html -json p":                "one of -json and -html, not both",
		"-html -markdown p":            "one of -markdown and -html, not both",
		"-html -graph p":               "one of -html and -graph, not both",
		"-html -limit=9000 p":          "-limit and -marker are for show -markdown",
		"-graph -json p":               "one of -json and -graph, not both",
		"-limit=9000 p":                "-limit and -marker are for show -markdown",
		"-marker=x -json p":            "-limit and -marker are for show -markdown",
		"-markdown -limit=1999 p":      "take up to 2000 characters",
		"-markdown -limit=0 p":         "take up to 2000 characters",
		"-markdown -marker=a-->b p":    "a marker's name has",
		"-markdown p.fleetplan second": "one saved plan at most",
	} {
		got := r.want(1, r.run(append([]string{"show"}, strings.Fields(args)...)...))
		assert.Contains(t, strings.Join(strings.Fields(got.errors), " "), want, args)
		assert.Empty(t, got.out)
	}
}

func TestTextKeepsToTheTerminalsWidth(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	var out, errors bytes.Buffer
	env := &cli.Env{
		Dir: r.dir, In: strings.NewReader(""), Out: &out, Err: &errors, OutTTY: true, OutWidth: 50,
		LookupEnv: func(name string) (string, bool) { v, ok := r.env[name]; return v, ok },
		Now:       r.clock.Now, Sleep: r.clock.Sleep, Random: fill, Transport: http.DefaultTransport,
	}
	require.Equal(t, 0, cli.Run(context.Background(), []string{"show", "-no-color", "p.fleetplan"}, env), errors.String())
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, l := range lines[:len(lines)-1] {
		assert.LessOrEqual(t, len([]rune(l)), 50, l)
	}
	assert.Contains(t, lines[len(lines)-1], "Plan: ", "the last line is one line, for programs")
}
