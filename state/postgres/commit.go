package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

const (
	// kept is how many snapshots can be read, the present one included.
	kept = 11

	// rowsAtOnce is how many rows one statement ends at most.
	rowsAtOnce = 10000

	// manyCards is after how many new rows the server is told to count them at
	// once, if they are a good part of all. Until it does by itself, it takes the
	// table for an empty one, and compares each card that changes with each row.
	manyCards = 1000
)

// Commit implements [state.Backend]. Without the lock it takes the lock for as
// long as it runs. It writes the cards that the edits or the journal name.
func (b *Backend) Commit(ctx context.Context, s *state.Snapshot, e state.Edits) error {
	release, err := b.hold.Take(ctx, "commit")
	if err != nil {
		return err
	}
	defer release()
	c := &commit{Backend: b, token: b.token(), s: s, edits: e, doubled: e.DoubledOf(s), lineage: cmp.Or(s.Lineage, stored.NewUUID(b.env.Random))}
	if err := e.Check(); err != nil {
		return fmt.Errorf("commit the state %s: %w", b.place(), err)
	}
	err = b.persist(func() error {
		c.attempts++
		return b.within(ctx, toWrite, func(tx pgx.Tx) error { return c.run(ctx, tx) })
	})
	if err != nil {
		return fmt.Errorf("commit the state %s: %w", b.place(), err)
	}
	e.Onto(s)
	s.Lineage, s.Serial = c.next.lineage, c.next.serial
	b.hold.CloseJournal()
	return nil
}

// commit is one commit on its way.
type commit struct {
	*Backend
	token string
	s     *state.Snapshot
	edits state.Edits // to what s says
	next  head        // of the new snapshot
	// lineage is that of the new snapshot, the same for each attempt.
	lineage  string
	attempts int
	// doubled are the rows of cards with several in the new snapshot. They are
	// few, if any, and each commit writes them anew.
	doubled []state.Card
	records []state.Record // of the journal, which ends with the commit
	// work is what workers recorded up to s.Workers. It ends with the commit, but for
	// calls that are under way or in doubt.
	work workRecords
	// fold says that the commit holds what workers recorded and nothing else, of
	// cards that s has; others counts the state's rows that s doesn't have.
	fold   bool
	others int
}

func (c *commit) run(ctx context.Context, tx pgx.Tx) error {
	present, err := c.compare(ctx, tx)
	if c.isMade(present) {
		c.next = present
		return c.checkLease(ctx, tx, c.token)
	}
	if err != nil {
		return err
	}
	rows, err := c.rowsToWrite(ctx, tx, present)
	if err != nil {
		return err
	}
	c.next = head{id: present.id, lineage: c.lineage, serial: c.s.Serial + 1, cards: present.cards, vault: present.vault, sealed: present.sealed, format: presentFormat, fleet: c.s.Fleet}
	if c.edits.Fleet != nil {
		c.next.fleet = *c.edits.Fleet
	}
	if sealing := c.env.Sealer != nil && present.vault == nil; sealing || present.format < presentFormat {
		if rows, err = c.beginAnew(ctx, tx, present, sealing); err != nil {
			return err
		}
	}
	if err := c.write(ctx, tx, present, rows); err != nil {
		return err
	}
	// Last, so that the lease can be renewed while a large commit is written.
	return c.checkLease(ctx, tx, c.token)
}

// isMade reports whether an earlier attempt, whose answer was lost, made the
// commit: nobody else commits while the lease is ours.
func (c *commit) isMade(present head) bool {
	return c.attempts > 1 && present.lineage == c.lineage && present.serial == c.s.Serial+1
}

// compare reads the state's row, and keeps it from others until the
// transaction ends; it refuses a snapshot that isn't what is stored.
func (c *commit) compare(ctx context.Context, tx pgx.Tx) (head, error) {
	present, err := c.head(ctx, tx, len(migrations), "FOR NO KEY UPDATE")
	if err != nil {
		return head{}, err
	}
	return present, stored.CheckBase(c.s, present.lineage, present.serial)
}

// rowsToWrite are the edits to the rows. What an earlier run left in the
// journal is in s, and not in the rows, and so is what workers recorded: the cards
// that either names are written as s has them, unless the commit's own edits name
// them too.
func (c *commit) rowsToWrite(ctx context.Context, tx pgx.Tx, present head) (state.Edits, error) {
	_, records, err := c.lines(ctx, tx, present)
	if err != nil {
		return state.Edits{}, err
	}
	c.records = records
	if c.work, err = c.workUpTo(ctx, tx, present, c.s.Workers); err != nil {
		return state.Edits{}, err
	}
	named := c.namedByWorkers()
	for i := range records {
		if iccid := records[i].ID().ICCID; iccid != "" { // a run names no card
			named = append(named, iccid)
		}
	}
	slices.Sort(named)
	var left state.Edits
	for _, iccid := range slices.Compact(named) {
		if card := c.s.Card(iccid); card != nil {
			left.Put = append(left.Put, *card)
		} else {
			left.Drop = append(left.Drop, spec.CardID{ICCID: iccid})
		}
	}
	return c.withDoubled(left.Then(c.edits)), nil
}

// withDoubled lets the edits end all doubled rows. Those that are left are
// written besides.
func (c *commit) withDoubled(rows state.Edits) state.Edits {
	rows.Doubled = nil
	var e state.Edits
	for i := range c.s.Doubled {
		if iccid := c.s.Doubled[i].ICCID; i == 0 || c.s.Doubled[i-1].ICCID != iccid {
			e.Drop = append(e.Drop, spec.CardID{ICCID: iccid})
		}
	}
	for i := range c.doubled {
		if iccid := c.doubled[i].ICCID; i == 0 || c.doubled[i-1].ICCID != iccid {
			e.Drop = append(e.Drop, spec.CardID{ICCID: iccid})
		}
	}
	slices.SortFunc(e.Drop, spec.CardID.Compare)
	e.Drop = slices.Compact(e.Drop)
	return e.Then(rows)
}

// beginAnew ends every row of a state that is to be sealed from now on, or is
// of an older format. It returns all cards, to be written anew.
func (c *commit) beginAnew(ctx context.Context, tx pgx.Tx, present head, sealing bool) (state.Edits, error) {
	if sealing {
		v, err := newVault(c.next.lineage, c.env.Random)
		if err != nil {
			return state.Edits{}, err
		}
		c.next.vault, c.next.sealed = v, sealedHead{Since: c.next.serial}
	}
	c.next.sealed.Sum = sum{}
	tag, err := tx.Exec(ctx, "UPDATE "+c.table("cards")+" SET to_serial = $2 WHERE state_id = $1 AND to_serial = $3",
		present.id, c.next.serial, int64(forever))
	if err != nil {
		return state.Edits{}, err
	}
	c.next.cards -= int(tag.RowsAffected())
	return state.Edits{Put: c.edits.Next(c.s, "").Cards}, nil
}

// write writes the rows and all that a commit changes besides.
func (c *commit) write(ctx context.Context, tx pgx.Tx, present head, rows state.Edits) error {
	if c.next.cards > 0 {
		if err := c.endRows(ctx, tx, rows); err != nil {
			return err
		}
	}
	if err := c.addRows(ctx, tx, present, rows.Put, false); err != nil {
		return err
	}
	if err := c.addRows(ctx, tx, present, c.doubled, true); err != nil {
		return err
	}
	if want := c.others + c.edits.Count(c.s); c.next.cards != want {
		return fmt.Errorf("it would have %d cards, and its rows come to %d: they were changed by hand", want, c.next.cards)
	}
	if present.vault == nil && c.next.vault != nil {
		if err := c.sealEvents(ctx, tx); err != nil {
			return err
		}
	}
	if err := c.addEvents(ctx, tx); err != nil {
		return fmt.Errorf("add to the history: %w", err)
	}
	if err := c.endWork(ctx, tx); err != nil {
		return fmt.Errorf("take over what workers recorded: %w", err)
	}
	return c.finish(ctx, tx)
}

// key is a card's key in the rows.
func (c *commit) key(iccid spec.ICCID) string {
	if c.next.vault != nil {
		return c.next.vault.id(string(iccid))
	}
	return string(iccid)
}

// providerKey is what a row has for its provider: a sealed one nothing, but
// where the card has several rows.
func (c *commit) providerKey(provider spec.ProviderName, doubled bool) string {
	switch {
	case c.next.vault == nil:
		return string(provider)
	case doubled:
		return c.next.vault.id(string(provider))
	default:
		return ""
	}
}

// endRows ends the present row of each card that is put or dropped: the row holds
// up to the new serial. A card that is new has no row to end.
func (c *commit) endRows(ctx context.Context, tx pgx.Tx, rows state.Edits) error {
	var iccids []string
	end := func(iccid spec.ICCID) error {
		iccids = append(iccids, c.key(iccid))
		if len(iccids) < rowsAtOnce {
			return nil
		}
		err := c.endSome(ctx, tx, iccids)
		iccids = iccids[:0]
		return err
	}
	for i := range rows.Put {
		if err := end(rows.Put[i].ICCID); err != nil {
			return err
		}
	}
	for _, id := range rows.Drop {
		if err := end(id.ICCID); err != nil {
			return err
		}
	}
	return c.endSome(ctx, tx, iccids)
}

func (c *commit) endSome(ctx context.Context, tx pgx.Tx, iccids []string) error {
	if len(iccids) == 0 {
		return nil
	}
	ended, err := tx.Query(ctx, "UPDATE "+c.table("cards")+` c SET to_serial = $2
		FROM unnest($3::text[]) AS changed (iccid)
		WHERE state_id = $1 AND c.iccid = changed.iccid COLLATE "C" AND to_serial = $4
		RETURNING c.iccid, c.from_serial, substr(c.sealed, 1, 24)`,
		c.next.id, c.next.serial, iccids, int64(forever))
	if err != nil {
		return err
	}
	var id string
	var from uint64
	var start pgtype.DriverBytes
	_, err = pgx.ForEachRow(ended, []any{&id, &from, &start}, func() error {
		c.next.cards--
		if c.next.vault == nil {
			return nil
		}
		row, err := c.next.vault.ofRow(id, from, start)
		if err != nil {
			return fmt.Errorf("row %q from serial %d on of %s: %w", id, from, c.table("cards"), err)
		}
		c.next.sealed.Sum.subtract(row)
		return nil
	})
	return err
}

// newRow is a row before it is written.
type newRow struct {
	provider, iccid string // the key
	card            *state.Card
}

// newRows are the cards' rows by their keys, since many rows in another order
// take the database half as long again.
func (c *commit) newRows(cards []state.Card, doubled bool) []newRow {
	rows := make([]newRow, len(cards))
	for i := range cards {
		rows[i] = newRow{c.providerKey(cards[i].Provider, doubled), c.key(cards[i].ICCID), &cards[i]}
	}
	if c.next.vault != nil {
		slices.SortFunc(rows, func(a, b newRow) int { return cmp.Compare(a.iccid, b.iccid) })
	}
	return rows
}

// addRows adds rows that hold from the new serial on. doubled says that they
// are of cards with several rows.
func (c *commit) addRows(ctx context.Context, tx pgx.Tx, present head, cards []state.Card, doubled bool) error {
	if len(cards) == 0 {
		return nil
	}
	encoder := newEncoder()
	rows := c.newRows(cards, doubled)
	_, err := tx.CopyFrom(ctx, pgx.Identifier{c.schema, "cards"}, []string{"state_id", "provider", "iccid", "from_serial", "card", "sealed"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			text, err := encoder.encode(rows[i].card)
			if err != nil {
				return nil, err
			}
			return c.values(rows[i], text)
		}))
	if err != nil {
		return err
	}
	c.next.cards += len(cards)
	if len(cards) < manyCards || len(cards) < present.cards/10 {
		return nil
	}
	_, err = tx.Exec(ctx, "ANALYZE "+c.table("cards"))
	return err
}

// values are the columns of a new row, whose card has this text.
func (c *commit) values(r newRow, text []byte) ([]any, error) {
	if c.next.vault == nil {
		return []any{c.next.id, r.provider, r.iccid, c.next.serial, text, nil}, nil
	}
	sealed := c.next.vault.sealRow(r.iccid, c.next.serial, text)
	added, err := c.next.vault.ofRow(r.iccid, c.next.serial, sealed)
	if err != nil {
		return nil, err
	}
	c.next.sealed.Sum.add(added)
	return []any{c.next.id, r.provider, r.iccid, c.next.serial, nil, sealed}, nil
}

// finish writes the state's row and its history, drops the journal, and what
// no version holds any more.
func (c *commit) finish(ctx context.Context, tx pgx.Tx) error {
	n := &c.next
	if err := tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&n.written); err != nil {
		return err
	}
	key, seal, err := c.seals()
	if err != nil {
		return err
	}
	fleet, err := n.plainFleet()
	if err != nil {
		return err
	}
	if err := c.replaceFold(ctx, tx); err != nil {
		return err
	}
	var batch pgx.Batch
	batch.Queue("UPDATE "+c.table("states")+" SET lineage = $2, serial = $3, cards = $4, key = $5, seal = $6, format = $7, fleet = $8::json WHERE id = $1",
		n.id, n.lineage, n.serial, n.cards, key, seal, n.format, fleet)
	batch.Queue("INSERT INTO "+c.table("versions")+" (state_id, serial, cards, written, seal, format, fleet, fold) VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8)",
		n.id, n.serial, n.cards, n.written, seal, n.format, fleet, c.fold)
	batch.Queue("DELETE FROM "+c.table("journal")+" WHERE state_id = $1", n.id)
	if keep := c.env.KeepHistory; keep > 0 {
		batch.Queue("DELETE FROM "+c.table("history")+" WHERE state_id = $1 AND at < $2", n.id, n.written.Add(-keep))
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	return c.dropVersions(ctx, tx)
}

// replaceFold lets a fold take the place of the version before it, where that is
// one too: else an hour of workers would push out the last ten versions.
func (c *commit) replaceFold(ctx context.Context, tx pgx.Tx) error {
	if !c.fold {
		return nil
	}
	tag, err := tx.Exec(ctx, "DELETE FROM "+c.table("versions")+" v WHERE state_id = $1 AND fold AND serial = (SELECT max(serial) FROM "+
		c.table("versions")+" WHERE state_id = $1)", c.next.id)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	// Rows of that version that this one ended are of no version any more. The
	// constant is the index's, which a parameter wouldn't match.
	_, err = tx.Exec(ctx, fmt.Sprintf(`DELETE FROM %s WHERE state_id = $1 AND to_serial = $2 AND to_serial < %d
		AND from_serial > (SELECT coalesce(max(serial), -1) FROM %s WHERE state_id = $1)`, c.table("cards"), int64(forever), c.table("versions")),
		c.next.id, c.next.serial)
	return err
}

// dropVersions drops the versions that are no longer kept, and their rows.
func (c *commit) dropVersions(ctx context.Context, tx pgx.Tx) error {
	var oldest *int64 // that is kept; NULL where there are fewer
	err := tx.QueryRow(ctx, "SELECT (SELECT serial FROM "+c.table("versions")+" WHERE state_id = $1 ORDER BY serial DESC OFFSET $2 LIMIT 1)",
		c.next.id, kept-1).Scan(&oldest)
	if err != nil || oldest == nil {
		return err
	}
	var batch pgx.Batch
	batch.Queue("DELETE FROM "+c.table("versions")+" WHERE state_id = $1 AND serial < $2", c.next.id, *oldest)
	batch.Queue(fmt.Sprintf("DELETE FROM %s WHERE state_id = $1 AND to_serial <= $2 AND to_serial < %d", c.table("cards"), int64(forever)), c.next.id, *oldest)
	return tx.SendBatch(ctx, &batch).Close()
}

// seals are the sealed data key, for whom the configuration now says, and the
// sealed head; nil for a plain state.
func (c *commit) seals() (key, seal []byte, err error) {
	n := &c.next
	if n.vault == nil {
		return nil, nil, nil
	}
	if key, err = n.vault.sealKey(c.env.Sealer); err != nil {
		return nil, nil, err
	}
	n.sealed = sealedHead{
		Lineage: n.lineage, Serial: n.serial, Cards: n.cards, Written: n.written.UTC().Truncate(time.Microsecond),
		Since: n.sealed.Since, Sum: n.sealed.Sum, Format: n.format, Fleet: n.fleet,
	}
	seal, err = n.vault.sealHead(n.sealed)
	return key, seal, err
}

// encoder writes cards as the lines of a snapshot file are written.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

func newEncoder() *encoder {
	e := &encoder{}
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}

func (e *encoder) encode(c *state.Card) ([]byte, error) {
	e.buf.Reset()
	if err := e.json.Encode(c); err != nil {
		return nil, err
	}
	return bytes.Clone(bytes.TrimSpace(e.buf.Bytes())), nil
}
