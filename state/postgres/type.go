package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Where the state is unless the block says otherwise.
const (
	standardSchema = "cardfleet"
	standardName   = "default"
)

// Type is the backend as a configuration names it.
func Type() state.Type { return state.Type{Schema: schema(), Open: open, Address: address} }

func schema() spec.Schema {
	return spec.Schema{Type: "postgres", Exact: true, Settings: []spec.Setting{
		{Name: "conn_str", Env: "CARDFLEET_PG_CONN_STR", TerraformEnv: "PG_CONN_STR", Secret: true, Doc: "connection string or URL of libpq"},
		{Name: "schema_name", Env: "CARDFLEET_PG_SCHEMA_NAME", TerraformEnv: "PG_SCHEMA_NAME", Doc: "schema of the tables, cardfleet unless said; made where it is missing"},
		{Name: "name", Env: "CARDFLEET_PG_NAME", TerraformEnv: "PG_NAME", Doc: "name of the state among those in the schema, default unless said"},
		spec.AllowPlaintext(),
	}}
}

func open(block spec.Backend, env state.Env) (state.Backend, spec.Diagnostics) {
	s := env.Settings(block, schema())
	config := Config{ConnString: s.String("conn_str", ""), Schema: s.String("schema_name", ""), Name: s.String("name", "")}
	missing := config.ConnString == "" && s.Getenv("PGHOST") == "" && s.Getenv("PGSERVICE") == ""
	if missing && !env.OnlyTheBlock {
		s.Missing("conn_str", "it says where the database is, as postgres://user@host/database?sslmode=require; PGHOST and the other variables of libpq can say so too")
	}
	checkVariables(s)
	if s.Diagnostics().HasErrors() || missing {
		return nil, s.Diagnostics()
	}
	b, err := New(config, env)
	if err != nil {
		s.Mistake("conn_str", "Invalid backend", spec.Sentence(err))
		return nil, s.Diagnostics()
	}
	if host := unverified(b.conn); host != "" {
		s.Plaintext("conn_str", "The connection to "+host+" isn't held to the server's certificate: whoever stands between could take the password and change the state. "+
			"Write sslmode=verify-full, with sslrootcert where the certificate is by an authority of your own.")
	}
	if s.Diagnostics().HasErrors() || env.OnlyTheBlock {
		return nil, s.Diagnostics()
	}
	return b, s.Diagnostics()
}

// checkVariables refuses passwords that can't be as they were meant.
func checkVariables(s *spec.Settings) {
	for _, name := range []string{"PGPASSWORD", "PGSSLPASSWORD"} {
		if wrapped := spec.Wrapped(s.Getenv(name)); wrapped != "" {
			s.Mistake("conn_str", "Unusable value", "The variable "+name+" of the environment "+wrapped)
		}
	}
}

// unverified is a host that the connection may go to without a certificate that
// names it, as sslmode verify-full asks for one; "" for none. This machine and
// sockets need none.
func unverified(c *pgx.ConnConfig) string {
	hosts := []*pgconn.FallbackConfig{{Host: c.Host, TLSConfig: c.TLSConfig}}
	for _, f := range append(hosts, c.Fallbacks...) {
		local := strings.HasPrefix(f.Host, "/") || strings.HasPrefix(f.Host, "@") || spec.Loopback(f.Host)
		if !local && (f.TLSConfig == nil || f.TLSConfig.InsecureSkipVerify) {
			return f.Host
		}
	}
	return ""
}

func address(block spec.Backend, env state.Env) string {
	s := env.Settings(block, schema())
	return s.String("schema_name", standardSchema) + "/" + s.String("name", standardName)
}
