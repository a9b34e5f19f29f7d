package providers

import (
	"fmt"
	"net/url"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Limits is what a provider keeps to towards its account.
type Limits struct {
	RequestsPerSecond float64
	MaxInFlight       int
	Timeout           time.Duration // of one request
	Retries           int           // how often a call is repeated, where that is safe
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
	l := Limits{
		RequestsPerSecond: setting(s, "requests_per_second", defaults.RequestsPerSecond),
		MaxInFlight:       setting(s, "max_in_flight", defaults.MaxInFlight),
		Timeout:           setting(s, "timeout", defaults.Timeout),
		Retries:           setting(s, "retries", defaults.Retries),
	}
	s.require(l.RequestsPerSecond > 0, "requests_per_second", "it must be more than 0")
	s.require(l.MaxInFlight > 0, "max_in_flight", "it must be 1 or more")
	s.require(l.Timeout > 0, "timeout", `it must be more than 0, such as "25s"`)
	s.require(l.Retries >= 0, "retries", "it must be 0 or more")
	return l
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
