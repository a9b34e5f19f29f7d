package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

// hostileText is what somebody writes who wants to reach whoever reads it: a
// terminal, the log of a CI, the comment of a pull request, a chat.
const hostileText = "no\x1b[2J\x1b]0;owned\x07\u009b31m\u202e\x7f\r\n::stop-commands::x\nApply complete! 1 done\n  ::warning::y ##[group]z section_start:1700000000:a\r\x1b[0K " +
	"@everyone #5 GH-7 !6 %3 group/project!8 deadbeefcafe https://evil.example <at user_id=\"all\"></at> <!channel> [x](https://evil.example) <script>alert(1)</script> `"

// typedText is the same as a person would type it, who may type lines.
var typedText = strings.ReplaceAll(hostileText, "Apply complete! 1 done\n", "")

// hostileCarrier stands before the rig's carrier: it answers stops with hostile
// texts, and puts them into what it says of a card.
func (r *rig) hostileCarrier() {
	r.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body []byte
		if req.URL.Query().Get("Action") == "DoIotUserStopResume" {
			body, _ = json.Marshal(map[string]string{"Code": "isv.X" + hostileText, "Message": hostileText, "RequestId": "r" + hostileText})
		} else {
			resp, err := http.Post(r.url+req.URL.RequestURI(), req.Header.Get("Content-Type"), req.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			defer resp.Body.Close()
			body, _ = io.ReadAll(resp.Body)
			w.WriteHeader(resp.StatusCode)
		}
		_, _ = w.Write(body)
	}))
	r.t.Cleanup(server.Close)
	r.env["CARDFLEET_VAR_carrier_url"] = server.URL + "/aliyun"
}

// hostileChats are a chat and a webhook that hear of everything, and answer
// with hostile texts. What they were told is in the slice.
func (r *rig) hostileChats() func() []string {
	r.t.Helper()
	var mu sync.Mutex
	var told []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		told = append(told, string(body))
		mu.Unlock()
		answer, _ := json.Marshal(map[string]any{"code": 9, "errcode": 9, "msg": hostileText, "errmsg": hostileText})
		if strings.HasPrefix(req.URL.Path, "/slack") {
			w.WriteHeader(http.StatusBadRequest)
			answer = []byte(hostileText)
		}
		_, _ = w.Write(answer)
	}))
	r.t.Cleanup(server.Close)
	var b strings.Builder
	for _, typ := range spec.NotifyTypes() {
		b.WriteString("  notify \"" + typ + "\" {\n    url = \"" + server.URL + "/" + typ + "/" + hookKey + "\"\n    on = [\"apply\", \"failure\", \"drift\", \"approval\"]\n  }\n")
	}
	r.write("notify.fleet.hcl", "fleet {\n"+b.String()+"}\n")
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return told
	}
}

// hostileFleet is a rig with hostile texts wherever texts come from outside:
// labels and keys of cards, the carrier, the state, the environment, a table.
func hostileFleet(t *testing.T) (r *rig, told func() []string) {
	t.Helper()
	r = newRig(t, describe())
	label := hostileQuoted(t)
	r.write("main.fleet.hcl", provider+`
card "stopped" {
  iccid  = "`+string(kiosk)+`"
  active = false
  labels = { note = `+label+` }
}
card "bound" {
  for_each  = { `+label+` = "`+string(scale)+`" }
  iccid     = each.value
  bound     = false
  labels    = { note = `+label+` }
}
output "said" { value = `+label+` }
`)
	r.write("hostile.csv", "iccid,city\n"+string(kiosk)+",\"@everyone ::add-mask::x \u202e##[group]z\n::stop-commands::x\"\n")
	r.write("hostile.carrier.hcl", hostileDefinition(label, `"on"`, `"active"`))
	r.hostileCarrier()
	told = r.hostileChats()
	r.env["CI_JOB_URL"] = "https://ci.example/" + hostileText
	return r, told
}

// hostileQuoted is the hostile text as HCL writes it.
func hostileQuoted(t *testing.T) string {
	t.Helper()
	quoted, err := json.Marshal(hostileText) // HCL reads JSON's escapes, but for \b and \f
	require.NoError(t, err)
	return strings.NewReplacer("\u202e", `\u202e`, "\u009b", `\u009b`, "\x7f", `\u007f`, "%{", "%%{", "${", "$${").Replace(string(quoted))
}

// hostileDefinition is of a carrier that no block uses, with a sample. Texts are
// HCL's, quoted; the sample passes where "on" gives "active".
func hostileDefinition(text, status, gives string) string {
	return `carrier "hostile" {
  title    = ` + text + `
  endpoint = "https://carrier.test"
  read {
    request = { path = "/${card.iccid}" }
    status  = reply.json.status
  }
  lifecycle = { on = "active" }
  outcome "done" { when = reply.status == 200 }
  message = ` + text + `
  sample ` + text + ` {
    card  = { iccid = "8942310000000000000" }
    reply = { status = 200, json = { status = ` + status + ` } }
    gives = { lifecycle = ` + gives + ` }
  }
}
`
}

// control is what nobody may see a terminal obey; command is what a log obeys;
// painted are our own colours. They are written apart from the package safe.
var (
	command = regexp.MustCompile(`(?m)^[\s\p{Z}]*::|##(vso)?\[|section_(start|end):\d`)
	painted = regexp.MustCompile(`\x1b\[[0-9;]*m`)
)

// assertShown fails where a terminal or a log would obey what was written.
func assertShown(t *testing.T, what, text string) {
	t.Helper()
	assert.Empty(t, command.FindString(text), what)
	assert.NotRegexp(t, `(?m)^Apply complete! 1 done$`, text, what)
	for i, r := range text {
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			assert.Failf(t, "a control character", "%s: %U in %q", what, r, text[max(0, i-60):min(len(text), i+20)])
			return
		}
	}
}

// walk is every command, as it is typed.
var walk = [][]string{
	{"version"}, {"providers"}, {"validate"}, {"validate", "-json"}, {"fmt", "-check"}, {"fmt", "-"},
	{"plan"}, {"plan", "-json"}, {"plan", "-out=p.fleetplan"}, {"plan", "-target=card.x" + typedText}, {"plan", "-var=carrier=" + typedText},
	{"show", "p.fleetplan"}, {"show", "-json", "p.fleetplan"}, {"show", "-graph", "p.fleetplan"}, {"approve", "-print", "p.fleetplan"},
	{"apply", "-auto-approve"}, {"apply", "-auto-approve", "-skip-unapproved"}, {"apply", "-auto-approve", "-skip-unapproved", "-json"},
	{"plan", "-out=p.fleetplan"}, {"show", "p.fleetplan"}, {"show", "-json", "p.fleetplan"},
	{"show"}, {"show", "-json"}, {"show", "-markdown"}, {"state", "list"}, {"state", "show", string(kiosk)}, {"state", "verify"}, {"state", "pull"}, {"state", "history"},
	{"runs", "list"}, {"runs", "show", typedText}, {"runs", "watch", typedText}, {"runs", "cancel", typedText}, {"runs", "retry", typedText}, {"runs", "pause", typedText},
	{"worker", "-listen=" + typedText}, {"worker", "-accounts=" + typedText},
	{"history"}, {"history", string(kiosk)}, {"history", "-json"}, {"history", typedText}, {"history", "-since=" + typedText}, {"history", "-run=" + typedText},
	{"state", "list", "-json"}, {"state", "show", string(kiosk), "-json"}, {"state", "verify", "-json"},
	{"state", "show", typedText}, {"state", "rm", typedText}, {"state", "push", "pulled.json"}, {"state", "migrate", "other" + typedText},
	{"resolve", string(kiosk)}, {"resolve", typedText}, {"force-unlock", typedText}, {"force-unlock", "1"}, {"table", "hostile.csv"}, {"table", "hostile.csv", "-columns=a=" + typedText},
	{"carriers", "list"}, {"carriers", "show", "hostile"}, {"carriers", "show", typedText}, {"carriers", "test"}, {"carriers", "test", typedText},
	{"carriers", "try", typedText, string(kiosk)}, {"carriers", "try", "hostile", typedText},
	{"init"}, {"init", "-provider=" + typedText}, {"init", "-ci=" + typedText},
	{"lsp"}, {"lsp", typedText}, {"output"}, {"output", "-json"}, {"output", "said"}, {"output", typedText}, {"console"}, {"console", "-var=carrier=" + typedText},
	{"test"}, {"test", "-json"}, {"test", "-filter=" + typedText}, {"test", "-junit-xml=junit.xml"},
	{"completion", "bash"}, {"completion", typedText}, {"__complete", "plan", "-target="}, {"__complete", "plan", "-select=note="}, {"__complete", typedText},
	{"destroy", typedText}, {typedText, "-h"}, {"plan", "-select=note=" + typedText},
	{"import", "-iccids=hostile.csv", "-labels=city=city"}, {"simulator", "-listen=" + typedText}, {typedText}, {"plan", "-" + typedText},
}

func TestHostileTextsReachNoTerminalAndNoLog(t *testing.T) {
	for name, env := range map[string]map[string]string{"log": {"CI": "true"}, "coloured log": {"CI": "true", "CLICOLOR_FORCE": "1"}} {
		t.Run(name, func(t *testing.T) {
			r, told := hostileFleet(t)
			for k, v := range env {
				r.env[k] = v
			}
			walked := map[string]bool{}
			for _, args := range walk {
				r.in = r.read("main.fleet.hcl")
				got := r.run(args...)
				walked[args[0]] = true
				text := got.out + "\n" + got.errors
				if env["CLICOLOR_FORCE"] != "" {
					text = painted.ReplaceAllString(text, "")
				}
				assertShown(t, strings.Join(args, " "), text)
				if args[0] == "state" && args[1] == "pull" {
					r.write("pulled.json", strings.ReplaceAll(got.out, `"address": "card.stopped"`, `"address": "card.stopped\u001b[2J\n::warning::x"`))
				}
			}
			r.write("hostile.carrier.hcl", hostileDefinition(hostileQuoted(t), hostileQuoted(t), hostileQuoted(t)))
			failed := r.run("carriers", "test")
			assert.Equal(t, 1, failed.code)
			assertShown(t, "a sample that fails", painted.ReplaceAllString(failed.out+failed.errors, ""))
			for _, c := range commandsOf(r) {
				assert.True(t, walked[c], "the walk leaves out %s", c)
			}
			chats := told()
			require.NotEmpty(t, chats)
			for _, body := range chats {
				assertTold(t, body)
			}
		})
	}
}

// commandsOf are the commands that the help lists.
func commandsOf(r *rig) []string {
	_, list, _ := strings.Cut(r.run("-h").out, "Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for line := range strings.SplitSeq(list, "\n") {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}

// assertTold fails where a chat would call people, or where a text would look
// like a message of ours.
func assertTold(t *testing.T, body string) {
	t.Helper()
	assertShown(t, "a chat's wire", body)
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &v))
	assertShown(t, "a chat", strings.Join(textsIn(v), "\n"))
	if v["msg_type"] == "text" { // Feishu's
		assert.NotContains(t, body, "<at")
		assert.NotContains(t, body, "](")
	}
	if text, slack := v["text"].(string); slack && len(v) == 1 {
		assert.NotContains(t, text, "<")
	}
}

// textsIn are the texts that people read of a message, in whichever form.
func textsIn(v map[string]any) []string {
	var texts []string
	for key, v := range v {
		switch v := v.(type) {
		case string:
			if key == "text" || key == "content" {
				texts = append(texts, v)
			}
		case map[string]any:
			texts = append(texts, textsIn(v)...)
		}
	}
	return texts
}

// live is what a platform makes a link, a mention or a reference of.
var live = regexp.MustCompile(`@\w|#\d|(?i)\b[a-z]\w*-\d|[!%]\d|\b[0-9a-f]{7,40}\b|://|<a |<img|<script`)

// ownStyle is the page's style sheet, whose selectors begin with colons.
var ownStyle = regexp.MustCompile(`(?s)<style>.*?</style>`)

var codeOrComment = regexp.MustCompile(`(?s)<code[^>]*>.*?</code>|<!--.*?-->`)

func TestHostileTextsAreDeadInACommentAndOnAPage(t *testing.T) {
	r, _ := hostileFleet(t)
	r.run("apply", "-auto-approve", "-skip-unapproved")
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	comment := r.want(0, r.run("show", "-markdown", "p.fleetplan")).out
	assertShown(t, "the comment", comment)
	require.Contains(t, comment, "everyone", "the texts are in it")
	var page bytes.Buffer
	require.NoError(t, goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(comment), &page))
	assert.NotRegexp(t, live, codeOrComment.ReplaceAllString(page.String(), ""))

	html := r.want(0, r.run("show", "-html", "p.fleetplan")).out
	require.Contains(t, html, "everyone")
	assert.NotContains(t, html, "<script>alert")
	assert.NotContains(t, html, "href=\"https://evil")
	assertShown(t, "the page", ownStyle.ReplaceAllString(html, ""))

	fleet := r.want(0, r.run("show", "-html")).out
	assert.NotContains(t, fleet, "<script>alert")
	assertShown(t, "the fleet's page", ownStyle.ReplaceAllString(fleet, ""))
}

func TestJSONHoldsHostileTextsAsTheyAre(t *testing.T) {
	r, _ := hostileFleet(t)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	var shown struct {
		Cards []struct{ Labels map[string]string } `json:"cards"`
	}
	text := r.want(0, r.run("show", "-json", "p.fleetplan")).out
	assertShown(t, "JSON", text)
	require.NoError(t, json.Unmarshal([]byte(text), &shown))
	require.NotEmpty(t, shown.Cards)
	assert.Equal(t, hostileText, shown.Cards[0].Labels["note"])
}

func TestAHostileLockIsShownAndNotObeyed(t *testing.T) {
	r, _ := hostileFleet(t)
	b := local.New(filepath.Join(r.dir, "fleet.state"), state.Env{Now: time.Now, Random: fill, Version: "0.1.0"})
	unlock, err := b.Lock(t.Context(), state.LockInfo{ID: "1" + hostileText, Operation: hostileText, Who: hostileText, Info: hostileText, Path: hostileText, Version: hostileText})
	require.NoError(t, err)
	defer func() { require.NoError(t, unlock()) }()
	for _, args := range [][]string{{"apply", "-auto-approve"}, {"force-unlock", "2"}, {"force-unlock", hostileText}, {"apply", "-auto-approve", "-json"}} {
		got := r.run(args...)
		assertShown(t, strings.Join(args, " "), got.out+got.errors)
	}
	assert.Contains(t, r.run("apply", "-auto-approve").errors, `Who:       no\x1b[2J`)
}

func TestATableGoesToAPipeAsItIs(t *testing.T) {
	r, _ := hostileFleet(t)
	piped := r.want(0, r.run("table", "hostile.csv")).out
	r.want(0, r.run("table", "hostile.csv", "-out=cards.csv"))
	written, err := os.ReadFile(filepath.Join(r.dir, "cards.csv"))
	require.NoError(t, err)
	assert.Equal(t, string(written), piped)
}
