// Package aliyunsim is a simulated Alibaba Cloud: Dyiotapi 2017-11-11 and
// Dyplsapi 2017-05-25 as far as privacy numbers are read, as strict as their
// documents.
//
// It is written from the documents, never from our client: parameters, shapes of
// replies, codes and their odd HTTP statuses are its own, the gateway's checks
// alirpcsim's. What no document states is called a GUESS where it stands.
package aliyunsim

import (
	"net/http"
	"sync"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
)

// Dyiotapi is the card API as a handler. Its zero value is an open
// world in memory, which accepts the test account.
type Dyiotapi struct {
	World *carriersim.World

	once    sync.Once
	gateway alirpcsim.Gateway
}

func (d *Dyiotapi) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	d.once.Do(func() {
		d.World = alirpcsim.OrOpen(d.World)
		prepare(&d.gateway, "2017-11-11", dyiotapi())
		d.gateway.Coded, d.gateway.Invalid = coded, invalid
	})
	d.gateway.Serve(d.World, rw, r)
}

// Dyplsapi is the number privacy API as a handler. Its zero value is an open
// world in memory, which accepts the test account.
type Dyplsapi struct {
	World *carriersim.World

	once    sync.Once
	gateway alirpcsim.Gateway
}

func (d *Dyplsapi) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	d.once.Do(func() {
		d.World = alirpcsim.OrOpen(d.World)
		prepare(&d.gateway, "2017-05-25", dyplsapi())
		d.gateway.Coded, d.gateway.Invalid = codedOfNumbers, illegal
	})
	d.gateway.Serve(d.World, rw, r)
}

// prepare fills in what both APIs share. The Message of a success is that of the
// documents' own sample, which is no mistake: who reads it for the outcome has
// misread the documents.
func prepare(g *alirpcsim.Gateway, version string, actions map[string]alirpcsim.Action) {
	g.Carrier, g.Version, g.Actions = "aliyun", version, actions
	g.Success = alirpcsim.Answer{"Code": "OK", "Message": "ServiceUnavailable"}
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
