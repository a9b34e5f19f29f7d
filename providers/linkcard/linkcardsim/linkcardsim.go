// Package linkcardsim is a simulated Linkcard 2021-05-20 of Alibaba Cloud, as
// strict as its documents.
//
// It is written from the documents, never from our client: parameters, shapes of
// replies, statuses and codes are its own, the gateway's checks alirpcsim's. What
// no document states is called a GUESS where it stands.
package linkcardsim

import (
	"net/http"
	"sync"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
)

// Linkcard is the API as a handler. Its zero value is an open world in memory,
// which accepts the test account.
//
// A card's words, where the world has them, are its OsStatus: a number ("300")
// or the carrier's word for it ("达量停用"). Its first package is its own one,
// whose id is its CredentialNo, and a package's id is its PackageName.
type Linkcard struct {
	World *carriersim.World

	once    sync.Once
	gateway alirpcsim.Gateway
}

func (l *Linkcard) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	l.once.Do(func() {
		l.World = alirpcsim.OrOpen(l.World)
		g := &l.gateway
		g.Carrier, g.Version, g.Actions = "aliyun_linkcard", "2021-05-20", actions()
		g.Success = alirpcsim.Answer{"Code": "200", "Success": true}
		g.Coded, g.Invalid, g.Elsewhere = coded, invalid, elsewhere()
	})
	l.gateway.Serve(l.World, rw, r)
}

// Carrier is the API over a world, for blocks of the provider "aliyun_linkcard".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:      "aliyun_linkcard",
		Services:  []carriersim.Service{{Setting: "endpoint", Path: "/linkcard", Handler: &Linkcard{World: w}}},
		IDSetting: "access_key_id", SecretSetting: "access_key_secret",
		World: w,
	}
}

// coded is a refusal with its words (ALIDOC 375339) in the members that
// Linkcard's replies have for them. The HTTP status is a GUESS: 200, as the
// documents' samples of such replies don't say, and 500 for failures within.
func coded(code string) *alirpcsim.Refusal {
	words := map[string]string{
		"IccidNotExist":              "IccId does not exist.",
		"InstanceIdCanNotEmpty":      "InstanceId cannot be empty.",
		"BusinessProcessError":       "A business processing exception occurred.",
		"InternalError":              "An internal error occurred.",
		"IllegalRequest":             "The request parameter is invalid.",
		"CredentialInstanceNotExist": "The credential instance does not exist.",
		"RPCInvokeError":             "An RPC invoking error occurred",
	}
	message, status := words[code], http.StatusOK
	if message == "" {
		message = code
	}
	if code == "InternalError" || code == "RPCInvokeError" {
		status = http.StatusInternalServerError
	}
	return refused(status, code, message)
}

func invalid(why string) *alirpcsim.Refusal {
	return refused(http.StatusOK, "IllegalRequest", "The request parameter is invalid. "+why)
}

func refused(status int, code, message string) *alirpcsim.Refusal {
	return &alirpcsim.Refusal{Status: status, Code: code, More: alirpcsim.Answer{
		"Success": false, "ErrorMessage": message, "LocalizedMessage": message,
	}}
}
