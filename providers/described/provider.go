package described

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// provider is one account at a described carrier.
type provider struct {
	*carriercall.Client
	def       *Definition
	env       providers.Env
	plaintext bool // credentials may go in clear to another machine: the block says so
	endpoint  string
	settle    time.Duration
	base      *hcl.EvalContext // functions and settings
	tokens    *carriercall.Tokens
	token     tokenValues
	keys      atomic.Pointer[func(spec.ICCID) providers.Key]
	ids       ids
	// look, where set, is shown each request and its answer.
	look func(exchange)
}

// officialFacts is what the program's own definitions are written from.
const officialFacts = "official documents"

// Type is the provider type of the definition.
func (d *Definition) Type() providers.Type {
	facts := "its author's"
	if d.Embedded {
		facts = officialFacts
	}
	return providers.Type{Schema: d.schema(), Open: d.open, Facts: facts}
}

func (d *Definition) schema() spec.Schema { return d.Outline().schema(d.Digest, d.Embedded) }

// Outline is what a provider's block takes from the definition.
func (d *Definition) Outline() Outline {
	o := Outline{Name: d.Name, Title: d.Title, Endpoint: d.endpoint}
	for _, x := range d.settings {
		o.Settings = append(o.Settings, OutlineSetting{Name: x.name, Env: x.env, Public: !x.secret, Has: x.fallback != nil})
	}
	return o
}

// schema is what a provider's block may say. The variables of the environment are
// read for embedded definitions alone: a definition in a configuration could send
// them anywhere.
func (o Outline) schema(digest string, embedded bool) spec.Schema {
	s := spec.Schema{Type: o.Name, Endpoint: o.Endpoint, Defined: true, Digest: digest}
	for _, x := range o.Settings {
		setting := spec.Setting{Name: x.Name, Type: spec.SettingString, Secret: !x.Public, Doc: "setting of " + cmp.Or(o.Title, o.Name)}
		if embedded {
			setting.Env = x.Env
		}
		if x.Public && !x.Has && s.Account == "" {
			s.Account, s.AccountKey = x.Name, true
		}
		s.Settings = append(s.Settings, setting)
	}
	return s
}

func (d *Definition) open(config spec.ProviderConfig, env providers.Env) (providers.Provider, spec.Diagnostics) {
	p, diags := d.openProvider(config, env)
	switch {
	case p == nil:
		return nil, diags
	case d.list == nil:
		return p, diags
	case d.list.window == nil && (d.list.total != nil || d.list.pages != nil):
		return pager{lister{p}}, diags
	default:
		return lister{p}, diags
	}
}

func (d *Definition) openProvider(config spec.ProviderConfig, env providers.Env) (*provider, spec.Diagnostics) {
	s := providers.NewSettings(config, d.schema(), env.Getenv)
	values, secrets := d.settingValues(s)
	endpoint := d.endpointOf(s)
	limits := s.Limits(d.limits.Limits)
	if diags := s.Diagnostics(); diags.HasErrors() {
		return nil, diags
	}
	p := &provider{def: d, env: env, settle: d.limits.settle, endpoint: strings.TrimSuffix(endpoint.String(), "/")}
	p.Client = carriercall.New(limits, env, endpoint, accountOf(values))
	p.Headers = []string{"X-Request-Id", "X-Correlation-Id", "Request-Id", "X-Amzn-Requestid"}
	for _, secret := range secrets {
		if len(secret) >= shortestSecret {
			p.Veil.Add(spec.SecretForms(secret)...)
		}
	}
	p.base, p.plaintext = p.baseOf(values), s.Bool(spec.AllowPlaintext().Name, false)
	if d.token != nil {
		p.tokens = &carriercall.Tokens{Call: callToken, Fetch: p.fetchToken, Now: env.Now, Refused: tokenRefused, Sleep: env.Sleep, Random: env.Random}
	}
	return p, s.Diagnostics()
}

// baseOf is what every expression sees.
func (p *provider) baseOf(values map[string]cty.Value) *hcl.EvalContext {
	return &hcl.EvalContext{
		Functions: functions(outside{now: func() string { return timeText(p.Now()) }, random: p.env.Random}),
		Variables: map[string]cty.Value{rootSetting: cty.ObjectVal(values), rootOmit: omitValue()},
	}
}

// timeText is a time as expressions see it.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// settingValues are the settings, and those that nothing may show.
func (d *Definition) settingValues(s *providers.Settings) (map[string]cty.Value, []string) {
	values, secrets := map[string]cty.Value{}, []string(nil)
	for _, x := range d.settings {
		fallback := ""
		if x.fallback != nil {
			fallback = *x.fallback
		}
		text := s.String(x.name, fallback)
		if text == "" && x.fallback == nil {
			s.Mistake(x.name, "Missing setting", d.missing(x))
		}
		values[x.name] = cty.StringVal(text)
		if x.secret {
			secrets = append(secrets, text)
		}
	}
	return values, secrets
}

func (d *Definition) missing(x setting) string {
	how := fmt.Sprintf("%s isn't set: write %s = … in the provider block.", x.name, x.name)
	switch {
	case x.env != "" && d.Embedded:
		how = fmt.Sprintf("%s isn't set: write it in the provider block, or set the environment variable %s.", x.name, x.env)
	case x.env != "":
		how = fmt.Sprintf("%s isn't set: write %s = env(%q) in the provider block. A definition of the configuration doesn't read the environment by itself.", x.name, x.name, x.env)
	}
	return how
}

// endpointOf is the base URL, which the definition says or the block.
func (d *Definition) endpointOf(s *providers.Settings) *url.URL {
	switch text := s.String("endpoint", d.endpoint); text {
	case "":
		s.Mistake("endpoint", "Missing endpoint", fmt.Sprintf("Neither the definition of %s nor its provider block says the endpoint, the base URL of its API.", d.Name))
		return nil
	case "simulator":
		s.Mistake("endpoint", "No simulated carrier", fmt.Sprintf("The program has no simulated carrier for %q: leave endpoint out, or name a server of your own.", d.Name))
		return nil
	}
	u := s.URL("endpoint", d.endpoint)
	if u != nil && spec.PlainHTTP(u) && !s.Bool(spec.AllowPlaintext().Name, false) {
		s.Mistake("endpoint", "Credentials in clear", fmt.Sprintf(
			"The endpoint is http to %s, which isn't this machine. Write https; where the way is safe all the same, write allow_plaintext = true in the provider block.", u.Hostname()))
	}
	return u
}

// accountOf names an account by all that its block says, without showing it.
func accountOf(values map[string]cty.Value) string {
	sum := sha256.New()
	for _, name := range sortedNames(values) {
		fmt.Fprintf(sum, "%s=%q\n", name, values[name].AsString()) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// SetKeys implements [providers.Keyed].
func (p *provider) SetKeys(find func(card spec.ICCID) providers.Key) { p.keys.Store(&find) }

func (p *provider) key(iccid spec.ICCID) providers.Key {
	if find := p.keys.Load(); find != nil {
		return (*find)(iccid)
	}
	return providers.Key{}
}

// Capabilities implements [providers.Provider].
func (p *provider) Capabilities() spec.Capabilities {
	c := p.def.Capabilities()
	c.Settle = p.settle
	return c
}

// Capabilities is what a provider of the definition can do.
func (d *Definition) Capabilities() spec.Capabilities {
	c := spec.Capabilities{
		Reads: d.read.attrs() &^ spec.AttrActive, Settle: d.limits.settle, Cooldown: d.limits.cooldown, ObservesIMEI: d.read.observed != nil,
		Lists: d.list != nil, ReadCalls: map[spec.Attr]int{}, AfterList: map[spec.Attr]int{}, ChangeCalls: map[spec.Kind]int{}, Bills: map[spec.Kind]string{}, Waits: map[spec.Kind]time.Duration{},
	}
	c.Reads |= spec.AttrActive
	if n := d.lookupsOf(d.read.request); n > 0 {
		c.ReadCalls[0] = n
	}
	for _, r := range d.further {
		d.readsFurther(&c, r)
	}
	if d.list != nil {
		c.ListPage, c.ListTells = d.list.size, d.list.row.attrs()
	}
	for _, kind := range spec.CarrierKinds() {
		if ch := d.changes[kind]; ch != nil {
			d.capableOf(&c, ch)
		}
	}
	return c
}

// readsFurther adds a further request to the capabilities.
func (d *Definition) readsFurther(c *spec.Capabilities, r *reads) {
	more := r.serves() &^ c.Reads
	c.Reads |= r.attrs()
	c.ObservesIMEI = c.ObservesIMEI || r.observed != nil
	for _, a := range spec.Attrs() {
		if more.Has(a) {
			c.ReadCalls[a], c.AfterList[a] = 1+d.lookupsBeside(r.request, d.read), 1+d.lookupsOf(r.request)
			if d.list != nil {
				c.AfterList[a] = 1 + d.lookupsBeside(r.request, d.list.row)
			}
			break
		}
	}
}

// lookupsBeside is how many look-ups a request takes for a card that is new, once
// another has read it, or a row has told it.
func (d *Definition) lookupsBeside(r *request, other *reads) int {
	n := 0
	for _, l := range d.lookups {
		told := other.request != nil && other.request.card[l.name] || slices.ContainsFunc(other.ids, func(id named) bool { return id.name == l.name })
		if r.card[l.name] && !told {
			n += 1 + d.lookupsBeside(l.request, other)
		}
	}
	return n
}

// capableOf adds a change to the capabilities.
func (d *Definition) capableOf(c *spec.Capabilities, ch *change) {
	c.Changes = append(c.Changes, ch.kind)
	if ch.namesPrior && d.Embedded {
		c.NamesPrior = append(c.NamesPrior, ch.kind)
	}
	c.BindsFirst = c.BindsFirst || ch.kind == spec.ChangeBind && !d.namesDevice(ch)
	c.Cooldown = max(c.Cooldown, ch.cooldown)
	c.KeepsAccount, c.OnePackage = c.KeepsAccount || ch.keeps, c.OnePackage || ch.replaces
	if ch.irreversible {
		c.Final = append(c.Final, ch.kind)
	}
	if ch.wait != nil {
		c.Waits[ch.kind] = ch.wait.longest
	}
	if ch.bills != "" {
		c.Bills[ch.kind] = ch.bills
	}
	cured := func(s standing) bool { return s.curedBy != "" }
	c.ResumesForDevice = c.ResumesForDevice || ch.kind == spec.Resume && slices.ContainsFunc(d.standings(), cured)
	calls := 1 + d.lookupsOf(ch.request)
	for _, s := range slices.Concat(d.steps, ch.steps) {
		calls += 1 + d.lookupsOf(s.request)
	}
	if ch.reading {
		calls += c.CallsToRead(c.Reads)
	}
	if ch.wait != nil {
		calls += callsToWait
	}
	c.ChangeCalls[ch.kind] = calls
}

// namesDevice reports whether the change says that it names the device that the
// card has, or whether anything that makes its requests or says when it is done
// takes that device. A card that is bound to none has no such device.
func (d *Definition) namesDevice(ch *change) bool {
	list := append(ch.request.all(), ch.done)
	for _, s := range slices.Concat(d.steps, ch.steps) {
		list = append(append(list, s.request.all()...), s.unless)
	}
	if ch.wait != nil {
		list = append(append(list, ch.wait.request.all()...), ch.wait.until, ch.wait.failed, ch.wait.ticket)
	}
	for _, n := range d.let {
		list = append(list, n.expr)
	}
	for _, s := range d.sign {
		list = append(list, s.text)
	}
	list = append(list, d.every.all()...)
	return ch.namesPrior || slices.ContainsFunc(list, (*expression).namesDevice)
}

// callsToWait is how many looks a change that is waited for takes as a rule.
const callsToWait = 2

func (d *Definition) standings() []standing {
	list := make([]standing, 0, len(d.statuses))
	for _, s := range d.statuses {
		list = append(list, s)
	}
	return list
}

// lookupsOf is how many look-ups a request takes for a card that is new.
func (d *Definition) lookupsOf(r *request) int {
	n := 0
	if r == nil {
		return 0
	}
	for _, l := range d.lookups {
		if r.card[l.name] {
			n += 1 + d.lookupsOf(l.request)
		}
	}
	return n
}

// Described implements [providers.Described].
func (p *provider) Described() bool { return true }

// pauseFor waits.
func (p *provider) pauseFor(ctx context.Context, d time.Duration) error { return p.env.Sleep(ctx, d) }
