// Package jaspersim is a simulated Cisco IoT Control Center, which Jasper was, as
// strict as its documents.
//
// It is written from them and never from our definition: developer.cisco.com's Get
// Device Details ([GET]), Edit Device Details ([EDIT]), Search Devices ([SEARCH]) and
// Getting Started ([START]), what a probe of a live address answered ([PROBE]), and
// notes of a user of Tele2's ([TELE2]). What no document states is called a GUESS
// where it stands; so are the codes of most errors.
//
// It serves devices by list and by ICCID, what changes one at once, and echo: not
// usages, sessions, plans and effective dates.
package jaspersim

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// ControlCenter is the API as a handler. Its zero value is an open world in memory,
// which accepts the test account.
//
// A card's words, where the world has them, are its status, and its package is its
// rate plan. Of what the world keeps besides ([carriersim.Card.More]) the carrier's
// are dateUpdated (RFC 3339), and what [EDIT] has. A change of a world with a show
// delay is accepted with 202, and made after it.
type ControlCenter struct {
	World *carriersim.World
	// AtOnce is how many calls of an account it takes at once; 0 is 1 ([START]).
	AtOnce int
	// PerSecond is how many calls a second it takes; 0 is 5 ([START]), below 0 any.
	PerSecond float64
	// YearAtMost refuses a list of cards that were modified over a year ago ([TELE2]).
	YearAtMost bool

	once    sync.Once
	mu      sync.Mutex
	calls   map[string]int // under way, by account
	limits  map[string]*rate.Limiter
	ordered history
}

// Carrier is the API over a world, for blocks of the provider "jasper".
func Carrier(w *carriersim.World) carriersim.Carrier { return (&ControlCenter{World: w}).Carrier() }

// Carrier is [Carrier] with an API that was set up.
func (s *ControlCenter) Carrier() carriersim.Carrier {
	return carriersim.Carrier{
		Type:          "jasper",
		Services:      []carriersim.Service{{Setting: "endpoint", Path: "/jasper/rws/api/v1", Root: "/rws/api/v1", Handler: s}},
		IDSetting:     "username",
		SecretSetting: "api_key",
		World:         s.World,
	}
}

func (s *ControlCenter) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
		s.calls, s.limits = map[string]int{}, map[string]*rate.Limiter{}
	})
}

// ServeHTTP is one call of the API.
func (s *ControlCenter) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.open()
	rw.Header().Set("X-Request-Id", fmt.Sprintf("jasper-%08d", s.World.Serial())) // GUESS: no document names a request
	q, no := s.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	leave, ok := s.enter(q.account)
	if !ok {
		throttled().write(rw)
		return
	}
	defer leave()
	arrived := carriersim.Request{Carrier: "jasper", Action: q.action, ICCID: q.iccid, Params: q.params()}
	if q.action == actionEdit && s.World.ShowDelay > 0 {
		rw = accepted{rw}
	}
	s.World.Serve(rw, r, wire(), arrived, func() carriersim.Outcome {
		answer, changed, no := s.do(q)
		if no != nil {
			return carriersim.Outcome{Refuse: no.write}
		}
		return carriersim.Outcome{Changed: changed, Answer: carriersim.JSON(answer)}
	})
}

// enter lets a call of an account in, unless it is one too many: at once, or in a
// second.
func (s *ControlCenter) enter(account string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.World.Clock(); !now.IsZero() && s.PerSecond >= 0 {
		limit := s.limits[account]
		if limit == nil {
			most := s.PerSecond
			if most == 0 {
				most = 5
			}
			limit = rate.NewLimiter(rate.Limit(most), max(int(most), 1))
			s.limits[account] = limit
		}
		if !limit.AllowN(now, 1) {
			return nil, false
		}
	}
	if s.calls[account] >= max(s.AtOnce, 1) {
		return nil, false
	}
	s.calls[account]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls[account]--
	}, true
}

// accepted answers with 202, where other successes have 200.
type accepted struct{ http.ResponseWriter }

func (a accepted) WriteHeader(status int) {
	if status == http.StatusOK {
		status = http.StatusAccepted
	}
	a.ResponseWriter.WriteHeader(status)
}

// object is a JSON object of an answer.
type object map[string]any

// Errors came so ([PROBE]); of successes no document says it.
const contentType = "application/json;charset=ISO-8859-1"

// refusal is an answer that isn't a success.
type refusal struct {
	status  int
	code    string // "" for none
	message string
	header  http.Header
}

func (r *refusal) write(rw http.ResponseWriter) {
	for name, values := range r.header {
		rw.Header()[name] = values
	}
	body := object{"errorMessage": r.message}
	if r.code != "" {
		body["errorCode"] = r.code
	}
	carriersim.Write(rw, r.status, contentType, carriersim.JSON(body))
}

// nobody is a call without credentials, by [PROBE].
func nobody() *refusal {
	return &refusal{http.StatusUnauthorized, "", "Full authentication is required to access this resource", http.Header{"Www-Authenticate": {`Basic realm="Jasper"`}}}
}

func denied() *refusal {
	return &refusal{http.StatusUnauthorized, "10000001", "Invalid credentials", nil}
}

// lacking is a parameter that is left out, by [TELE2].
func lacking(name string) *refusal {
	return &refusal{http.StatusBadRequest, "10000003", name + " is required.", nil}
}

// noDevice has the words of [GET]; no document says its code.
func noDevice() *refusal { return &refusal{http.StatusNotFound, "", "Resource not found", nil} }

// invalid is any other mistake of a call's: its code is a GUESS.
func invalid(why string, about ...any) *refusal {
	return &refusal{http.StatusBadRequest, "10000004", fmt.Sprintf(why, about...), nil}
}

// throttled is by [TELE2].
func throttled() *refusal {
	return &refusal{http.StatusTooManyRequests, "40000029", "Rate Limit Exceeded", nil}
}

// wire is how faults answer.
func wire() carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled:   throttled().write,
		Coded: func(rw http.ResponseWriter, code string) {
			for _, known := range []*refusal{denied(), lacking("A parameter"), invalid("by order of the world"), throttled()} {
				if known.code == code {
					known.write(rw)
					return
				}
			}
			(&refusal{http.StatusInternalServerError, code, code, nil}).write(rw)
		},
	}
}

// ours reports whether the account has the card.
func ours(c *carriersim.Card, account string) bool {
	return (c.Account == "" || c.Account == account) && c.Status != spec.Transferred
}

// firstTime is when cards were modified that nobody has modified since.
var firstTime = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

const keptDate = "dateUpdated"

// modified is when a card was last.
func modified(c *carriersim.Card) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, c.More[keptDate]); err == nil {
		return at
	}
	return firstTime
}

// Modify notes that a card was modified at a time, for changes that are made in the
// world and not by a call.
func Modify(c *carriersim.Card, at time.Time) { c.Keep(keptDate, at.UTC().Format(time.RFC3339Nano)) }
