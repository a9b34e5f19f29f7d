package providers

import (
	"fmt"
	"net/url"
	"time"

	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
	"github.com/cardfleet/cardfleet/spec"
)

// Limits is what a provider keeps to towards its account.
type Limits struct {
	RequestsPerSecond float64
	MaxInFlight       int
	Timeout           time.Duration // of one request
	Retries           int           // how often a call is repeated, where that is safe
	// PerFunction is the most calls a second of each of the carrier's functions; 0 for no such limit.
	PerFunction float64
	// CallsPerDay and CallsPerMonth are the account's quotas; 0 for none.
	CallsPerDay, CallsPerMonth int
	// Account is what [Limits.Transport] calls the account that they are of; "" before
	// that, and where it is shared with none.
	Account string
}

// Paced is a provider that tells its limits, for estimates and progress.
type Paced interface {
	Limits() Limits
}

// PaceOf is how many calls a provider may make, as far as it says.
func PaceOf(p Provider) spec.Pace {
	paced, ok := p.(Paced)
	if !ok {
		return spec.Pace{}
	}
	l := paced.Limits()
	return spec.Pace{PerSecond: l.Rate(), PerDay: l.CallsPerDay, PerMonth: l.CallsPerMonth, Account: l.Account}
}

// Settings reads a provider's block, with what providers have in common.
type Settings struct {
	*spec.Settings
	name spec.ProviderName
}

// NewSettings reads config, whose settings have the types that schema states.
func NewSettings(config spec.ProviderConfig, schema spec.Schema, getenv func(string) string) *Settings {
	block := spec.Written{
		Title: fmt.Sprintf("provider %q", config.Name), Values: config.Settings, Ranges: config.Ranges, Header: &config.Source,
	}
	return &Settings{Settings: spec.NewSettings(block, schema, getenv), name: config.Name}
}

// Credential is a setting without which no call can be made.
func (s *Settings) Credential(name string) string {
	v := s.String(name, "")
	if v != "" {
		return v
	}
	detail := fmt.Sprintf("The provider %q has no %s. Set %s in its block", s.name, name, name)
	if variable := s.Variable(name); variable != "" {
		detail += fmt.Sprintf(", or the environment variable %s", variable)
	}
	s.Mistake(name, "Missing credentials", detail+`. To try it without a carrier, set endpoint = "simulator".`)
	return ""
}

// URL is a setting that holds the base URL of an API; a path in it is kept.
func (s *Settings) URL(name, fallback string) *url.URL {
	text := s.String(name, fallback)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		s.Mistake(name, "Invalid URL", fmt.Sprintf("%s must be a URL that begins with https:// or http://, such as %q.", name, fallback))
		return nil
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		s.Mistake(name, "Invalid URL", fmt.Sprintf("%s must be a bare URL, without a user, a query or a fragment, such as %q.", name, fallback))
		return nil
	}
	if spec.PlainHTTP(u) {
		s.Plaintext(name, fmt.Sprintf("%s is http to %s, which isn't this machine: credentials and answers could be read and changed on their way. Write https.", name, u.Hostname()))
	}
	return u
}

// Limits are the block's, and defaults for what it doesn't say. The schema has
// checked what the block says.
func (s *Settings) Limits(defaults Limits) Limits {
	perFunction := defaults.PerFunction
	if s.Said("requests_per_second") {
		perFunction = 0 // who knows the account's rate isn't held to our guess
	}
	return Limits{
		RequestsPerSecond: s.Number("requests_per_second", defaults.RequestsPerSecond),
		MaxInFlight:       s.Int("max_in_flight", defaults.MaxInFlight),
		Timeout:           s.Duration("timeout", defaults.Timeout),
		Retries:           s.Int("retries", defaults.Retries),
		PerFunction:       s.Number("requests_per_second_per_action", perFunction),
		CallsPerDay:       s.Int("calls_per_day", defaults.CallsPerDay),
		CallsPerMonth:     s.Int("calls_per_month", defaults.CallsPerMonth),
	}
}

// Rate is how many calls a second there can be where all are of one function.
func (l Limits) Rate() float64 {
	if l.PerFunction > 0 {
		return min(l.RequestsPerSecond, l.PerFunction)
	}
	return l.RequestsPerSecond
}

// Transport are the options of a transport that keeps to the limits. Providers
// that give the same name for account and endpoint share them.
func (l Limits) Transport(env Env, endpoint *url.URL, account string) carrierhttp.Options {
	o := carrierhttp.Options{
		Base: env.Transport, Now: env.Now, Sleep: env.Sleep, Accounts: env.Accounts,
		RequestsPerSecond: l.RequestsPerSecond, PerFunction: l.PerFunction, InFlight: l.MaxInFlight, Timeout: l.Timeout,
		PerDay: l.CallsPerDay, PerMonth: l.CallsPerMonth,
		UserAgent: "cardfleet/" + env.Version, Gate: env.Gate,
	}
	if endpoint != nil && account != "" {
		o.Account = account + " at " + endpoint.String()
	}
	return o
}
