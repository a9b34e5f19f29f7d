package http

import (
	"fmt"
	"math"
	nethttp "net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Type is the backend as a configuration names it. Its settings have the names
// and the meaning of Terraform's.
func Type() state.Type { return state.Type{Schema: schema(), Open: open, Address: address} }

func schema() spec.Schema {
	s := spec.Schema{Type: "http", Exact: true, Settings: []spec.Setting{
		{Name: "address", Doc: "URL of the state"},
		{Name: "update_method", Doc: "how the state is replaced, POST unless said"},
		{Name: "lock_address", Doc: "URL of the lock; without it nothing is locked"},
		{Name: "lock_method", Doc: "how the lock is taken, LOCK unless said"},
		{Name: "unlock_address", Doc: "URL that gives the lock back, lock_address unless said"},
		{Name: "unlock_method", Doc: "how the lock is given back, UNLOCK unless said"},
		{Name: "username", Doc: "for basic authentication"},
		{Name: "password", Secret: true, Doc: "for basic authentication"},
		{Name: "skip_cert_verification", Type: spec.SettingBool, Doc: "take any certificate of the server"},
		{Name: "retry_max", Type: spec.SettingInt, Most: math.MaxInt32, Doc: "how often a request that got no answer, 429 or 5xx is repeated, 2 unless said"},
		{Name: "retry_wait_min", Type: spec.SettingInt, Most: math.MaxInt32, Doc: "seconds before the first repetition, 1 unless said"},
		{Name: "retry_wait_max", Type: spec.SettingInt, Most: math.MaxInt32, Doc: "seconds before a repetition at most, 30 unless said"},
		{Name: "client_ca_certificate_pem", Lines: true, Doc: "who vouches for the server, in PEM"},
		{Name: "client_certificate_pem", Lines: true, Doc: "our certificate, in PEM"},
		{Name: "client_private_key_pem", Lines: true, Secret: true, Doc: "our certificate's key, in PEM"},
	}}
	for i := range s.Settings {
		x := &s.Settings[i]
		x.Env, x.TerraformEnv = "CARDFLEET_HTTP_"+strings.ToUpper(x.Name), "TF_HTTP_"+strings.ToUpper(x.Name)
	}
	s.Settings = append(s.Settings, spec.AllowPlaintext()) // for a review to see: no variable says it
	return s
}

func open(block spec.Backend, env state.Env) (state.Backend, spec.Diagnostics) {
	s := env.Settings(block, schema())
	config := configOf(s)
	if config.Address == "" && !env.OnlyTheBlock {
		s.Missing("address", "it is the URL of the state, as https://gitlab.example/api/v4/projects/ID/terraform/state/NAME")
	}
	checkURLs(s, config)
	checkMethods(s)
	certificates := certificatesOf(s)
	if s.Diagnostics().HasErrors() || env.OnlyTheBlock {
		return nil, s.Diagnostics()
	}
	transport, err := Transport(env.Transport, certificates)
	if err != nil {
		s.Mistake("", "Invalid backend", spec.Sentence(err))
		return nil, s.Diagnostics()
	}
	env.Transport = transport
	b, err := New(config, env)
	if err != nil {
		s.Mistake("", "Invalid backend", spec.Sentence(err))
		return nil, s.Diagnostics()
	}
	return b, s.Diagnostics()
}

func configOf(s *spec.Settings) Config {
	seconds := func(name string, standard int) time.Duration {
		return time.Duration(s.Int(name, standard)) * time.Second
	}
	return Config{
		Address: s.String("address", ""), UpdateMethod: s.String("update_method", ""),
		LockAddress: s.String("lock_address", ""), LockMethod: s.String("lock_method", ""),
		UnlockAddress: s.String("unlock_address", ""), UnlockMethod: s.String("unlock_method", ""),
		Username: s.String("username", ""), Password: s.String("password", ""),
		RetryMax: s.Int("retry_max", 2), RetryWaitMin: seconds("retry_wait_min", 1), RetryWaitMax: seconds("retry_wait_max", 30),
	}
}

func checkURLs(s *spec.Settings, c Config) {
	for _, a := range []struct{ setting, text string }{
		{"address", c.Address}, {"lock_address", c.LockAddress}, {"unlock_address", c.UnlockAddress},
	} {
		if a.text == "" {
			continue
		}
		u, err := urlOf(a.setting, a.text)
		if err != nil {
			s.Mistake(a.setting, "Invalid URL", spec.Sentence(err))
			continue
		}
		if spec.PlainHTTP(u) && (c.Username != "" || c.Password != "" || u.User != nil) {
			s.Plaintext(a.setting, fmt.Sprintf("%s is http to %s, which isn't this machine: the password and the state could be read and changed on their way. Write https.", a.setting, u.Hostname()))
		}
	}
}

// urlOf reads a URL. Its error doesn't quote the text, which may hold a password.
func urlOf(setting, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s is no URL that starts with http:// or https://", setting)
	}
	return u, nil
}

func checkMethods(s *spec.Settings) {
	for _, name := range []string{"update_method", "lock_method", "unlock_method"} {
		method := s.String(name, nethttp.MethodPost)
		if _, err := nethttp.NewRequest(method, "http://localhost", nil); err != nil { //nolint:noctx // it is never sent
			s.Mistake(name, "Invalid method", fmt.Sprintf("%s must be a method of HTTP, such as \"POST\".", name))
		}
	}
}

// certificatesOf reads the certificates, each of which has to be one.
func certificatesOf(s *spec.Settings) TLS {
	t := TLS{
		SkipVerify: s.Bool("skip_cert_verification", false), CA: s.String("client_ca_certificate_pem", ""),
		Certificate: s.String("client_certificate_pem", ""), Key: s.String("client_private_key_pem", ""),
	}
	if _, err := t.authorities(); err != nil {
		s.Mistake("client_ca_certificate_pem", "Invalid certificate", spec.Sentence(err))
	}
	if _, err := t.pairs(); err != nil {
		at := "client_certificate_pem"
		if t.Certificate == "" {
			at = "client_private_key_pem"
		}
		s.Mistake(at, "Invalid certificate", spec.Sentence(err))
	}
	return t
}

// address is the URL without what may be a credential: user, query and fragment.
func address(block spec.Backend, env state.Env) string {
	u, err := urlOf("address", env.Settings(block, schema()).String("address", ""))
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
