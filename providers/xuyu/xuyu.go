// Package xuyu is Xuyu (旭宇物联, Shingsou), which resells the cards of China's
// three operators.
//
// Its one public document, S003 (旭宇IOT 接入文档), states how a token is got,
// the two credentials of each call, the operators' status tables, the error
// codes and the names of the operations. The pages of the operations are lost:
// their paths, verbs and fields are in no document. Those that stand here are
// MODELLED, and the setting operations changes each of them.
//
// xuyu.go is what the program calls, operations.go the requests and how the
// configuration changes them, token.go the token, api.go a call, reply.go the
// answers, codes.go what their codes mean, convert.go their words in ours.
//
// What is called a GUESS is in no document, and is a setting or harms nobody.
package xuyu

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	defaultEndpoint = "https://openapis.shingsou.com"              // S003 调试接口, 接口调用地址
	defaultToken    = "https://ids.shingsou.com/connect/token"     // S003 获取access_token, 4
	defaultScope    = "iot.cardservice.all iot.paymentservice.all" // S003 第三方应用
	// defaultKeyHeader is a GUESS: S003 says that a subscriptionKey must be set,
	// and not how. This is the default of Azure API Management, whose portal's
	// wording S003 has.
	defaultKeyHeader = "Ocp-Apim-Subscription-Key"

	// settle is how long a change may take to show. GUESS: no document says.
	settle = 10 * time.Minute
)

// defaults are GUESSES: S003 states no limit.
func defaults() providers.Limits {
	return providers.Limits{RequestsPerSecond: 10, MaxInFlight: 8, Timeout: 25 * time.Second, Retries: 4}
}

// Type is the provider "xuyu".
func Type() providers.Type {
	return providers.Type{Schema: schema(), Open: open, Facts: "partly modelled"}
}

func schema() spec.Schema {
	return spec.Schema{Type: "xuyu", Account: "client_id", Endpoint: defaultEndpoint, Settings: []spec.Setting{
		{Name: "client_id", Type: spec.SettingString, Env: "XUYU_CLIENT_ID", Doc: "id of the application"},
		{Name: "client_secret", Type: spec.SettingString, Env: "XUYU_CLIENT_SECRET", Secret: true, Doc: "secret of the application"},
		{Name: "subscription_key", Type: spec.SettingString, Env: "XUYU_SUBSCRIPTION_KEY", Secret: true, Doc: "subscriptionKey that goes with each call"},
		{Name: "subscription_key_header", Type: spec.SettingString, Doc: `header that carries it, "Ocp-Apim-Subscription-Key" unless said (a guess)`},
		{Name: "token_endpoint", Type: spec.SettingString, Doc: "URL that gives tokens"},
		{Name: "scope", Type: spec.SettingString, Doc: "permissions to ask for, with spaces between them"},
		{Name: "operations", Type: spec.SettingAny, Doc: "map of operation to { method, path, body, result }, over the modelled ones"},
	}}
}

func open(config spec.ProviderConfig, env providers.Env) (providers.Provider, spec.Diagnostics) {
	s := providers.NewSettings(config, schema(), env.Getenv)
	limits := s.Limits(defaults())
	key := credential{id: s.Credential("client_id"), secret: s.Credential("client_secret"), scope: s.String("scope", defaultScope)}
	g := &gateway{
		endpoint:  s.URL("endpoint", defaultEndpoint),
		keyHeader: header(s, "subscription_key_header", defaultKeyHeader),
		key:       headerValue(s, "subscription_key"),
		codes:     meanings(),
		answers:   httpMeanings(),
	}
	tokenEndpoint := s.URL("token_endpoint", defaultToken)
	p := &provider{gateway: g, operations: operationsOf(s), statuses: statuses()}
	if d := s.Diagnostics(); d.HasErrors() {
		return nil, d
	}
	g.Client = carriercall.New(limits, env, g.endpoint, key.id)
	g.Headers = requestHeaders()
	g.Veil.Add(key.id, key.secret, g.key)
	issuer := &issuer{Client: g.Client, endpoint: tokenEndpoint, credential: key, random: env.Random}
	g.tokens = &carriercall.Tokens{
		Call: callToken, Fetch: issuer.token, Now: env.Now, Refused: isUnauthorised, Sleep: env.Sleep, Random: env.Random,
	}
	return p, s.Diagnostics()
}

// header is the name of a header.
func header(s *providers.Settings, setting, fallback string) string {
	name := s.String(setting, fallback)
	odd := strings.ContainsFunc(name, func(r rune) bool { // a token of RFC 9110 §5.6.2
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
	switch {
	case odd:
		s.Mistake(setting, "Invalid header name", fmt.Sprintf("%s holds something that no header's name can. It is a name such as %q.", setting, fallback))
	case strings.EqualFold(name, "Authorization"):
		s.Mistake(setting, "Invalid header name", fmt.Sprintf("The header Authorization carries the token, so %s must be another.", setting))
	}
	return name
}

// headerValue is a credential that goes into a header, which can't hold every text.
func headerValue(s *providers.Settings, setting string) string {
	value := s.Credential(setting)
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		s.Mistake(setting, "Invalid credentials",
			fmt.Sprintf("%s holds a line break or another character that no header can carry. Where it comes from a file, write trimspace(file(…)).", setting))
	}
	return value
}

type provider struct {
	*gateway
	operations map[string]operation
	statuses   map[string]map[string]word
}

// Capabilities implements [providers.Provider]. S003 doesn't mention IMEIs,
// and names nothing that ends a package.
func (p *provider) Capabilities() spec.Capabilities {
	return spec.Capabilities{
		Reads:     spec.AttrActive | spec.AttrPackages,
		Changes:   []spec.Kind{spec.Resume, spec.Subscribe, spec.Stop},
		Settle:    settle,
		Lists:     true,
		ListTells: spec.AttrActive,
		ListPage:  pageSize,
		AfterList: map[spec.Attr]int{spec.AttrPackages: 1},
		ReadCalls: map[spec.Attr]int{spec.AttrPackages: 1},
	}
}

// Read implements [providers.Provider].
func (p *provider) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	var card cardReply
	status := p.call(opStatus, map[string]string{"iccid": string(iccid)})
	id, err := p.read(ctx, status, card.read)
	if isCode(err, codeNotFound) {
		return spec.Reading{ICCID: iccid, At: p.Now(), Lifecycle: spec.NotFound}, nil
	}
	if err != nil {
		return spec.Reading{}, err
	}
	if err := p.CheckCard(status.named(), id, iccid, string(card.ICCID)); err != nil {
		return spec.Reading{}, err
	}
	return p.Complete(ctx, p.reading(iccid, card), attrs)
}

// Complete implements [providers.Completer]: the packages are asked for by themselves.
func (p *provider) Complete(ctx context.Context, reading spec.Reading, attrs spec.Attr) (spec.Reading, error) {
	if !attrs.Has(spec.AttrPackages) {
		return reading, nil
	}
	var packages packagesReply
	if _, err := p.read(ctx, p.call(opPackages, map[string]string{"iccid": string(reading.ICCID)}), packages.read); err != nil {
		return spec.Reading{}, err
	}
	reading.Packages = inForce(packages, reading.At)
	reading.Has |= spec.AttrPackages
	return reading, nil
}

// reading is a card in our words.
func (p *provider) reading(iccid spec.ICCID, card cardReply) spec.Reading {
	r := spec.Reading{ICCID: iccid, At: p.Now(), Has: spec.AttrActive}
	r.Lifecycle, r.Status, r.Reason = lifecycle(p.statuses, string(card.Operator), string(card.Status))
	return r
}

func (p *provider) call(name string, values map[string]string) call {
	return call{operation: p.operations[name], values: values}
}
