// Package cmiotsim is a simulated China Mobile OneLink: API v2 and v5, as strict
// as their documents.
//
// It is written from the documents (CMIOT_API2002 for v2; docs/carriers.md §3.2
// to §3.5 for v5), never from our client: tokens, transids, parameters, shapes
// of replies and codes are its own. What no document states is called a GUESS
// where it stands.
package cmiotsim

import (
	"net/http"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// OneLink is both versions of the API as a handler: /v2/… and /v5/ec/…. Its
// zero value is an open world in memory, which accepts the test account.
type OneLink struct {
	World *carriersim.World
	// TokenTTL is how long a token of v5 lasts; 0 means an hour.
	TokenTTL time.Duration
	// Ebids are the ability codes of v2 that the account was given, by function;
	// a function that isn't there takes any that has the form of one.
	Ebids map[string]string
	// JobPolls is how often a batch is still under way when it is asked for.
	JobPolls int

	once     sync.Once
	v2, v5   map[string]function
	transids transids

	mu       sync.Mutex
	tokens   map[string]token // by appid
	jobs     map[string]*job
	numbered numbered
	told     map[string]spec.ICCID // MSISDN → card, of those that were told
}

func (o *OneLink) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	o.once.Do(func() {
		if o.World == nil {
			o.World = &carriersim.World{Open: true}
		}
		if o.TokenTTL == 0 {
			o.TokenTTL = time.Hour
		}
		o.v2, o.v5 = o.functionsV2(), o.functionsV5()
		o.tokens, o.jobs, o.told = map[string]token{}, map[string]*job{}, map[string]spec.ICCID{}
	})
	o.serve(rw, r)
}

// Expire ends every token that was given so far.
func (o *OneLink) Expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.tokens)
}

// Carrier is the API over a world, for blocks of the provider "cmiot".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:      "cmiot",
		Services:  []carriersim.Service{{Setting: "endpoint", Path: "/cmiot", Handler: &OneLink{World: w}}},
		IDSetting: "appid", SecretSetting: "password",
		World: w,
	}
}
