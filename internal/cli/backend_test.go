package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	stateall "github.com/cardfleet/cardfleet/state/all"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/s3/s3test"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	s3test.Stop()
	stopClients()
	os.Exit(code)
}

// gitlab keeps one state as GitLab does, for the user wei; state/http's own
// tests have the strict one.
func gitlab(t *testing.T) string {
	var mu sync.Mutex
	var body []byte
	var lock map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		text, err := io.ReadAll(r.Body)
		name, password, _ := r.BasicAuth()
		switch {
		case err != nil || name != "wei" || password != "glpat-s3cr3t":
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == "GET" && body == nil:
			w.WriteHeader(http.StatusNoContent)
		case r.Method == "GET":
			_, _ = w.Write(body)
		case r.Method == "POST" && r.URL.Path == "/state":
			body = text
		case r.Method == "DELETE":
			lock = nil
		case lock != nil:
			w.WriteHeader(http.StatusConflict)
			_ = json.NewEncoder(w).Encode(lock)
		default:
			assert.NoError(t, json.Unmarshal(text, &lock))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// backends are the blocks of the backends, each with a place of its own.
func backends(t *testing.T) map[string]func(r *rig) string {
	return map[string]func(r *rig) string{
		"http": func(r *rig) string {
			r.env["TF_HTTP_PASSWORD"] = "glpat-s3cr3t"
			return fmt.Sprintf(`
fleet {
  backend "http" {
    address       = "%[1]s/state"
    lock_address  = "%[1]s/state/lock"
    lock_method   = "POST"
    unlock_method = "DELETE"
    username      = "wei"
  }
}
`, gitlab(t))
		},
		"local": func(*rig) string { return "" },
		"s3": func(r *rig) string {
			url, bucket := s3test.Gateway(r.t), fmt.Sprint("states-", buckets.Add(1))
			s3test.Bucket(r.t, url, bucket)
			return fmt.Sprintf(`
fleet {
  backend "s3" {
    bucket         = %q
    key            = "bikes.state"
    region         = %q
    endpoint       = %q
    use_path_style = true
    access_key     = %q
    secret_key     = %q
  }
}
`, bucket, s3test.Region, url, s3test.AccessKey, s3test.SecretKey)
		},
		"postgres": func(r *rig) string {
			r.env["CARDFLEET_PG_CONN_STR"] = pgtest.Database(r.t)
			return "fleet {\n  backend \"postgres\" { name = \"bikes\" }\n}\n"
		},
		"postgres behind a pooler": func(r *rig) string {
			r.env["CARDFLEET_PG_CONN_STR"] = pgtest.Pooled(r.t, pgtest.Database(r.t))
			return "fleet {\n  backend \"postgres\" { name = \"bikes\" }\n}\n"
		},
	}
}

var buckets atomic.Int64

// answer is a person who does something before the answer is typed.
type answer struct {
	before func()
	text   string
}

func (a *answer) Read(p []byte) (int, error) {
	if a.before != nil {
		a.before()
		a.before = nil
	}
	n := copy(p, a.text)
	a.text = a.text[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// binds counts the calls that change a binding.
func binds(w *carriersim.World) int {
	n := 0
	for _, request := range w.Requests() {
		if request.Params["OpionType"] == "chgBind" {
			n++
		}
	}
	return n
}

func TestOfTwoAppliesAtOnceOneIsToldWhoTheOtherIs(t *testing.T) {
	for name, block := range backends(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			r.write("main.fleet.hcl", block(r)+rebind)
			other := *r
			r.tty, r.env = true, maps.Clone(r.env)
			r.env["CI_JOB_URL"], other.env["CI_JOB_URL"] = "https://ci.example/jobs/7", "https://ci.example/jobs/8"
			r.typed = &answer{text: "yes\n", before: func() { // the first one has the lock while it asks
				got := other.want(4, other.run("apply", "-auto-approve"))
				assert.Contains(t, got.errors, "dev@laptop")
				assert.Contains(t, got.errors, "apply")
				assert.Contains(t, got.errors, "https://ci.example/jobs/7")
				other.want(2, other.run("plan", "-detailed-exitcode"))
			}}
			r.want(0, r.run("apply"))
			r.typed = nil
			require.Equal(t, 1, binds(r.world))

			got := r.want(0, r.run("plan", "-detailed-exitcode"))
			assert.Equal(t, "No changes. 1 card matches the configuration.\n", got.out)
			r.want(0, r.run("apply", "-auto-approve"))
			got = r.want(0, r.run("state", "list"))
			assert.Equal(t, "card.kiosk  aliyun  "+kiosk+"\n", got.out)
			r.want(0, r.run("state", "rm", kiosk))
			got = r.want(0, r.run("state", "list"))
			assert.Empty(t, got.out)
		})
	}
}

func TestARunWhoseLeaseIsTakenOverChangesNothing(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", backends(t)["postgres"](r)+rebind)
	r.tty = true
	r.typed = &answer{text: "yes\n", before: func() {
		c, err := pgx.Connect(context.Background(), r.env["CARDFLEET_PG_CONN_STR"])
		require.NoError(t, err)
		_, err = c.Exec(context.Background(), "UPDATE cardfleet.leases SET token = gen_random_uuid()")
		require.NoError(t, err)
		require.NoError(t, c.Close(context.Background()))
	}}
	got := r.want(5, r.run("apply"))
	assert.Contains(t, got.errors, "another run may have the state")
	assert.Zero(t, binds(r.world), "no call without a durable intent")
}

func TestMistakesInABackendBlockAreShownAtTheirOwnLine(t *testing.T) {
	for block, row := range map[string]struct {
		says     string
		line     int
		validate int // 0 where the environment may yet say it
	}{
		`backend "http" { adress = "https://x" }`:                                             {`named "adress" is not expected here. Did you mean "address"?`, 2, 1},
		`backend "postgres" { con_str = "x" }`:                                                {`Did you mean "conn_str"?`, 2, 1},
		`backend "local" { pth = "x" }`:                                                       {`Did you mean "path"?`, 2, 1},
		`backend "http" {}`:                                                                   {"CARDFLEET_HTTP_ADDRESS", 2, 0},
		`backend "postgres" {}`:                                                               {"CARDFLEET_PG_CONN_STR", 2, 0},
		`backend "http" { address = "gitlab" }`:                                               {"Address is no URL", 2, 1},
		"backend \"postgres\" {\n conn_str = \"postgres://u:sEcReT@h:port/d\"\n}":             {"The connection string can't be read", 3, 1},
		"backend \"http\" {\n address = \"https://x\"\n retry_max = -1\n}":                    {"retry_max must be a whole number", 4, 1},
		"backend \"http\" {\n address = \"https://x\"\n retry_wait_min = 1.5\n}":              {"retry_wait_min must be a whole number", 4, 1},
		"backend \"http\" {\n address = \"https://x\"\n lock_method = 7\n}":                   {"lock_method must be a text", 4, 1},
		"backend \"http\" {\n address = \"https://x\"\n skip_cert_verification = 1\n}":        {"skip_cert_verification must be true or false", 4, 1},
		"backend \"http\" {\n address = \"https://x\"\n client_ca_certificate_pem = \"x\"\n}": {"holds no certificate", 4, 1},
		"backend \"s3\" {\n bucket = \"b\"\n key = \"/k\"\n}":                                 {"neither begins nor ends with a slash", 4, 1},
		"backend \"s3\" {\n bucket = \"b\"\n key = \"k\"\n}":                                  {"Region is missing", 2, 0},
	} {
		r := newRig(t, describe())
		r.write("main.fleet.hcl", "fleet {\n"+block+"\n}\n"+rebind)
		got := r.want(1, r.run("plan"))
		assert.Contains(t, strings.Join(strings.Fields(got.errors), " "), row.says, block)
		assert.Contains(t, got.errors, fmt.Sprintf("main.fleet.hcl line %d", row.line), block)
		assert.NotContains(t, got.errors, "sEcReT")
		validated := r.want(row.validate, r.run("validate"))
		if row.validate != 0 {
			assert.Equal(t, got.errors, validated.errors, block)
		}
	}
}

func TestTwoMistakesInABackendBlockAreToldByValidateEachAtItsLine(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", "fleet {\n  backend \"http\" {\n    address = \"https://x\"\n    retry_max = \"many\"\n    skip_cert_verification = 7\n  }\n}\n"+rebind)
	got := r.want(1, r.run("validate"))
	for _, says := range []string{"line 4", "retry_max must be a number", "line 5", "skip_cert_verification must be true or false"} {
		assert.Contains(t, got.errors, says)
	}
	assert.Equal(t, got.errors, r.want(1, r.run("plan")).errors)
}

func TestAVariableThatABackendCannotUseIsNamed(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", "fleet {\n  backend \"http\" { address = \"https://x\" }\n}\n"+rebind)
	r.env["CARDFLEET_HTTP_RETRY_MAX"] = "many"
	for _, command := range []string{"validate", "plan"} {
		got := r.want(1, r.run(command))
		assert.Contains(t, strings.Join(strings.Fields(got.errors), " "), "The variable CARDFLEET_HTTP_RETRY_MAX of the environment says it, and retry_max must be a number.")
		assert.Contains(t, got.errors, "main.fleet.hcl line 2")
	}
}

func TestEveryBackendSettingIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/backends.md")
	require.NoError(t, err)
	for _, backend := range stateall.Types() {
		for _, x := range backend.Schema.Settings {
			assert.NotEmpty(t, x.Doc)
			if backend.Schema.Type != "local" { // in configuration.md
				assert.Contains(t, string(page), "`"+x.Name+"`", "backend %s", backend.Schema.Type)
			}
		}
	}
}

func TestTheEnvironmentSaysWhatABackendBlockLeavesOut(t *testing.T) {
	url := gitlab(t)
	for _, prefix := range []string{"CARDFLEET_HTTP_", "TF_HTTP_"} {
		r := newRig(t, describe())
		r.write("main.fleet.hcl", "fleet {\n  backend \"http\" {}\n}\n"+rebind)
		for name, value := range map[string]string{
			"ADDRESS": url + "/state", "LOCK_ADDRESS": url + "/lock", "LOCK_METHOD": "POST", "UNLOCK_METHOD": "DELETE",
			"USERNAME": "wei", "PASSWORD": "wrong", "RETRY_MAX": "1",
		} {
			r.env[prefix+name] = value
		}
		got := r.want(1, r.run("plan"))
		assert.Contains(t, got.errors, "HTTP 401")
		r.env["CARDFLEET_HTTP_PASSWORD"] = "glpat-s3cr3t" // ours counts before Terraform's
		r.want(0, r.run("plan"))
	}
}
