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
}

// Paced is a provider that tells its limits, for estimates and progress.
type Paced interface {
	Limits() Limits
}

// Settings reads a provider block: what the block says, else the environment
// variable that the schema names, else a default. Mistakes gather in
// [Settings.Diagnostics], each at its place.
type Settings struct {
	config      spec.ProviderConfig
	variables   map[string]string // setting → environment variable
	getenv      func(string) string
	diagnostics spec.Diagnostics
}

// NewSettings reads config, whose settings have the types that schema states.
func NewSettings(config spec.ProviderConfig, schema spec.Schema, getenv func(string) string) *Settings {
	s := &Settings{config: config, variables: map[string]string{}, getenv: getenv}
	for _, setting := range schema.Settings {
		if setting.Env != "" {
			s.variables[setting.Name] = setting.Env
		}
	}
	return s
}

// Diagnostics is what was wrong so far.
func (s *Settings) Diagnostics() spec.Diagnostics { return s.diagnostics }

// String is a setting, fallback where nothing says it. A blank one is as good as none.
func (s *Settings) String(name, fallback string) string {
	if v := setting(s, name, ""); v != "" {
		return v
	}
	if variable := s.variables[name]; variable != "" {
		if v := s.getenv(variable); v != "" {
			return v
		}
	}
	return fallback
}

// Bool is a setting, fallback where the block doesn't say it.
func (s *Settings) Bool(name string, fallback bool) bool { return setting(s, name, fallback) }

// Any is a setting of the type [spec.SettingAny]; nil where the block doesn't say it.
func (s *Settings) Any(name string) any { return s.config.Settings[name] }

// Mistake adds a diagnostic at the setting's place, or at the block's header
// where the block doesn't have it.
func (s *Settings) Mistake(name, summary, detail string) { s.add(name, summary, detail) }

// Duration is a setting, fallback where the block doesn't say it.
func (s *Settings) Duration(name string, fallback time.Duration) time.Duration {
	return setting(s, name, fallback)
}

// Credential is a setting without which no call can be made.
func (s *Settings) Credential(name string) string {
	v := s.String(name, "")
	if v != "" {
		return v
	}
	detail := fmt.Sprintf("The provider %q has no %s. Set %s in its block", s.config.Name, name, name)
	if variable := s.variables[name]; variable != "" {
		detail += fmt.Sprintf(", or the environment variable %s", variable)
	}
	s.add(name, "Missing credentials", detail+`. To try it without a carrier, set endpoint = "simulator".`)
	return ""
}

// URL is a setting that holds the base URL of an API; a path in it is kept.
func (s *Settings) URL(name, fallback string) *url.URL {
	text := s.String(name, fallback)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		s.add(name, "Invalid URL", fmt.Sprintf("%s must be a URL that begins with https:// or http://, such as %q.", name, fallback))
		return nil
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		s.add(name, "Invalid URL", fmt.Sprintf("%s must be a bare URL, without a user, a query or a fragment, such as %q.", name, fallback))
		return nil
	}
	return u
}

// Limits are the block's, and defaults for what it doesn't say.
func (s *Settings) Limits(defaults Limits) Limits {
	perFunction := defaults.PerFunction
	if _, said := s.config.Settings["requests_per_second"]; said {
		perFunction = 0 // who knows the account's rate isn't held to our guess
	}
	l := Limits{
		RequestsPerSecond: setting(s, "requests_per_second", defaults.RequestsPerSecond),
		MaxInFlight:       setting(s, "max_in_flight", defaults.MaxInFlight),
		Timeout:           setting(s, "timeout", defaults.Timeout),
		Retries:           setting(s, "retries", defaults.Retries),
		PerFunction:       setting(s, "requests_per_second_per_action", perFunction),
		CallsPerDay:       setting(s, "calls_per_day", defaults.CallsPerDay),
		CallsPerMonth:     setting(s, "calls_per_month", defaults.CallsPerMonth),
	}
	s.require(l.RequestsPerSecond > 0, "requests_per_second", "it must be more than 0")
	s.require(l.MaxInFlight > 0, "max_in_flight", "it must be 1 or more")
	s.require(l.Timeout > 0, "timeout", `it must be more than 0, such as "25s"`)
	s.require(l.Retries >= 0, "retries", "it must be 0 or more")
	s.require(l.PerFunction >= 0, "requests_per_second_per_action", "it must be more than 0, or 0 for no such limit")
	s.require(l.CallsPerDay >= 0, "calls_per_day", "it must be 1 or more, or 0 for no quota")
	s.require(l.CallsPerMonth >= 0, "calls_per_month", "it must be 1 or more, or 0 for no quota")
	return l
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
		UserAgent: "cardfleet/" + env.Version,
	}
	if endpoint != nil && account != "" {
		o.Account = account + " at " + endpoint.String()
	}
	return o
}

func (s *Settings) require(ok bool, name, rule string) {
	if !ok {
		s.add(name, "Invalid limit", fmt.Sprintf("%s is %v; %s.", name, s.config.Settings[name], rule))
	}
}

func (s *Settings) add(name, summary, detail string) {
	place := s.config.Source
	if r, ok := s.config.Ranges[name]; ok {
		place = r
	}
	s.diagnostics = append(s.diagnostics, spec.Diagnostic{Summary: summary, Detail: detail, Subject: &place})
}

func setting[T any](s *Settings, name string, fallback T) T {
	v, ok := s.config.Settings[name]
	if !ok {
		return fallback
	}
	typed, ok := v.(T)
	if !ok { // the configuration's reader keeps to the schema
		panic(fmt.Sprintf("provider setting %s is a %T, not a %T", name, v, fallback))
	}
	return typed
}
