package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// How the database is spoken to.
//
// Between it and us there may be a pooler that hands each transaction to another
// of its sessions (PgBouncer's pool_mode = transaction, and most managed ones).
// So nothing is left in a session that a later transaction needs, nor anything
// that would be found by whoever gets the session next: there are no named
// prepared statements, no temporary tables, no locks of a session, and what is
// set is set for one transaction.

// What a transaction of ours sets. A server may be set to answer before a commit
// is durable; it compiles a query that it expects to be long, for longer than
// ours take; and pgx reads bytes in hexadecimal digits alone.
const forThisTransaction = "; SET LOCAL synchronous_commit = on; SET LOCAL jit = off; SET LOCAL bytea_output = hex"

// How a transaction begins.
const (
	toWrite = "BEGIN ISOLATION LEVEL READ COMMITTED" + forThisTransaction
	// toRead reads everything as of one instant.
	toRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" + forThisTransaction
)

// modeSetting is pgx's own setting of a connection string: how a statement is
// sent.
const modeSetting = "default_query_exec_mode"

// chooseMode has statements sent without a name and with their text, so that any
// session can take them, unless the connection string says how. What it says
// may suit one server better: names save it work, and exec saves a round trip.
func chooseMode(conn *pgx.ConnConfig, text string) error {
	switch {
	case conn.DefaultQueryExecMode == pgx.QueryExecModeDescribeExec:
		return errors.New(modeSetting + " can't be describe_exec: it sends a statement and its values apart, and a pooler may let another " +
			"statement come between, whose rows are then the answer; leave it out, or write cache_describe")
	case conn.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && !strings.Contains(text, modeSetting):
		conn.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		conn.DescriptionCacheCapacity = max(conn.DescriptionCacheCapacity, 1)
	}
	return nil
}

// explain says what to do about a pooler that refuses a connection.
func explain(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) && strings.HasPrefix(said.Message, "unsupported startup parameter") { // the words of PgBouncer 1.18
		return fmt.Errorf("%w: the pooler before the database takes no such setting from a client; leave it out of conn_str and of PGOPTIONS, "+
			"or name it in the pooler's ignore_startup_parameters", err)
	}
	return err
}
