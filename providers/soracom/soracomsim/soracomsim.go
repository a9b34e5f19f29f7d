// Package soracomsim is a simulated Soracom Air, as strict as its documents.
//
// It is written from them and never from our definition: soracom-api.en.yaml
// 20260604-092803 of soracom/soracom-cli at bad112d ([OAS]), what that client
// sends ([CLI]), and support.soracom.io article 58798135500697 ([SUP]). What no
// document states is called a GUESS where it stands.
//
// It serves the login, SIMs by list, search and name, and what changes one SIM:
// not bundles, batches, or anything beside SIMs.
package soracomsim

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// Soracom is the API as a handler. Its zero value is an open world in memory,
// which accepts the test account.
//
// A card's words, where the world has them, are its status; its first package is
// its speed class. A card with a chip of its own name (euicc) has a simId that
// isn't its ICCID. Of what the world keeps besides ([carriersim.Card.More]) the
// carrier's are anonymous, groupId, lastModifiedTime, subscription and
// terminationEnabled.
type Soracom struct {
	World *carriersim.World

	once   sync.Once
	mu     sync.Mutex
	grants map[string]grant // by token
}

// Carrier is the API over a world, for blocks of the provider "soracom".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:      "soracom",
		Services:  []carriersim.Service{{Setting: "endpoint", Path: "/soracom/v1", Root: "/v1", Handler: &Soracom{World: w}}},
		IDSetting: "auth_key_id", SecretSetting: "auth_key",
		World: w,
	}
}

func (s *Soracom) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
		s.grants = map[string]grant{}
	})
}

// ServeHTTP is one call of the API.
func (s *Soracom) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.open()
	rw.Header().Set("X-Request-Id", fmt.Sprintf("soracom-%08d", s.World.Serial())) // GUESS: no document names a request
	call, no := s.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "soracom", Action: call.action, ICCID: call.iccid, Params: call.params()}
	s.World.Serve(rw, r, wire(), arrived, func() carriersim.Outcome {
		answer, changed, no := s.do(call, rw.Header())
		if no != nil {
			return carriersim.Outcome{Refuse: no.write}
		}
		return carriersim.Outcome{Changed: changed, Answer: carriersim.JSON(answer)}
	})
}

// object is a JSON object of an answer.
type object map[string]any

const contentType = "application/json"

// refusal is an answer that isn't a success: APICallErrorMessage of [OAS]. An
// empty code is an answer of the gateway in front, which has none (GUESS).
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) write(rw http.ResponseWriter) {
	body := object{"message": r.message}
	if r.code != "" {
		body["code"] = r.code
	}
	carriersim.Write(rw, r.status, contentType, carriersim.JSON(body))
}

// The codes are GUESSES: [OAS] has their form alone.
func denied() *refusal { return &refusal{http.StatusUnauthorized, "AUM0003", "Authentication failed."} }

func noSim() *refusal { return &refusal{http.StatusNotFound, "SEM0001", "No such resource found."} }

func invalid(why string, about ...any) *refusal {
	return &refusal{http.StatusBadRequest, "SEM0049", "Invalid request: " + fmt.Sprintf(why, about...)}
}

// wire is how faults answer. [OAS] has 429 for batches alone; [CLI] waits after
// every 429 and 5xx.
func wire() carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled:   (&refusal{http.StatusTooManyRequests, "SEM0429", "Too many requests."}).write,
		Coded: func(rw http.ResponseWriter, code string) {
			for _, known := range []*refusal{denied(), noSim(), invalid("by order of the world")} {
				if known.code == code {
					known.write(rw)
					return
				}
			}
			(&refusal{http.StatusInternalServerError, code, code}).write(rw)
		},
	}
}

// grant is what a token stands for.
type grant struct {
	apiKey, account string
	until           time.Time // zero in a world without a clock
}

// Expire makes every token given so far invalid.
func (s *Soracom) Expire() {
	s.open()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.grants)
}
