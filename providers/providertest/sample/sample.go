// Package sample is the smallest carrier that can do something: start from it
// where a carrier has a wire of its own. The carrier doesn't exist, so nobody
// can configure it; the conformance suite holds it as it holds the real ones.
//
// It is asked card by card over JSON, behind a name and a password. With a real
// carrier, a comment with document, section and date stands at whatever comes
// from its documents, and what no document states is called a GUESS.
package sample

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/providers/internal/lenient"
	"github.com/cardfleet/cardfleet/spec"
)

// Type is the provider "sample".
func Type() providers.Type { return providers.Type{Schema: schema(), Open: open} }

func schema() spec.Schema {
	return spec.Schema{Type: "sample", Account: "user", Settings: []spec.Setting{
		{Name: "user", Type: spec.SettingString, Env: "SAMPLE_USER", Doc: "name of the account"},
		{Name: "password", Type: spec.SettingString, Env: "SAMPLE_PASSWORD", Secret: true, Doc: "password of the account"},
	}}
}

func defaults() providers.Limits {
	return providers.Limits{RequestsPerSecond: 20, MaxInFlight: 16, Timeout: 25 * time.Second, Retries: 4}
}

type provider struct {
	*carriercall.Client
	user, password, endpoint string
}

func open(config spec.ProviderConfig, env providers.Env) (providers.Provider, spec.Diagnostics) {
	s := providers.NewSettings(config, schema(), env.Getenv)
	p := &provider{user: s.Credential("user"), password: s.Credential("password")}
	limits, endpoint := s.Limits(defaults()), s.URL("endpoint", "https://api.carrier.example")
	if d := s.Diagnostics(); d.HasErrors() {
		return nil, d
	}
	p.endpoint = strings.TrimSuffix(endpoint.String(), "/")
	p.Client = carriercall.New(limits, env, endpoint, p.user)
	p.Headers = []string{"X-Request-Id"}
	p.Veil.Add(p.user, p.password)
	return p, s.Diagnostics()
}

// Capabilities implements [providers.Provider].
func (p *provider) Capabilities() spec.Capabilities {
	return spec.Capabilities{
		Reads:      spec.AttrBinding | spec.AttrActive | spec.AttrPackages,
		Changes:    []spec.Kind{spec.Resume, spec.Subscribe, spec.ChangeBind, spec.Stop},
		NamesPrior: []spec.Kind{spec.ChangeBind},
		Settle:     time.Minute,
	}
}

// Read implements [providers.Provider]: one answer tells everything.
func (p *provider) Read(ctx context.Context, iccid spec.ICCID, _ spec.Attr) (spec.Reading, error) {
	var card cardReply
	_, err := p.call(ctx, carriercall.Call{Name: "read"}, iccid, nil, &card)
	if providers.IsCode(err, codeNoCard) {
		return spec.Reading{ICCID: iccid, At: p.Now(), Lifecycle: spec.NotFound}, nil
	}
	if err != nil {
		return spec.Reading{}, err
	}
	return card.reading(iccid, p.Now()), nil
}

// Do implements [providers.Provider].
func (p *provider) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	name, body := "", map[string]string{}
	switch c.Kind {
	case spec.Stop:
		name = "stop"
	case spec.Resume:
		name = "resume"
	case spec.ChangeBind:
		name, body["from"], body["to"] = "bind", c.From, c.To
	case spec.Subscribe:
		name, body["plan"], body["order"] = "order", c.To, c.Key
	default:
		return providers.Receipt{}, providers.Refuse(string(c.Kind), "the carrier has no call for this")
	}
	body["do"] = name
	id, err := p.call(ctx, carriercall.Call{Name: name, Changing: true}, c.ICCID, body, &doneReply{})
	if providers.ProofOf(err) == providers.AlreadySo {
		return providers.Receipt{RequestID: providers.RequestIDOf(err), Already: true}, nil
	}
	if err != nil {
		return providers.Receipt{}, err
	}
	return providers.Receipt{RequestID: id}, nil
}

// reply is a successful answer.
type reply interface {
	// lacks says what is missing in it; nil for a whole one.
	lacks() error
}

// call makes one call about a card: a POST of the body, or a GET where there is none.
func (p *provider) call(ctx context.Context, c carriercall.Call, iccid spec.ICCID, body map[string]string, r reply) (requestID string, err error) {
	c.Card = iccid
	build := func(ctx context.Context) (*http.Request, error) { return p.request(ctx, iccid, body) }
	err = p.Make(ctx, c, build, func(got carriercall.Answer) error {
		requestID = p.RequestID(c, got.Header)
		var head struct{ Error, Message lenient.Text }
		if err := json.Unmarshal(got.Body, &head); err != nil {
			return lenient.Describe(err, len(got.Body))
		}
		if head.Error != "" {
			return p.Explain(c, meaningOf(string(head.Error), string(head.Message)), string(head.Error), string(head.Message))
		}
		if err := json.Unmarshal(got.Body, r); err != nil {
			return lenient.Describe(err, len(got.Body))
		}
		return r.lacks()
	})
	return requestID, err
}

func (p *provider) request(ctx context.Context, iccid spec.ICCID, body map[string]string) (*http.Request, error) {
	method, data := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, err
		}
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, p.endpoint+"/cards/"+string(iccid), bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(p.user, p.password)
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}
