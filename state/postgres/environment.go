package postgres

import (
	"net/url"
	"strings"
)

// libpqVariables are libpq's variables, and the settings of a connection string
// that they stand for. PGSERVICE and PGSERVICEFILE aren't among them: what a
// service says counts before the variables, so with one all is left to pgx,
// which reads the process's environment.
func libpqVariables() [][2]string {
	return [][2]string{
		{"PGHOST", "host"}, {"PGPORT", "port"}, {"PGDATABASE", "database"}, {"PGUSER", "user"}, {"PGPASSWORD", "password"},
		{"PGPASSFILE", "passfile"}, {"PGAPPNAME", "application_name"}, {"PGCONNECT_TIMEOUT", "connect_timeout"},
		{"PGSSLMODE", "sslmode"}, {"PGSSLKEY", "sslkey"}, {"PGSSLCERT", "sslcert"}, {"PGSSLCERTMODE", "sslcertmode"},
		{"PGSSLSNI", "sslsni"}, {"PGSSLROOTCERT", "sslrootcert"}, {"PGSSLPASSWORD", "sslpassword"}, {"PGSSLNEGOTIATION", "sslnegotiation"},
		{"PGTARGETSESSIONATTRS", "target_session_attrs"}, {"PGTZ", "timezone"}, {"PGOPTIONS", "options"},
		{"PGMINPROTOCOLVERSION", "min_protocol_version"}, {"PGMAXPROTOCOLVERSION", "max_protocol_version"},
		{"PGCHANNELBINDING", "channel_binding"}, {"PGREQUIREAUTH", "require_auth"},
	}
}

// withEnvironment is the connection string with what libpq's variables say
// besides. What the string says itself counts before them.
func withEnvironment(text string, getenv func(name string) string) string {
	if getenv == nil || getenv("PGSERVICE") != "" || strings.Contains(text, "service") {
		return text
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return urlWithEnvironment(text, getenv)
	}
	var b strings.Builder
	for _, v := range libpqVariables() {
		if value := getenv(v[0]); value != "" {
			b.WriteString(v[1] + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "' ")
		}
	}
	return b.String() + text // of two settings of one name the later one counts
}

// urlWithEnvironment puts the variables before the URL's own parameters, of
// which the later ones count. What the URL says before them, it says alone.
func urlWithEnvironment(text string, getenv func(name string) string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text // several hosts with ports, or a mistake
	}
	_, hasPassword := u.User.Password()
	said := map[string]bool{
		"host": u.Host != "" && u.Hostname() != "", "port": u.Port() != "", "database": strings.Trim(u.Path, "/") != "",
		"user": u.User.Username() != "", "password": hasPassword,
	}
	var parameters []string
	for _, v := range libpqVariables() {
		if value := getenv(v[0]); value != "" && !said[v[1]] {
			parameters = append(parameters, v[1]+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
		}
	}
	if len(parameters) == 0 {
		return text
	}
	before, own, more := strings.Cut(text, "?")
	if more {
		parameters = append(parameters, own)
	}
	return before + "?" + strings.Join(parameters, "&")
}
