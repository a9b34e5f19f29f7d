// Package ctwingsim is a simulated 5G CMP, the connection management platform of
// China Telecom (天翼物联 CTWing), as strict as what is known of it.
//
// Its manual (电信.pdf, CTIOT_5GCMP_…) isn't public. The package is written from
// clients that quote it, never from our definition: a NestJS service of 2026 with
// the manual's own sample of a signature ([NEST], 1.2.3 and BQ018), the IoTOS family
// in Java ([IOTOS], BQ004, LC002, MAPN002), and a client in Go ([SIMCTL]). What
// neither of them shows is called a GUESS where it stands; so are all refusals of
// the gateway.
//
// It serves the list of cards, a card's status, its online status, the batch query
// BQ018, and what stops, resumes, activates and cuts off a card: not usage, pools,
// real names, speed limits or messages.
package ctwingsim

import (
	"fmt"
	"maps"
	"net/http"
	"sync"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// CMP is the API as a handler. Its zero value is an open world in memory, which
// accepts the test account.
//
// A card's access number is its MSISDN, or made up where the world has none. Its
// words, where the world has them, are its status code, and what the operator calls
// it behind a blank: "5 欠费停机". Of what the world keeps besides
// ([carriersim.Card.More]) cut is this carrier's: the card is cut off the network.
type CMP struct {
	World *carriersim.World

	once     sync.Once
	mu       sync.Mutex
	numbered numbered
}

// Carrier is the API over a world, for blocks of the provider "ctwing".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:      "ctwing",
		Services:  []carriersim.Service{{Setting: "endpoint", Path: "/ctwing", Handler: &CMP{World: w}}},
		IDSetting: "app_key", SecretSetting: "secret_key",
		World: w,
	}
}

func (s *CMP) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
	})
}

// ServeHTTP is one call of the API.
func (s *CMP) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.open()
	rw.Header().Set("X-Request-Id", fmt.Sprintf("ctwing-%08d", s.World.Serial())) // GUESS: no document names a request
	call, no := s.admit(r)
	if no != nil {
		no(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "ctwing", Action: call.action, ICCID: call.iccid, Params: call.params}
	s.World.Serve(rw, r, call.wire(s.World), arrived, func() carriersim.Outcome { return s.do(call) })
}

// answer is what a call is answered with, in the format of the call.
func (c *call) answer(code, message string, more object) []byte {
	if c.xml != nil {
		return c.xml(code, message, more)
	}
	body := object{c.code: code, c.message: message}
	maps.Copy(body, more)
	return carriersim.JSON(body)
}

// refuse is an answer of the product's, in HTTP 200, that says why not.
func (c *call) refuse(w *carriersim.World, code, message string) carriersim.Outcome {
	return carriersim.Outcome{Refuse: func(rw http.ResponseWriter) {
		carriersim.Write(rw, http.StatusOK, c.contentType(), c.answer(code, message, c.order(w)))
	}}
}

// wire is how faults answer.
func (c *call) wire(w *carriersim.World) carriersim.Wire {
	return carriersim.Wire{
		ContentType: c.contentType(),
		Throttled:   gateway(http.StatusTooManyRequests, "too many requests"),
		Coded:       func(rw http.ResponseWriter, code string) { c.refuse(w, code, "按要求返回").Refuse(rw) },
	}
}

func (c *call) contentType() string {
	if c.xml != nil {
		return "text/xml;charset=UTF-8"
	}
	return "application/json;charset=UTF-8"
}

// gateway is a refusal in front of the product: a GUESS.
func gateway(status int, message string) func(http.ResponseWriter) {
	return func(rw http.ResponseWriter) {
		carriersim.Write(rw, status, "application/json;charset=UTF-8", carriersim.JSON(object{"code": status, "message": message}))
	}
}

// object is a JSON object of an answer.
type object map[string]any

// holds reports whether the account has the card. One that was disconnected is
// still found by its number, and is on no list (a GUESS).
func holds(c *carriersim.Card, account string) bool {
	return (c.Account == "" || c.Account == account) && c.Status != spec.Transferred
}
