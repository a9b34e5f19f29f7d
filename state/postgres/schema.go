package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// forever is the to_serial of a row that holds now.
const forever = 1<<63 - 1

// migrations bring the schema from version n to n+1. One that was released is
// never changed. %s is the schema.
var migrations = []string{`
CREATE TABLE %[1]s.version (version int NOT NULL);
INSERT INTO %[1]s.version VALUES (1);

-- A state. cards counts those of its snapshot.
CREATE TABLE %[1]s.states (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name    text   NOT NULL UNIQUE,
	lineage text   NOT NULL DEFAULT '',
	serial  bigint NOT NULL DEFAULT 0,
	cards   bigint NOT NULL DEFAULT 0
);

-- A card as it was from one serial on and before another. json and not jsonb:
-- a carrier's text may hold what jsonb refuses (\u0000).
CREATE TABLE %[1]s.cards (
	state_id    bigint NOT NULL REFERENCES %[1]s.states ON DELETE CASCADE,
	provider    text   COLLATE "C" NOT NULL,
	iccid       text   COLLATE "C" NOT NULL,
	from_serial bigint NOT NULL,
	to_serial   bigint NOT NULL DEFAULT 9223372036854775807,
	card        json   NOT NULL,
	PRIMARY KEY (state_id, provider, iccid, from_serial)
);
CREATE INDEX cards_replaced ON %[1]s.cards (state_id, to_serial) WHERE to_serial < 9223372036854775807;

-- The snapshots whose rows are still there.
CREATE TABLE %[1]s.versions (
	state_id bigint NOT NULL REFERENCES %[1]s.states ON DELETE CASCADE,
	serial   bigint NOT NULL,
	cards    bigint NOT NULL,
	written  timestamptz NOT NULL,
	PRIMARY KEY (state_id, serial)
);

-- The journal behind the snapshot, as lines of a journal file.
CREATE TABLE %[1]s.journal (
	state_id bigint NOT NULL REFERENCES %[1]s.states ON DELETE CASCADE,
	line     bigint NOT NULL,
	records  bytea  NOT NULL,
	PRIMARY KEY (state_id, line)
);

-- Who may write. info is the lock as Terraform shows it.
CREATE TABLE %[1]s.leases (
	state_id bigint PRIMARY KEY REFERENCES %[1]s.states ON DELETE CASCADE,
	token    uuid   NOT NULL,
	lock_id  text   NOT NULL,
	info     json   NOT NULL,
	renewed  timestamptz NOT NULL,
	expires  timestamptz NOT NULL
);
`, `
UPDATE %[1]s.version SET version = 2;

-- Encryption. key is the state's data key, sealed with age; NULL for a state
-- that isn't encrypted. seal is the sealed head of the snapshot.
ALTER TABLE %[1]s.states ADD COLUMN key bytea, ADD COLUMN seal bytea;
ALTER TABLE %[1]s.versions ADD COLUMN seal bytea;

-- An encrypted card is in sealed. Its provider is empty then, and its iccid is
-- an HMAC of both.
ALTER TABLE %[1]s.cards ALTER COLUMN card DROP NOT NULL, ADD COLUMN sealed bytea,
	ADD CONSTRAINT one_card CHECK (num_nonnulls(card, sealed) = 1);
`, `
UPDATE %[1]s.version SET version = 3;

-- A card is its ICCID, at whatever provider. Rows of one ICCID and several
-- providers are left of older versions, until a person settles which is right.
-- An encrypted card's iccid is an HMAC of its ICCID; its provider is empty, but
-- an HMAC of it where a card has several rows.
ALTER TABLE %[1]s.cards DROP CONSTRAINT cards_pkey,
	ADD PRIMARY KEY (state_id, iccid, from_serial, provider);

-- format is that of the snapshot: 1 until the first commit of this version. An
-- encrypted state has its format in its seal. fleet is what is remembered of the
-- fleet as a whole; NULL for nothing, and where it is in the seal.
ALTER TABLE %[1]s.states ADD COLUMN format bigint NOT NULL DEFAULT 1, ADD COLUMN fleet json;
ALTER TABLE %[1]s.versions ADD COLUMN format bigint NOT NULL DEFAULT 1, ADD COLUMN fleet json;

-- What was done to cards, for ever: entries are added and never changed. One of
-- a run has no iccid. An encrypted state has its entries in sealed, with an HMAC
-- for the iccid.
CREATE TABLE %[1]s.history (
	state_id bigint NOT NULL REFERENCES %[1]s.states ON DELETE CASCADE,
	serial   bigint NOT NULL,
	entry    bigint NOT NULL,
	at       timestamptz NOT NULL,
	iccid    text COLLATE "C",
	event    json,
	sealed   bytea,
	PRIMARY KEY (state_id, serial, entry),
	CONSTRAINT one_event CHECK (num_nonnulls(event, sealed) = 1)
);
CREATE INDEX history_of_card ON %[1]s.history (state_id, iccid, at);
`, `
UPDATE %[1]s.version SET version = 4;

-- Of which run an entry is, and which entries are too old to be kept.
CREATE INDEX history_runs ON %[1]s.history (state_id, serial, entry) WHERE iccid IS NULL;
CREATE INDEX history_age ON %[1]s.history (state_id, at);
`, workMigration}

// From which version of the schema on it can hold encrypted states, says a
// snapshot's format, and holds what workers share.
const (
	encryptable = 2
	formatted   = 3
	workable    = 5
)

// The formats of a snapshot: rows by provider and ICCID, and cards by ICCID.
const (
	firstFormat   = 1
	presentFormat = 2
)

// there reports whether the schema has our tables. It changes nothing.
func (b *Backend) there(ctx context.Context, tx pgx.Tx) (bool, error) {
	version, err := b.version(ctx, tx)
	return version > 0, err
}

// version is the schema's version; 0 where there is none. A newer one is an error.
func (b *Backend) version(ctx context.Context, tx pgx.Tx) (int, error) {
	var found bool
	// Not to_regclass: that sees what was made after the transaction's snapshot,
	// and may miss what was made since it was asked last.
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = $1 AND relname = 'version')",
		b.schema).Scan(&found)
	if err != nil || !found {
		return 0, err
	}
	version := 0
	if err := tx.QueryRow(ctx, "SELECT version FROM "+b.table("version")).Scan(&version); err != nil {
		return 0, err
	}
	if version > len(migrations) {
		return 0, fmt.Errorf("the schema %s has version %d, and this program knows version %d: use the version of cardfleet that made it, or a newer one",
			b.schema, version, len(migrations))
	}
	return version, nil
}

// prepare makes what is missing of the schema, and the state's row.
func (b *Backend) prepare(ctx context.Context, tx pgx.Tx) error {
	version, err := b.version(ctx, tx)
	if err != nil {
		return err
	}
	if version < len(migrations) {
		if err := b.migrate(ctx, tx); err != nil {
			return fmt.Errorf("make the schema %s: %w", b.schema, err)
		}
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+b.table("states")+" (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", b.name)
	return err
}

// migrate brings the schema up to date; one run at a time.
func (b *Backend) migrate(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('cardfleet schema ' || $1, 0))", b.schema); err != nil {
		return err
	}
	version, err := b.version(ctx, tx) // another run may just have done it
	if err != nil {
		return err
	}
	if err := b.makeSchema(ctx, tx); err != nil {
		return err
	}
	for ; version < len(migrations); version++ {
		if _, err := tx.Exec(ctx, fmt.Sprintf(migrations[version], b.quotedSchema())); err != nil {
			return err
		}
	}
	return nil
}

// quotedSchema is the schema as statements name it.
func (b *Backend) quotedSchema() string { return pgx.Identifier{b.schema}.Sanitize() }

// makeSchema looks first: CREATE SCHEMA IF NOT EXISTS needs the right to make
// one even where it exists.
func (b *Backend) makeSchema(ctx context.Context, tx pgx.Tx) error {
	var found bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", b.schema).Scan(&found); err != nil || found {
		return err
	}
	_, err := tx.Exec(ctx, "CREATE SCHEMA "+b.quotedSchema())
	return err
}
