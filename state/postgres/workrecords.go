package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// What workers do is a record a row, numbered by seq in the order in which they
// were committed. So whoever reads sees all up to some number, which
// [state.Snapshot.Workers] is, and none behind it.

// The kinds of a row, as a query needs them.
const (
	kindIntent  = "i"
	kindTicket  = "t" // an intent that the carrier has accepted: it takes the place of its action's first
	kindOutcome = "o"
	kindCard    = "c" // an outcome or a put with the card: it ends the card's intents
	kindDrop    = "d"
	kindRun     = "r" // it changes nothing
)

func kindOf(r *state.Record) (string, error) {
	switch {
	case r.Type == state.IntentRecord && r.Intent != nil && r.Intent.UnderWay():
		return kindTicket, nil
	case r.Type == state.IntentRecord:
		return kindIntent, nil
	case r.Type == state.PutRecord, r.Type == state.OutcomeRecord && r.Card != nil:
		return kindCard, nil
	case r.Type == state.OutcomeRecord:
		return kindOutcome, nil
	case r.Type == state.DropRecord:
		return kindDrop, nil
	case r.Type == state.RunRecord && !r.Pending:
		return kindRun, nil
	default:
		return "", fmt.Errorf("a worker has no record of type %q", r.Type)
	}
}

// isOpen says in a query over r that it is an intent that nothing ended, just as
// [workRecords.mark] does.
func (b *Backend) isOpen() string {
	return " r.kind IN ('i', 't') AND NOT EXISTS (SELECT FROM " + b.table("work_records") + ` e
		WHERE e.state_id = r.state_id AND e.card = r.card AND e.seq > r.seq
		AND (e.kind IN ('c', 'd') OR e.kind IN ('o', 't') AND e.action = r.action AND e.run = r.run))`
}

// workRecord is a row of work_records.
type workRecord struct {
	state.Record // its Seq is the row's
	card         string
	account      string
	worker       string
	token        int64
	run, told    string
	// live says that whoever wrote it has the account, and goes on.
	live bool
	// open says that it is an intent that nothing ended, and answered that it is one
	// whose action has an outcome.
	open, answered bool
}

// workRecords are some rows by seq; of the cards in it, it has all rows up to some
// number.
type workRecords []workRecord

// recordName is what a row's record is bound to.
func recordName(card, account string, token int64) string {
	return card + "\n" + account + "\n" + strconv.FormatInt(token, 10)
}

// workRecords reads the rows that fulfil a condition on r.
func (b *Backend) workRecords(ctx context.Context, tx pgx.Tx, id int64, x *box, where string, args ...any) (workRecords, error) {
	rows, err := tx.Query(ctx, `SELECT r.seq, r.card, r.account, r.token, r.run, r.told, r.record, coalesce(a.worker, ''),
			coalesce(a.token = r.token AND a.expires > clock_timestamp(), false)
		FROM `+b.table("work_records")+" r LEFT JOIN "+b.table("work_accounts")+` a ON a.state_id = r.state_id AND a.account = r.account
		WHERE r.state_id = $1 AND `+where+" ORDER BY r.seq", append([]any{id}, args...)...)
	if err != nil {
		return nil, err
	}
	var all workRecords
	var r workRecord
	var seq uint64
	var packed []byte
	var reader stored.RecordReader
	_, err = pgx.ForEachRow(rows, []any{&seq, &r.card, &r.account, &r.token, &r.run, &r.told, &packed, &r.worker, &r.live}, func() error {
		text, err := x.unpack(packed, recordName(r.card, r.account, r.token))
		if err == nil {
			r.Record, err = reader.Read(text)
		}
		if err != nil {
			return fmt.Errorf("row %d of %s: %w", seq, b.table("work_records"), err)
		}
		r.Seq = seq
		all = append(all, r)
		return nil
	})
	all.mark()
	return all, err
}

// mark finds out which intents are open, as a replay does.
func (all workRecords) mark() {
	open := map[spec.ICCID][]*workRecord{}
	for i := range all {
		r := &all[i]
		iccid := r.ID().ICCID
		switch {
		case r.Type == state.OutcomeRecord, r.Type == state.IntentRecord && r.Intent.UnderWay():
			open[iccid] = answer(open[iccid], r)
		}
		switch {
		case r.Type == state.IntentRecord:
			r.open = true
			open[iccid] = append(open[iccid], r)
		case r.Type == state.RunRecord, r.Type == state.OutcomeRecord && r.Card == nil:
		default:
			for _, o := range open[iccid] {
				o.open = false
			}
			delete(open, iccid)
		}
	}
}

// answer ends the last open intent of the record's action.
func answer(open []*workRecord, r *workRecord) []*workRecord {
	for i, o := range slices.Backward(open) {
		if o.Action == r.Action {
			o.open, o.answered = false, true
			return slices.Delete(open, i, i+1)
		}
	}
	return open
}

// onto replays the records over the snapshot. A call that is under way leaves its
// card as it was; with doubts it leaves a doubt, as one does whose worker is gone.
func (all workRecords) onto(s *state.Snapshot, doubts func(*workRecord) bool) (*state.Snapshot, error) {
	records := make([]state.Record, 0, len(all))
	for i := range all {
		if r := &all[i]; !r.open || doubts(r) {
			r.Serial = s.Serial
			records = append(records, r.Record)
		}
	}
	if len(records) == 0 {
		return s, nil
	}
	return stored.Replay(s, records)
}

// left says that whoever made the call is gone.
func left(r *workRecord) bool { return !r.live }

// workHead is the number of the last record that a transaction sees; 0 where
// there are no workers.
func (b *Backend) workHead(ctx context.Context, tx pgx.Tx, h head) (seq uint64, err error) {
	if h.schema < workable {
		return 0, nil
	}
	return seq, tx.QueryRow(ctx, "SELECT coalesce(max(seq), 0) FROM "+b.table("work_heads")+" WHERE state_id = $1", h.id).Scan(&seq)
}

// workUpTo reads the records up to that number.
func (b *Backend) workUpTo(ctx context.Context, tx pgx.Tx, h head, seq uint64) (workRecords, error) {
	if seq == 0 || h.schema < workable {
		return nil, nil
	}
	x, err := b.boxOf(ctx, tx, h.id)
	if err != nil {
		return nil, err
	}
	return b.workRecords(ctx, tx, h.id, x, "r.seq <= $2", seq)
}
