package carriersim

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Wire is how a simulated carrier answers where the world's faults have it
// answer. Its answers to what goes well are its own.
type Wire struct {
	ContentType string // of its answers: "application/json"
	// Throttled refuses a request as one too many. The world adds how long to wait.
	Throttled func(http.ResponseWriter)
	// Coded refuses a request with a code of the carrier's.
	Coded func(rw http.ResponseWriter, code string)
}

// Outcome is what a simulated carrier did with a request.
type Outcome struct {
	Changed bool // something
	// Answer is the body of a success. Refuse, where it is set, answers in its place.
	Answer []byte
	Refuse func(http.ResponseWriter)
}

// Serve carries out a request that the carrier has admitted: it lets happen to
// it what the world has in store, and answers, or loses the answer.
func (w *World) Serve(rw http.ResponseWriter, r *http.Request, wire Wire, req Request, do func() Outcome) {
	rw.Header().Set("Date", w.Clock().UTC().Format(http.TimeFormat))
	visit, err := w.Arrive(r.Context(), req)
	if err != nil {
		return // the caller has gone
	}
	if !visit.Fault.Kind.Done() {
		wire.fail(rw, visit.Fault)
		return
	}
	done := do()
	if done.Changed {
		w.Effect(visit)
	}
	if done.Refuse != nil {
		done.Refuse(rw)
		return
	}
	wire.deliver(rw, visit.Fault.Kind, done.Answer)
}

// fail answers a request that has no effect because of a fault.
func (w Wire) fail(rw http.ResponseWriter, f Fault) {
	switch f.Kind {
	case LostBefore:
		cut()
	case Throttle:
		if f.RetryAfter > 0 {
			rw.Header().Set("Retry-After", strconv.Itoa(int(time.Duration(f.RetryAfter).Seconds()+0.999)))
		}
		w.Throttled(rw)
	default:
		w.Coded(rw, f.Kind.Code())
	}
}

// deliver sends the answer of a request that was carried out, or loses it.
func (w Wire) deliver(rw http.ResponseWriter, kind FaultKind, body []byte) {
	switch {
	case kind == LostAfter, kind == Truncated && len(body) == 0: // half of it would be all of it
		cut()
	case kind == HTML5xx:
		Write(rw, http.StatusBadGateway, "text/html", []byte("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"))
	case kind == Truncated:
		Write(rw, http.StatusOK, w.ContentType, body[:len(body)/2])
	default:
		Write(rw, http.StatusOK, w.ContentType, body)
	}
}

// cut breaks the connection off, in the way that a handler does.
func cut() { panic(http.ErrAbortHandler) }

// Write sends an answer.
func Write(rw http.ResponseWriter, status int, contentType string, body []byte) {
	rw.Header().Set("Content-Type", contentType)
	rw.WriteHeader(status)
	_, _ = rw.Write(body) // a caller that has gone doesn't want it
}

// JSON is the JSON of an answer that was just made: of texts, numbers, booleans,
// and lists and objects of them. It panics where something else is in it.
func JSON(answer any) []byte {
	data, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return data
}

// Ended reports whether nothing follows the value that was decoded last.
func Ended(d *json.Decoder) bool {
	_, err := d.Token()
	return err == io.EOF //nolint:errorlint // Token returns io.EOF itself
}
