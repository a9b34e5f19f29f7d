// Package alirpcsim is the gateway in front of the simulated products of Alibaba
// Cloud: it checks a call as the RPC gateway does (signature, nonce, time stamp,
// parameters), lets the world's faults happen to it, and answers in its shapes.
//
// It is written from the documents, never from our client, and knows no
// product: those give it their [Action]s. What no document states is called a
// GUESS where it stands.
package alirpcsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Answer is the body of a reply, or part of it.
type Answer map[string]any

// Refusal is an answer that is no success.
type Refusal struct {
	Status  int // HTTP's
	Code    string
	Message string
	// More is what the product's refusals have beside RequestId, Code and Message.
	More Answer
}

// Action is one call of a product: its parameters, and what it does.
type Action struct {
	Required, Optional []string
	// Do reports whether it changed something.
	Do func(w *carriersim.World, q url.Values) (a Answer, changed bool, no *Refusal)
}

// Gateway is one product's API.
type Gateway struct {
	Carrier string // whose limit its calls count towards: "aliyun"
	Version string
	Actions map[string]Action
	// Elsewhere are actions that the real product has, and that aren't simulated.
	Elsewhere []string
	// Success is what every success has beside RequestId.
	Success Answer
	// Coded is the product's refusal with a code.
	Coded func(code string) *Refusal
	// Invalid is the product's refusal of a parameter, saying which.
	Invalid func(why string) *Refusal

	nonces nonces
}

// OrOpen is the world, or an open one in memory where it is nil.
func OrOpen(w *carriersim.World) *carriersim.World {
	if w == nil {
		return &carriersim.World{Open: true}
	}
	return w
}

// Serve answers one request.
func (g *Gateway) Serve(w *carriersim.World, rw http.ResponseWriter, r *http.Request) {
	id := fmt.Sprintf("475C4B95-FB6E-4B2A-B0C6-%012X", w.Serial()) // in the form of the document's sample
	c, no := read(r)
	if no == nil {
		no = g.admit(w, c)
	}
	reply := replies{id: id, host: c.hostID(), action: c.q.Get("Action"), xml: c.format() == "XML"}
	if no != nil {
		reply.refuse(no)(rw)
		return
	}
	w.Serve(rw, r, g.wire(reply), g.request(c), func() carriersim.Outcome {
		if slices.Contains(w.Retired, reply.action) {
			return carriersim.Outcome{Refuse: reply.refuse(notFound())}
		}
		body, changed, no := g.Actions[reply.action].Do(w, c.q)
		if no != nil {
			return carriersim.Outcome{Changed: changed, Refuse: reply.refuse(no)}
		}
		return carriersim.Outcome{Changed: changed, Answer: reply.success(g.Success, body)}
	})
}

func (g *Gateway) wire(reply replies) carriersim.Wire {
	throttled := &Refusal{Status: 400, Code: "Throttling.User", Message: "Request was denied due to user flow control."}
	return carriersim.Wire{
		ContentType: reply.contentType(), Throttled: reply.refuse(throttled),
		Coded: func(rw http.ResponseWriter, code string) { reply.refuse(g.Coded(code))(rw) },
	}
}

// request is what the world keeps of a call.
func (g *Gateway) request(c *call) carriersim.Request {
	return carriersim.Request{
		Carrier: g.Carrier, Action: c.q.Get("Action"), ICCID: spec.ICCID(strings.ToUpper(c.q.Get("Iccid"))), Params: c.shown(),
	}
}

// notFound is how the gateway refuses an action that it doesn't have, or no longer.
func notFound() *Refusal {
	return &Refusal{Status: 404, Code: "InvalidAction.NotFound", Message: "Specified api is not found, please check your url and method."}
}
