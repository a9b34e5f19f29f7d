// Package postgres keeps the state in a PostgreSQL database: a row a card, so
// that a commit writes only what changed.
//
// A card's row says from which serial on it holds and up to which one, so the
// last ten snapshots are queries, and none is a copy. The journal's lines are
// rows. The lock is a lease (lease.go): a row that its holder renews, and that
// others take over once it wasn't renewed for three beats. That is safe, since
// whatever is written is checked in its own transaction against the holder's
// token and the state's serial. With a [state.Sealer] all of it is encrypted
// (vault.go).
//
// Each operation has a connection of its own, so there is nothing to be closed,
// and a server that was restarted is simply asked again. Times that decide
// anything are the server's. Start reading at [Backend].
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Config says where the state is.
type Config struct {
	// ConnString is a libpq connection string or URL. What it leaves out is
	// taken from the PG* variables and the password file, as psql does.
	ConnString string
	Schema     string // "" means cardfleet; made where it is missing
	Name       string // of the state among those in the schema; "" means default
	// Beat is how often the lock is renewed; 0 means 10 s. It expires after three.
	Beat time.Duration
	// Group is how long a worker gathers records before it writes them; 0 means 50 ms.
	// The first record after a pause doesn't wait.
	Group time.Duration
}

// Backend keeps a state in a database. Make one with [New].
type Backend struct {
	schema, name string
	beat, group  time.Duration
	connString   string // with what the environment says
	env          state.Env
	codec        stored.Codec
	conn         *pgx.ConnConfig
	hold         *stored.Hold

	mu    sync.Mutex
	lease *lease // nil while nothing is locked
}

// New is the state that config says. It asks the server for nothing yet.
func New(config Config, env state.Env) (*Backend, error) {
	connString := withEnvironment(config.ConnString, env.Getenv)
	conn, err := pgx.ParseConfig(connString)
	if err != nil {
		// pgx leaves the password out of a string that it understands in part
		// only, and the string out is safer still.
		return nil, errors.New("the connection string can't be read: it is postgres://user@host:5432/database?sslmode=require, " +
			"or host=… dbname=… user=…; the variables PG* and the password file may hold the rest")
	}
	maps.DeleteFunc(conn.RuntimeParams, func(name, _ string) bool { return strings.HasPrefix(name, "pool_") }) // of workers' connections; see [Backend.Work]
	if err := chooseMode(conn, config.ConnString); err != nil {
		return nil, err
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "cardfleet"
	}
	b := &Backend{schema: config.Schema, name: config.Name, beat: config.Beat, group: config.Group, env: env, conn: conn, connString: connString}
	b.group = cmp.Or(b.group, 50*time.Millisecond)
	if b.schema == "" {
		b.schema = standardSchema
	}
	if b.name == "" {
		b.name = standardName
	}
	if b.beat = cmp.Or(b.beat, env.Beat); b.beat == 0 {
		b.beat = 10 * time.Second
	}
	b.codec = stored.Codec{WrittenBy: env.Version, Sealer: env.Sealer}
	b.hold = stored.NewHold(env.Version, b.acquire)
	return b, nil
}

// Schema is the schema of its tables.
func (b *Backend) Schema() string { return b.schema }

// place names the state in messages. It holds no secret.
func (b *Backend) place() string {
	return fmt.Sprintf("%s in %s/%s.%s", b.name, b.conn.Host, b.conn.Database, b.schema)
}

// connect opens a connection for one operation.
func (b *Backend) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, b.conn.Copy())
	if err != nil {
		if over := ctx.Err(); over != nil {
			return nil, over
		}
		return nil, explain(err)
	}
	return conn, nil
}

// hangUp ends a connection. What was to be done on it is done, or has failed.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the server ends a session whose client is gone
}

// within runs f in one transaction on a connection of its own.
func (b *Backend) within(ctx context.Context, begin string, f func(tx pgx.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := b.connect(ctx)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{BeginQuery: begin}, f)
}

// table is a table of ours, quoted.
func (b *Backend) table(name string) string { return pgx.Identifier{b.schema, name}.Sanitize() }

// Read implements [state.Backend]. A database without our tables has no state yet.
func (b *Backend) Read(ctx context.Context) (*state.Snapshot, error) {
	s := &state.Snapshot{}
	var records []state.Record
	var work workRecords
	err := b.within(ctx, toRead, func(tx pgx.Tx) error {
		h, err := b.present(ctx, tx)
		if err != nil || h.id == 0 {
			return err
		}
		if s, err = b.cards(ctx, tx, h); err != nil {
			return err
		}
		if s.Workers, err = b.workHead(ctx, tx, h); err != nil {
			return err
		}
		if work, err = b.workUpTo(ctx, tx, h, s.Workers); err != nil {
			return err
		}
		_, records, err = b.lines(ctx, tx, h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the state %s: %w", b.place(), err)
	}
	if len(records) > 0 {
		if s, err = stored.Replay(s, records); err != nil {
			return nil, fmt.Errorf("the journal of the state %s: %w", b.place(), err)
		}
	}
	if s, err = work.onto(s, left); err != nil {
		return nil, fmt.Errorf("what workers recorded of the state %s: %w", b.place(), err)
	}
	return s, nil
}
