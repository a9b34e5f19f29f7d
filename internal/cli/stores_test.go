package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state/s3/s3test"
)

// terraformServer keeps a state and a lock in Terraform's http protocol. Where
// status is set and says something other than 0 for a request, that and its text
// are the answer.
type terraformServer struct {
	body, lock []byte
	status     func(r *http.Request) (int, string)
}

func (s *terraformServer) serve(t *testing.T) (url string) {
	t.Helper()
	var busy atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.True(t, busy.CompareAndSwap(false, true), "a run asks one thing at a time")
		defer busy.Store(false)
		text, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		if s.status != nil {
			if status, says := s.status(r); status != 0 {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, says)
				return
			}
		}
		s.answer(w, r, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (s *terraformServer) answer(w http.ResponseWriter, r *http.Request, text []byte) {
	switch {
	case r.Method == "GET" && s.body == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == "GET":
		_, _ = w.Write(s.body)
	case r.Method == "POST":
		s.body = text
	case r.Method == "UNLOCK":
		s.lock = nil
	case s.lock != nil:
		w.WriteHeader(http.StatusLocked)
		_, _ = w.Write(s.lock)
	default:
		s.lock = text
	}
}

func TestAnAnswerThatIsNoEmptyStateBeginsNone(t *testing.T) {
	s := &terraformServer{}
	url := s.serve(t)
	r := newRig(t, describe())
	r.write("main.fleet.hcl", fmt.Sprintf("fleet {\n  backend \"http\" {\n    address      = \"%[1]s/s\"\n    lock_address = \"%[1]s/l\"\n  }\n}\n", url)+rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	s.status = func(r *http.Request) (int, string) {
		if r.Method == "GET" {
			return http.StatusNotFound, `{"message":"404 Project Not Found"}`
		}
		return 0, ""
	}
	for _, command := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"apply", "-auto-approve", "-accept-new-state"}} {
		got := r.want(1, r.run(command...))
		assert.Contains(t, got.errors, "404 Project Not Found")
		assert.NotContains(t, got.out, "to adopt")
	}
}

func TestALockThatStaysIsNamedWithTheCommandThatRemovesIt(t *testing.T) {
	s := &terraformServer{status: func(r *http.Request) (int, string) {
		if r.Method == "UNLOCK" {
			return http.StatusInternalServerError, ""
		}
		return 0, ""
	}}
	url := s.serve(t)
	r := newRig(t, describe())
	r.write("main.fleet.hcl", fmt.Sprintf("fleet {\n  backend \"http\" {\n    address      = \"%[1]s/s\"\n    lock_address = \"%[1]s/l\"\n    retry_max    = 0\n  }\n}\n", url)+rebind)
	got := r.want(1, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "Apply complete!")
	assert.Contains(t, got.errors, "all that there was to save is saved")
	_, command, found := strings.Cut(got.errors, "cardfleet force-unlock ")
	require.True(t, found, got.errors)
	id := strings.Fields(command)[0]
	assert.Contains(t, r.want(4, r.run("apply", "-auto-approve")).errors, "cardfleet force-unlock "+id)
	s.status = nil
	r.want(0, r.run("force-unlock", id))
	assert.Contains(t, r.want(0, r.run("plan")).out, "No changes.")
}

func TestAServerThatTakesNoWriteIsNamedAndNothingIsPromisedOfItsJournal(t *testing.T) {
	s := &terraformServer{status: func(r *http.Request) (int, string) { // as nimbolus/terraform-backend without a lock
		return map[string]int{"POST": http.StatusBadRequest}[r.Method], ""
	}}
	r := newRig(t, describe())
	r.write("main.fleet.hcl", fmt.Sprintf("fleet {\n  backend \"http\" { address = \"%s/s\" }\n}\n", s.serve(t))+rebind)
	got := r.want(5, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, "the configuration has no lock_address")
	assert.Contains(t, got.errors, "this run changed nothing")
	assert.NotContains(t, got.errors, "holds what was done")
	assert.Zero(t, binds(r.world))
}

func TestAnApplyOnAStoreWithoutALockChangesNothing(t *testing.T) {
	url := s3test.Unconditional(t)
	bucket := fmt.Sprint("states-", buckets.Add(1))
	s3test.BucketOf(t, url, bucket, s3test.UnconditionalAccessKey, s3test.UnconditionalSecretKey)
	r := newRig(t, describe())
	r.env["AWS_ACCESS_KEY_ID"], r.env["AWS_SECRET_ACCESS_KEY"] = s3test.UnconditionalAccessKey, s3test.UnconditionalSecretKey
	r.write("main.fleet.hcl", fmt.Sprintf("fleet {\n  backend \"s3\" {\n    bucket         = %q\n    key            = \"k\"\n    endpoint       = %q\n    use_path_style = true\n  }\n}\n", bucket, url)+rebind)
	got := r.want(1, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, "takes a conditional write that it has to refuse")
	assert.Contains(t, got.errors, "versitygw")
	assert.Zero(t, binds(r.world))
}
