package cli

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/telemetry"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// health is how a worker is.
type health struct {
	name string
	now  func() time.Time
	page http.Handler // of metrics

	mu sync.Mutex
	w  *workers.Worker
}

func (h *health) set(w *workers.Worker) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.w = w
}

func (h *health) worker() *workers.Worker {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.w
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.Handle("GET /metrics", h.page)
	return mux
}

// healthz answers 503 where the database hasn't answered for a while.
func (h *health) healthz(w http.ResponseWriter, _ *http.Request) {
	answer := map[string]any{"worker": h.name, "version": Version, "accounts": []string{}, "status": "starting"}
	status := http.StatusServiceUnavailable
	if worker := h.worker(); worker != nil {
		answer["accounts"] = worker.Held()
		looked := worker.Looked()
		answer["looked"] = looked.UTC()
		if answer["status"] = "ok"; h.now().Sub(looked) < 30*time.Second {
			status = http.StatusOK
		} else {
			answer["status"] = "the database doesn't answer"
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // whoever asked may be gone
}

// crew is what the metrics tell of the worker.
func (h *health) crew() (telemetry.Crew, bool) {
	worker := h.worker()
	if worker == nil || worker.Looked().IsZero() {
		return telemetry.Crew{}, false
	}
	crew := telemetry.Crew{Held: len(worker.Held()), Answered: h.now().Sub(worker.Looked())}
	for _, a := range worker.Accounts() {
		crew.Accounts = append(crew.Accounts, telemetry.Account(a))
	}
	return crew, true
}

// workerWatcher tells what is done in an account, a line an action.
type workerWatcher struct {
	run.Nobody
	one     watcher // for what is said of an action
	account string
}

// watchAccount tells what this worker does in an account.
func (s *session) watchAccount(account string) run.Watcher {
	return &workerWatcher{one: watcher{out: s.out, telemetry: s.seen.telemetry}, account: account}
}

// Started implements [run.Watcher].
func (w *workerWatcher) Started(c *plan.Card, a *plan.Action) { w.one.Started(c, a) }

// Finished implements [run.Watcher].
func (w *workerWatcher) Finished(r apply.Result) { w.one.Finished(r) }

// Throttled implements [run.Watcher].
func (w *workerWatcher) Throttled(provider spec.ProviderName, _ providers.Throttle) {
	w.one.out.say("%s: the carrier refuses calls of %s, since there are too many\n", w.account, provider)
}
