package cli

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/http"
	"github.com/cardfleet/cardfleet/state/local"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/s3"
)

// backendSettings are the settings that each type of backend has.
func backendSettings() map[string][]string {
	return map[string][]string{
		"local": {"path"},
		"http": {
			"address", "update_method", "lock_address", "lock_method", "unlock_address", "unlock_method", "username", "password",
			"skip_cert_verification", "retry_max", "retry_wait_min", "retry_wait_max",
			"client_ca_certificate_pem", "client_certificate_pem", "client_private_key_pem",
		},
		"postgres": {"conn_str", "schema_name", "name"},
		"s3": {
			"bucket", "key", "region", "endpoint", "access_key", "secret_key", "token", "profile",
			"server_side_encryption", "kms_key_id", "use_path_style", "encrypt",
		},
	}
}

// stateFile is where the local backend keeps the state.
func stateFile(dir string, b spec.Backend) string {
	if path, ok := b.Settings["path"].(string); ok && path != "" {
		return within(dir, path)
	}
	return filepath.Join(dir, "fleet.state")
}

func httpBackend(s *settings, sealer state.Sealer) (state.Backend, error) {
	config := http.Config{
		Address: s.text("address"), UpdateMethod: s.text("update_method"),
		LockAddress: s.text("lock_address"), LockMethod: s.text("lock_method"),
		UnlockAddress: s.text("unlock_address"), UnlockMethod: s.text("unlock_method"),
		Username: s.text("username"), Password: s.text("password"),
		RetryMax: s.count("retry_max", 2), RetryWaitMin: s.seconds("retry_wait_min", 1), RetryWaitMax: s.seconds("retry_wait_max", 30),
	}
	certificates := http.TLS{
		SkipVerify: s.truth("skip_cert_verification"), CA: s.text("client_ca_certificate_pem"),
		Certificate: s.text("client_certificate_pem"), Key: s.text("client_private_key_pem"),
	}
	s.required("address", "it is the URL of the state, as https://gitlab.example/api/v4/projects/ID/terraform/state/NAME")
	if err := s.wrong(); err != nil {
		return nil, err
	}
	transport, err := http.Transport(s.env.Transport, certificates)
	if err != nil {
		return nil, s.invalid(err)
	}
	b, err := http.New(config, http.Env{Random: s.env.Random, Sleep: s.env.Sleep, Transport: transport, Version: Version, Sealer: sealer})
	if err != nil {
		return nil, s.invalid(err)
	}
	return b, nil
}

func postgresBackend(s *settings, sealer state.Sealer) (state.Backend, error) {
	config := postgres.Config{ConnString: s.text("conn_str"), Schema: s.text("schema_name"), Name: s.text("name")}
	if s.env.getenv("PGHOST") == "" && s.env.getenv("PGSERVICE") == "" {
		s.required("conn_str", "it says where the database is, as postgres://user@host/database?sslmode=require; PGHOST and the other variables of libpq can say so too")
	}
	if err := s.wrong(); err != nil {
		return nil, err
	}
	b, err := postgres.New(config, postgres.Env{Random: s.env.Random, Sleep: s.env.Sleep, Version: Version, Sealer: sealer})
	if err != nil {
		return nil, s.invalid(err)
	}
	return b, nil
}

// backendOf opens the backend that the configuration names, with its encryption.
func backendOf(env *Env, dir string, fleet *spec.Fleet) (state.Backend, error) {
	b := fleet.Backend
	sealer, err := sealerOf(env, fleet)
	if err != nil {
		return nil, err
	}
	if err := unknownSettings(b); err != nil {
		return nil, err
	}
	switch b.Type {
	case "", "local":
		return local.New(stateFile(dir, b), local.Env{Now: env.Now, Random: env.Random, Version: Version, Sealer: sealer, Step: env.Step}), nil
	case "http":
		return httpBackend(newSettings(env, b, "CARDFLEET_HTTP_", "TF_HTTP_"), sealer)
	case "postgres":
		return postgresBackend(newSettings(env, b, "CARDFLEET_PG_", "PG_"), sealer)
	case "s3":
		return s3Backend(env, b, sealer)
	}
	return nil, backendError(b, "Backend is not available",
		fmt.Sprintf("This version has no backend %q; it comes with a later one.", b.Type))
}

func s3Backend(env *Env, b spec.Backend, sealer state.Sealer) (state.Backend, error) {
	settings, err := s3.ParseSettings(b.Settings)
	if err != nil {
		return nil, backendError(b, "Invalid backend", spec.Capital(err.Error())+".")
	}
	backend, err := s3.New(settings, s3.Env{
		Random: env.Random, Version: Version, Sealer: sealer, Now: env.Now, Ticker: ticker, Transport: env.Transport,
	})
	if err != nil {
		return nil, backendError(b, "Invalid backend", spec.Capital(err.Error())+".")
	}
	return backend, nil
}

// ticker ticks in real time, whatever clock the rest goes by: what it drives,
// a lease's heartbeat, is between processes.
func ticker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

func backendError(b spec.Backend, summary, detail string) error {
	return mistakes(spec.Diagnostics{{Summary: summary, Detail: detail, Subject: b.Source}})
}
