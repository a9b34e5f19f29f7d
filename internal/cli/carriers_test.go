package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

const (
	qianyunKey  = "app-key-of-qianyun-0123456789"
	qianyunCard = "89860617030017300008"
)

// qianyun is a carrier that only a definition knows.
type qianyun struct {
	mu     sync.Mutex
	status int
	device string
	calls  []string
}

func (q *qianyun) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls = append(q.calls, r.Method+" "+r.URL.Path)
	body, _ := io.ReadAll(r.Body)
	var sent struct{ To string }
	_ = json.Unmarshal(body, &sent)
	w.Header().Set("X-Request-Id", fmt.Sprintf("q%d", len(q.calls)))
	switch {
	case r.Header.Get("X-Key") != qianyunKey:
		fmt.Fprintf(w, `{"code": 1001, "message": "wrong key %s"}`, r.Header.Get("X-Key"))
		return
	case strings.HasSuffix(r.URL.Path, "/stop"):
		q.status = 2
	case strings.HasSuffix(r.URL.Path, "/resume"):
		q.status = 1
	case strings.HasSuffix(r.URL.Path, "/bind"):
		q.device = sent.To
	case r.URL.Path != "/cards/"+qianyunCard:
		fmt.Fprint(w, `{"code": "2001", "message": "no such card"}`)
		return
	}
	fmt.Fprintf(w, `{"code": 0, "message": "ok", "data": {"iccid": %q, "status": %d, "device": %q, "plans": [{"id": 10002}], "secret_of_others": "s3cr3t-of-others"}}`, qianyunCard, q.status, q.device)
}

// defined is a rig with the definition of docs/carriers.md, and one card.
func defined(t *testing.T) (*rig, *qianyun) {
	t.Helper()
	p := readPage(t, "docs/carriers.md")
	text, _, _ := strings.Cut(p.of("hcl")[0].text, "\nprovider \"qianyun\"")
	q := &qianyun{status: 2, device: "861536030196001"}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	r := newRig(t, &carriersim.World{})
	require.NoError(t, os.RemoveAll(r.dir+"/provider.fleet.hcl"))
	r.env["QIANYUN_APP_KEY"] = qianyunKey
	r.write("qianyun.carrier.hcl", text)
	r.write("main.fleet.hcl", fmt.Sprintf(`provider "qianyun" {
  app_id              = "demo"
  app_key             = env("QIANYUN_APP_KEY")
  endpoint            = %q
  requests_per_second = 1000
}

card "kiosk" {
  iccid  = %q
  imei   = "861536030196019"
  active = true
}
`, server.URL, qianyunCard))
	return r, q
}

func TestAFleetOnADefinedCarrierIsPlannedAppliedAndPlansEmpty(t *testing.T) {
	r, q := defined(t)
	r.want(0, r.run("validate"))
	got := r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "imei: 861536030196001 -> 861536030196019")
	for _, call := range q.calls {
		assert.True(t, strings.HasPrefix(call, "GET "), "plan makes no request of a change: %s", call)
	}
	assert.Contains(t, r.want(0, r.run("apply", "-auto-approve")).out, "Apply complete! 3 done")
	r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Equal(t, 1, strings.Count(strings.Join(q.calls, "\n"), "/bind"))
	assert.Equal(t, 1, strings.Count(strings.Join(q.calls, "\n"), "/resume"))
}

func TestAPlanSaysWhichDefinitionChangedAndIsCarriedOutWithNoOther(t *testing.T) {
	r, q := defined(t)
	r.want(0, r.run("apply", "-auto-approve"))
	assert.NotContains(t, r.want(0, r.run("plan")).out, "carrier qianyun")
	q.mu.Lock()
	q.device = "861536030196001"
	q.mu.Unlock()
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.write("qianyun.carrier.hcl", strings.Replace(r.read("qianyun.carrier.hcl"), `"30s"`, `"40s"`, 1))
	got := r.want(1, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.errors, "Plan of another definition")
	planned := r.want(0, r.run("plan", "-out=p.fleetplan"))
	assert.Contains(t, planned.out, "Carrier qianyun is defined in qianyun.carrier.hcl (sha256:")
	assert.Contains(t, planned.out, "it is not the one of the last run.")
	assert.Contains(t, r.want(0, r.run("plan", "-json")).out, `"type":"definition"`)
	shown := r.want(0, r.run("show", "-json", "p.fleetplan")).out
	assert.Contains(t, shown, `"changed": true`)
	assert.Contains(t, r.want(0, r.run("show", "-markdown", "p.fleetplan")).out, "A definition of a carrier is code")
	r.want(0, r.run("apply", "p.fleetplan"))
	assert.NotContains(t, r.want(0, r.run("plan")).out, "carrier qianyun")
}

func TestADefinitionTakesThePlaceOfTheProgramsAndEveryPlanSaysSo(t *testing.T) {
	r, _ := defined(t)
	for _, name := range []string{"qianyun.carrier.hcl", "main.fleet.hcl"} {
		r.write(name, strings.ReplaceAll(strings.ReplaceAll(r.read(name), `carrier "qianyun"`, `carrier "telnyx"`), `provider "qianyun"`, `provider "telnyx"`))
	}
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, r.want(0, r.run("plan")).out, "Carrier telnyx is defined in qianyun.carrier.hcl")
	r.write("more.carrier.hcl", strings.ReplaceAll(r.read("qianyun.carrier.hcl"), `carrier "telnyx"`, `carrier "aliyun"`))
	assert.Contains(t, r.want(1, r.run("validate")).errors, `"aliyun" is a carrier of the program, which no definition takes the place of.`)
}

func TestADefinitionOfTheConfigurationReadsNoVariableByItself(t *testing.T) {
	r, _ := defined(t)
	r.write("qianyun.carrier.hcl", strings.Replace(r.read("qianyun.carrier.hcl"), `setting "app_key" {}`, `setting "app_key" { env = "QIANYUN_APP_KEY" }`, 1))
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "  app_key             = env(\"QIANYUN_APP_KEY\")\n", "", 1))
	got := r.want(1, r.run("validate"))
	assert.Contains(t, got.errors, `app_key isn't set: write app_key = env("QIANYUN_APP_KEY") in the provider block.`)
}

func TestTryShowsWhatTheExpressionsTookAndNoSecret(t *testing.T) {
	r, q := defined(t)
	got := r.want(0, r.run("carriers", "try", "qianyun", qianyunCard))
	assert.Contains(t, got.out, "X-Key: (sensitive value)")
	assert.Contains(t, got.out, `reply.json.data.device = "861536030196001"`)
	assert.Contains(t, got.out, "reply.json.data.secret_of_others\n")
	assert.Contains(t, got.out, "lifecycle      suspended-by-owner (2)")
	assert.NotContains(t, got.out+got.errors, qianyunKey)
	assert.NotContains(t, got.out, "s3cr3t-of-others")
	assert.Equal(t, []string{"GET /cards/" + qianyunCard}, q.calls)

	r.env["QIANYUN_APP_KEY"] = "another-key-0123456789"
	got = r.want(1, r.run("carriers", "try", "qianyun", qianyunCard))
	assert.Contains(t, got.out, "The card is unread: read: 1001: wrong key")
	assert.NotContains(t, got.out+got.errors, "another-key-0123456789")
}

// A carrier of the program is tried at its simulated one, where the block says so.
func TestTryReadsASimulatedCardToo(t *testing.T) {
	const card = "89860321043022000010"
	r := newRig(t, &carriersim.World{})
	r.write("main.fleet.hcl", "provider \"ctwing\" {\n  endpoint = \"simulator\"\n}\n")
	r.write("simulator.json", `{"cards": [{"iccid": "`+card+`", "msisdn": "14912061160", "words": "5 欠费停机"}]}`)
	got := r.want(0, r.run("carriers", "try", "ctwing", card))
	assert.Contains(t, got.out, "access_number=14912061160&queryDropCard=true")
	assert.Contains(t, got.out, "Sign: (sensitive value)")
	assert.Contains(t, got.out, "lifecycle      suspended-by-carrier (停机 (5))")
}

func TestCarriersAreListedShownAndTestedWithoutAFleet(t *testing.T) {
	r, _ := defined(t)
	require.NoError(t, os.Remove(r.dir+"/main.fleet.hcl"))
	assert.Regexp(t, `qianyun +│ Qianyun IoT +│ qianyun.carrier.hcl`, r.want(0, r.run("carriers", "list")).out)
	assert.Contains(t, r.want(0, r.run("carriers", "test")).out, "qianyun: ok, 2 samples")
	assert.Contains(t, r.want(0, r.run("carriers", "test", "qianyun")).out, "\n  no sample of \"resume\" or \"change-bind\": nothing was looked at of what is sent there")
	assert.NotContains(t, r.want(0, r.run("carriers", "test", "soracom")).out, "no sample")
	assert.Contains(t, r.want(0, r.run("carriers", "show", "telnyx")).out, "carrier \"telnyx\" {")
	assert.Contains(t, r.want(1, r.run("carriers", "show", "aliyun")).errors, "written in Go")
	assert.Contains(t, r.want(1, r.run("carriers", "show", "telnix")).errors, "Did you mean telnyx?")

	r.write("qianyun.carrier.hcl", strings.Replace(r.read("qianyun.carrier.hcl"), `lifecycle = "active", imei`, `lifecycle = "dormant", imei`, 1))
	got := r.want(1, r.run("carriers", "test", "qianyun"))
	assert.Contains(t, got.out, `it gives lifecycle "active", and the sample gives "dormant"`)
	assert.Contains(t, r.want(1, r.run("carriers", "list")).errors, "Sample that fails")
}

// A shell makes the file of > before the command starts, and the command reads the
// folder that it is in.
func TestADefinitionIsCopiedIntoTheFolderThatItIsReadFrom(t *testing.T) {
	r := newRig(t, describe())
	for _, name := range []string{"ctwing", "soracom"} {
		r.write(name+".carrier.hcl", "")
		assert.Contains(t, r.want(1, r.run("carriers", "list")).errors, "Empty definition", "other commands say so")
		r.write(name+".carrier.hcl", r.want(0, r.run("carriers", "show", name)).out)
		assert.Regexp(t, name+` +│ [^│]+ │ `+name+`.carrier.hcl`, r.want(0, r.run("carriers", "list")).out)
		assert.Empty(t, r.want(0, r.run("fmt", "-check")).out, "it is laid out as it should be")
	}
}

// ordering is a carrier that accepts a stop, and takes its time.
type ordering struct {
	mu    sync.Mutex
	done  bool
	calls []string
	now   func() time.Time // the carrier's clock, which is the rig's
}

func (o *ordering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, r.Method+" "+r.URL.Path)
	w.Header().Set("Date", o.now().UTC().Format(http.TimeFormat))
	status, state := 1, "new"
	if o.done {
		status, state = 2, "done"
	}
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusAccepted)
	}
	fmt.Fprintf(w, `{"status": %d, "order": "o-4711", "state": %q}`, status, state)
}

func TestALaterRunGoesOnWaitingForWhatTheCarrierAcceptedAndSendsNothingAgain(t *testing.T) {
	o := &ordering{}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	r := newRig(t, &carriersim.World{})
	o.now = r.clock.Now
	r.write("main.fleet.hcl", fmt.Sprintf(`carrier "slow" {
  endpoint = %q
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  lifecycle = { "1" = "active", "2" = "suspended-by-owner" }
  change "stop" {
    request = { method = "POST", path = "/stop/${card.iccid}" }
    wait {
      request = { path = "/orders/${ticket}" }
      ticket  = accepted.json.order
      until   = reply.json.state == "done"
      every   = "5s"
      for     = "20s"
    }
  }
}
provider "slow" { requests_per_second = 1000 }
card "kiosk" {
  iccid  = %q
  active = false
}
`, server.URL, qianyunCard))
	posts := func() int { return strings.Count(strings.Join(o.calls, "\n"), "POST") }
	got := r.run("apply", "-auto-approve")
	assert.Contains(t, got.out, "stop: in doubt: stop: accepted by the carrier, and not known to be done")
	assert.Equal(t, 1, posts())

	planned := r.run("plan").out
	assert.Contains(t, planned, "was accepted by the carrier at")
	assert.Contains(t, planned, "nothing is sent again")
	r.run("apply", "-auto-approve")
	assert.Equal(t, 1, posts(), "it goes on waiting")

	o.mu.Lock()
	o.done = true
	o.mu.Unlock()
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Equal(t, 1, posts())
}
