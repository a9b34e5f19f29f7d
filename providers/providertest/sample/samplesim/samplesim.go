// Package samplesim is the simulated carrier of the provider "sample", written
// from the carrier's documents and never from our client.
package samplesim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Carrier is the API over a world, for blocks of the provider "sample".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:      "sample",
		Services:  []carriersim.Service{{Setting: "endpoint", Path: "/sample", Handler: &API{World: w}}},
		IDSetting: "user", SecretSetting: "password",
		World: w,
	}
}

// API is the carrier's API as a handler.
type API struct{ World *carriersim.World }

// refusal is an answer that isn't a success.
type refusal struct {
	status     int
	code, says string
}

func (r *refusal) write(rw http.ResponseWriter) {
	carriersim.Write(rw, r.status, contentType, encode(map[string]any{"error": r.code, "message": r.says}))
}

const contentType = "application/json"

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, times and lists of them only
	}
	return data
}

// order is the body of a change.
type order struct {
	Do, From, To, Plan, Order string
}

// ServeHTTP is one call.
func (a *API) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("X-Request-Id", "r-"+strconv.Itoa(a.World.Serial()))
	iccid, o, no := a.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	wire := carriersim.Wire{
		ContentType: contentType,
		Throttled:   (&refusal{http.StatusTooManyRequests, "too_many", "slow down"}).write,
		Coded: func(rw http.ResponseWriter, code string) {
			(&refusal{http.StatusInternalServerError, code, "a fault"}).write(rw)
		},
	}
	arrived := carriersim.Request{Carrier: "sample", Action: o.Do, ICCID: iccid, Params: map[string]string{"to": o.To, "plan": o.Plan}}
	a.World.Serve(rw, r, wire, arrived, func() carriersim.Outcome {
		if o.Do == "read" {
			return a.read(iccid)
		}
		return a.change(iccid, o)
	})
}

// admit checks what the carrier checks before it looks at the card.
func (a *API) admit(r *http.Request) (spec.ICCID, order, *refusal) {
	o := order{Do: "read"}
	user, password, _ := r.BasicAuth()
	if secret, ok := a.World.Secret(user); !ok || secret != password {
		return "", o, &refusal{http.StatusUnauthorized, "unauthorized", "who is " + user + "?"}
	}
	number, ok := strings.CutPrefix(r.URL.Path, "/cards/")
	iccid, err := spec.ParseICCID(number)
	if !ok || err != nil {
		return "", o, bad("there is no such address")
	}
	if r.Method == http.MethodGet {
		return iccid, o, nil
	}
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<10))
	d.DisallowUnknownFields() // stricter than the carrier, so that a misspelt one shows
	if r.Method != http.MethodPost || d.Decode(&o) != nil {
		return "", o, bad("the body is none of ours")
	}
	return iccid, o, nil
}

func bad(why string) *refusal { return &refusal{http.StatusBadRequest, "bad_request", why} }

func noCard() *refusal { return &refusal{http.StatusNotFound, "no_card", "unknown"} }

func (a *API) read(iccid spec.ICCID) carriersim.Outcome {
	card, ok := a.World.Read(iccid)
	if !ok {
		return carriersim.Outcome{Refuse: noCard().write}
	}
	plans := []map[string]any{}
	for _, p := range card.Packages {
		plans = append(plans, map[string]any{"id": p.ID, "until": p.Expires})
	}
	return carriersim.Outcome{Answer: encode(map[string]any{"iccid": iccid, "state": state(card.Status), "imei": card.IMEI, "plans": plans})}
}

func state(l spec.Lifecycle) string {
	return map[spec.Lifecycle]string{
		"": "on", spec.Pending: "ready", spec.Active: "on", spec.SuspendedByOwner: "off", spec.SuspendedByCarrier: "barred", spec.Closed: "gone",
	}[l]
}

// change makes a change, unless the card is so already or doesn't allow it.
func (a *API) change(iccid spec.ICCID, o order) carriersim.Outcome {
	if _, again := a.World.Ordered(o.Order); again && o.Do == "order" {
		return done(false)
	}
	no := noCard()
	_, err := a.World.Change(iccid, func(c *carriersim.Card) bool {
		no = a.alter(c, o)
		return no == nil
	})
	if err == nil && no == nil && o.Do == "order" {
		err = a.World.Order(carriersim.Order{Key: o.Order, Number: o.Order, ICCID: iccid, Package: o.Plan})
	}
	switch {
	case err != nil:
		no = &refusal{http.StatusInternalServerError, "internal", "it could not be kept"}
		fallthrough
	case no != nil:
		return carriersim.Outcome{Refuse: no.write}
	}
	return done(true)
}

func done(changed bool) carriersim.Outcome {
	return carriersim.Outcome{Changed: changed, Answer: encode(map[string]any{"done": true})}
}

func (a *API) alter(c *carriersim.Card, o order) *refusal {
	switch {
	case o.Do == "stop" || o.Do == "resume":
		target := map[string]spec.Lifecycle{"stop": spec.SuspendedByOwner, "resume": spec.Active}[o.Do]
		if c.Status == target {
			return &refusal{http.StatusConflict, "already", fmt.Sprintf("it is %s", state(target))}
		}
		if c.Status != spec.Active && c.Status != spec.SuspendedByOwner {
			return &refusal{http.StatusConflict, "not_allowed", state(c.Status)}
		}
		c.Status = target
	case o.Do == "bind" && !c.IMEI.Same(spec.IMEI(o.From)):
		return &refusal{http.StatusConflict, "other_device", "it is in another"}
	case o.Do == "bind" && o.To != "":
		c.IMEI = spec.IMEI(o.To)
	case o.Do == "order" && o.Plan != "" && o.Order != "":
		now := a.World.Clock()
		c.AddPackage(spec.Package{ID: o.Plan, Effective: now, Expires: now.Add(30 * 24 * time.Hour)})
	default:
		return bad("do what?")
	}
	return nil
}
