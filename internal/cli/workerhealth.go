package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// health is how a worker is.
type health struct {
	name string
	now  func() time.Time

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
	mux.HandleFunc("GET /metrics", h.metrics)
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

// workerWatcher tells what is done in an account, a line an action.
type workerWatcher struct {
	run.Nobody
	out     *output
	account string
}

// Started implements [run.Watcher].
func (w *workerWatcher) Started(c *plan.Card, a *plan.Action) {
	(&watcher{out: w.out}).Started(c, a)
}

// Finished implements [run.Watcher].
func (w *workerWatcher) Finished(r apply.Result) {
	(&watcher{out: w.out}).Finished(r)
}

// Throttled implements [run.Watcher].
func (w *workerWatcher) Throttled(provider spec.ProviderName, _ providers.Throttle) {
	w.out.say("%s: the carrier refuses calls of %s, since there are too many\n", w.account, provider)
}

// metrics are in the form of Prometheus.
func (h *health) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	if worker := h.worker(); worker != nil {
		fmt.Fprintf(w, "# HELP cardfleet_worker_accounts Accounts that this worker holds.\n# TYPE cardfleet_worker_accounts gauge\ncardfleet_worker_accounts %d\n", len(worker.Held()))
	}
}
