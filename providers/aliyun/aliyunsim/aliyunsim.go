// Package aliyunsim is a simulated Alibaba Cloud: Dyiotapi 2017-11-11 and
// Dyplsapi's QueryCallStatus, as strict as their documents.
//
// It is written from the documents, never from our client: signature, nonces,
// time stamps, parameters, shapes of replies, codes and their odd HTTP statuses
// are its own. What no document states is called a GUESS where it stands.
package aliyunsim

import (
	"net/http"
	"net/url"
	"sync"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// Dyiotapi is the card API as a handler. Its zero value is an open world in
// memory, which accepts the test account.
type Dyiotapi struct {
	World *carriersim.World

	once    sync.Once
	gateway gateway
}

func (d *Dyiotapi) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	d.once.Do(func() {
		d.World = orOpen(d.World)
		d.gateway.version, d.gateway.actions = "2017-11-11", dyiotapi()
	})
	d.gateway.serve(d.World, rw, r)
}

// Dyplsapi is the number privacy API as a handler. Its zero value is an open
// world in memory, which accepts the test account.
type Dyplsapi struct {
	World *carriersim.World

	once    sync.Once
	gateway gateway
}

func (d *Dyplsapi) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	d.once.Do(func() {
		d.World = orOpen(d.World)
		d.gateway.version, d.gateway.actions = "2017-05-25", dyplsapi()
	})
	d.gateway.serve(d.World, rw, r)
}

func orOpen(w *carriersim.World) *carriersim.World {
	if w == nil {
		return &carriersim.World{Open: true}
	}
	return w
}

// Carrier is both APIs over one world, for blocks of the provider "aliyun".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type: "aliyun",
		Services: []carriersim.Service{
			{Setting: "endpoint", Path: "/aliyun", Handler: &Dyiotapi{World: w}},
			{Setting: "privacy_endpoint", Path: "/aliyun-privacy", Handler: &Dyplsapi{World: w}},
		},
		IDSetting: "access_key_id", SecretSetting: "access_key_secret",
		World: w,
	}
}

func dyplsapi() map[string]action {
	return map[string]action{
		// The document writes callNo, the SDK CallNo.
		"QueryCallStatus": {required: []string{"PoolKey", "SubsId"}, optional: []string{"CallNo", "callNo"}, do: queryCallStatus},
	}
}

// queryCallStatus answers in the document's spelling: status and calledNo, the
// latter null where there is no number.
func queryCallStatus(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	n, ok := w.Number(q.Get("PoolKey"), q.Get("SubsId"))
	if !ok {
		return nil, false, coded("isv.NO_NOT_EXIST")
	}
	status := answer{"status": n.Status, "calledNo": nil}
	if n.Number != "" {
		status["calledNo"] = n.Number
	}
	return answer{"SecretCallStatusDTO": status}, false, nil
}
