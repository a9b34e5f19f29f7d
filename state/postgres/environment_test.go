package postgres

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestLibpqsVariablesAreThoseOfTheEnvironmentThatIsHandedIn(t *testing.T) {
	variables := map[string]string{
		"PGHOST": "db.example", "PGPORT": "5433", "PGDATABASE": "fleets", "PGUSER": "wei", "PGPASSWORD": `it's a "p&a=s s\`,
		"PGSSLMODE": "disable", "PGAPPNAME": "ours", "PGTZ": "Asia/Shanghai",
	}
	for _, row := range []struct{ text, host, database, user, password, application string }{
		{"", "db.example", "fleets", "wei", `it's a "p&a=s s\`, "ours"},
		{"dbname=other user=li", "db.example", "other", "li", `it's a "p&a=s s\`, "ours"},
		{"postgres://", "db.example", "fleets", "wei", `it's a "p&a=s s\`, "ours"},
		{"postgres://li:own@own.example:5434/other?application_name=own", "own.example", "other", "li", "own", "own"},
		{"postgresql://own.example?user=li", "own.example", "fleets", "li", `it's a "p&a=s s\`, "ours"},
	} {
		conn, err := pgx.ParseConfig(withEnvironment(row.text, func(name string) string { return variables[name] }))
		require.NoError(t, err, row.text)
		require.Equal(t, row.host, conn.Host, row.text)
		require.Equal(t, row.database, conn.Database, row.text)
		require.Equal(t, row.user, conn.User, row.text)
		require.Equal(t, row.password, conn.Password, row.text)
		require.Equal(t, row.application, conn.RuntimeParams["application_name"], row.text)
		require.Equal(t, "Asia/Shanghai", conn.RuntimeParams["timezone"], row.text)
		require.Nil(t, conn.TLSConfig, row.text)
	}
}

// What pgx makes of its process's environment is the same.
func TestOurReadingOfLibpqsVariablesIsPgxs(t *testing.T) {
	for _, v := range libpqVariables() {
		value := map[string]string{
			"PGPORT": "5433", "PGCONNECT_TIMEOUT": "7", "PGSSLMODE": "disable", "PGSSLCERTMODE": "disable", "PGSSLSNI": "0", "PGSSLNEGOTIATION": "postgres",
			"PGTARGETSESSIONATTRS": "primary", "PGMINPROTOCOLVERSION": "3.0", "PGMAXPROTOCOLVERSION": "3.2", "PGCHANNELBINDING": "disable",
			"PGREQUIREAUTH": "password",
		}[v[0]]
		if value == "" {
			value = "nobody"
		}
		for _, text := range []string{"host=h sslmode=disable", "postgres://h/?sslmode=disable"} {
			ours, err := pgx.ParseConfig(withEnvironment(text, func(name string) string {
				if name == v[0] {
					return value
				}
				return ""
			}))
			t.Setenv(v[0], value)
			theirs, theirErr := pgx.ParseConfig(text)
			require.NoError(t, os.Unsetenv(v[0])) // an empty one counts, for some
			if theirErr != nil {                  // there is no such file of keys
				require.ErrorContains(t, err, "nobody", v[0])
				require.ErrorContains(t, theirErr, "nobody", v[0])
				continue
			}
			require.NoError(t, err, v[0])
			require.Equal(t, theirs.Host, ours.Host, v[0])
			require.Equal(t, theirs.Port, ours.Port, v[0])
			require.Equal(t, theirs.Database, ours.Database, v[0])
			require.Equal(t, theirs.User, ours.User, v[0])
			require.Equal(t, theirs.Password, ours.Password, v[0])
			require.Equal(t, theirs.ConnectTimeout, ours.ConnectTimeout, v[0])
			require.Equal(t, theirs.RuntimeParams, ours.RuntimeParams, v[0])
			require.Equal(t, theirs.MinProtocolVersion, ours.MinProtocolVersion, v[0])
			require.Equal(t, theirs.MaxProtocolVersion, ours.MaxProtocolVersion, v[0])
			require.Equal(t, theirs.ChannelBinding, ours.ChannelBinding, v[0])
			require.Equal(t, theirs.RequireAuth, ours.RequireAuth, v[0])
			require.Equal(t, theirs.SSLNegotiation, ours.SSLNegotiation, v[0])
			require.Equal(t, theirs.SSLCertMode, ours.SSLCertMode, v[0])
		}
	}
}
