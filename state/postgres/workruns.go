package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/spec"
)

// HandOver stores the run with its slices, all or nothing, and returns its number.
// The caller holds the state's lock, which is looked at last. A run without slices
// has ended.
func (w *Work) HandOver(ctx context.Context, h HandOver) (number int64, err error) {
	token := w.b.token()
	if token == "" {
		return 0, fmt.Errorf("hand the run %s over: %w", h.Run.ID, errLost)
	}
	err = w.write(ctx, "hand the run "+h.Run.ID+" over", func(tx pgx.Tx) error {
		if number, err = w.insertRun(ctx, tx, &h.Run); err != nil {
			return err
		}
		o := &handOver{w: w, number: number, run: &h.Run, parts: map[string]*WorkAccount{}}
		if err := o.copySlices(ctx, tx, h.Slices); err != nil {
			return err
		}
		if err := o.insertParts(ctx, tx); err != nil {
			return err
		}
		if err := o.insertSuperseded(ctx, tx, h.Superseded); err != nil {
			return err
		}
		return w.b.checkLease(ctx, tx, token)
	})
	return number, err
}

// infoName is what a run's info is bound to.
func infoName(run string) string { return "info\n" + run }

func (w *Work) insertRun(ctx context.Context, tx pgx.Tx, r *WorkRun) (number int64, err error) {
	return number, tx.QueryRow(ctx, "INSERT INTO "+w.b.table("work_runs")+` (state_id, id, priority, created, config, version, info)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING number`,
		w.id, r.ID, r.Priority, orTime(r.Created, w.b.env.Now()), r.Config, r.Version, w.box.packSmall(r.Info, infoName(r.ID))).Scan(&number)
}

func orTime(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

// handOver is a hand-over on its way.
type handOver struct {
	w      *Work
	number int64
	run    *WorkRun
	parts  map[string]*WorkAccount
	slices map[string]int
}

// errEnough ends the caller's slices where nobody takes more.
var errEnough = errors.New("no more slices are taken")

// copySlices copies the slices as they come, so that nobody holds them all.
func (o *handOver) copySlices(ctx context.Context, tx pgx.Tx, slices func(yield func(*WorkSlice) error) error) error {
	if slices == nil {
		return nil
	}
	o.slices = map[string]int{}
	var seq iter.Seq2[*WorkSlice, error] = func(yield func(*WorkSlice, error) bool) {
		err := slices(func(s *WorkSlice) error {
			if !yield(s, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
	next, stop := iter.Pull2(seq)
	defer stop()
	_, err := tx.CopyFrom(ctx, pgx.Identifier{o.w.b.schema, "work_slices"}, []string{"run", "account", "n", "actions", "not_before", "waits", "body"},
		pgx.CopyFromFunc(func() ([]any, error) {
			s, err, ok := next()
			if !ok || err != nil {
				return nil, err
			}
			return o.row(s)
		}))
	return err
}

func (o *handOver) row(s *WorkSlice) ([]any, error) {
	part := o.parts[s.Account]
	if part == nil {
		part = &WorkAccount{Account: s.Account}
		o.parts[s.Account] = part
	}
	part.Actions += s.Actions
	o.slices[s.Account]++
	waits, body, err := o.w.sliceBody(o.run.ID, s)
	return []any{o.number, s.Account, s.N, s.Actions, nullTime(s.NotBefore), waits, body}, err
}

// sliceText is a slice's body.
type sliceText struct {
	Keys  []string `json:"keys,omitempty"`
	Cards []byte   `json:"-"` // follow the rest
}

// sliceName is what a slice is bound to.
func sliceName(run, account string, n int) string {
	return "slice\n" + run + "\n" + account + "\n" + strconv.Itoa(n)
}

// sliceBody packs what a slice says for what it waits, and what it holds: its keys as
// a line of JSON, and the caller's bytes.
func (w *Work) sliceBody(run string, s *WorkSlice) (waits, body []byte, err error) {
	text, err := json.Marshal(sliceText{Keys: s.Keys})
	if err != nil {
		return nil, nil, err
	}
	name := sliceName(run, s.Account, s.N)
	return w.box.packText(s.Waits, name), w.box.packSmall(append(append(text, '\n'), s.Cards...), name), nil
}

// openSlice unpacks what sliceBody packed.
func (w *Work) openSlice(s *WorkSlice, waits, body []byte) error {
	name := sliceName(s.Run, s.Account, s.N)
	text, err := w.box.unpack(body, name)
	if err == nil {
		s.Waits, err = w.box.unpackText(waits, name)
	}
	var said sliceText
	if err == nil {
		line, cards, _ := cutLine(text)
		s.Cards = cards
		err = json.Unmarshal(line, &said)
	}
	if err != nil {
		return fmt.Errorf("slice %d of run %s in account %s: %w", s.N, s.Run, s.Account, err)
	}
	s.Keys = said.Keys
	return nil
}

func cutLine(text []byte) (line, rest []byte, ok bool) {
	i := slices.Index(text, '\n')
	if i < 0 {
		return text, nil, false
	}
	return text[:i], text[i+1:], true
}

// nullTime is NULL for no time.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// zeroTime is no time for NULL.
func zeroTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func (o *handOver) insertParts(ctx context.Context, tx pgx.Tx) error {
	var batch pgx.Batch
	for account, part := range o.parts {
		batch.Queue("INSERT INTO "+o.w.b.table("work_parts")+" (run, account, actions, rest, slices) VALUES ($1, $2, $3, $3, $4)",
			o.number, account, part.Actions, o.slices[account])
	}
	if len(o.parts) == 0 {
		batch.Queue("UPDATE "+o.w.b.table("work_runs")+" SET ended = clock_timestamp() WHERE number = $1", o.number)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// supersededName is what a list of actions that are superseded is bound to.
func supersededName(run int64) string { return "superseded\n" + strconv.FormatInt(run, 10) }

func (o *handOver) insertSuperseded(ctx context.Context, tx pgx.Tx, list []Superseded) error {
	byRun := map[string][]Superseded{}
	for _, s := range list {
		byRun[s.Run] = append(byRun[s.Run], s)
	}
	for id, list := range byRun {
		number, _, err := o.w.number(ctx, tx, id)
		if err != nil {
			return err
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO "+o.w.b.table("work_superseded")+" (run, body) VALUES ($1, $2)",
			number, o.w.box.packSmall(text, supersededName(number)))
		if err != nil {
			return err
		}
	}
	return nil
}

// supersededOfARun is what is superseded of a run, as far as it was read.
type supersededOfARun struct {
	last int64 // of the lists
	list []Superseded
}

// supersededIn is what is superseded in a run, whose last list has that id.
func (w *Work) supersededIn(ctx context.Context, run, last int64) ([]Superseded, error) {
	w.mu.Lock()
	known := w.superseded[run]
	w.mu.Unlock()
	if known.last >= last {
		return known.list, nil
	}
	found := supersededOfARun{last: last}
	rows, err := w.pool.Query(ctx, "SELECT body FROM "+w.b.table("work_superseded")+" WHERE run = $1 AND id <= $2 ORDER BY id", run, last)
	if err != nil {
		return nil, err
	}
	var packed []byte
	_, err = pgx.ForEachRow(rows, []any{&packed}, func() error {
		text, err := w.box.unpack(packed, supersededName(run))
		if err != nil {
			return err
		}
		var list []Superseded
		err = json.Unmarshal(text, &list)
		found.list = append(found.list, list...)
		return err
	})
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.superseded[run] = found
	w.mu.Unlock()
	return found.list, nil
}

// number is that of the run whose id is or begins with the text.
func (w *Work) number(ctx context.Context, tx pgx.Tx, text string) (number int64, id string, err error) {
	rows, err := tx.Query(ctx, "SELECT number, id FROM "+w.b.table("work_runs")+
		" WHERE state_id = $1 AND starts_with(id, $2::text) ORDER BY id = $2::text DESC LIMIT 2", w.id, text)
	if err != nil {
		return 0, "", err
	}
	type found struct {
		number int64
		id     string
	}
	runs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) { return f, row.Scan(&f.number, &f.id) })
	switch {
	case err != nil:
		return 0, "", err
	case text == "" || len(runs) == 0:
		return 0, "", fmt.Errorf("%w: %q", ErrNoRun, text)
	case len(runs) > 1 && runs[0].id != text:
		return 0, "", fmt.Errorf("%w: %q", ErrSeveralRuns, text)
	}
	return runs[0].number, runs[0].id, nil
}

// Runs lists the runs that go on, and with ended the others too, the newest first.
func (w *Work) Runs(ctx context.Context, ended bool) (runs []WorkRun, err error) {
	err = w.read(ctx, "list the runs", func(tx pgx.Tx) (err error) {
		runs, err = w.runs(ctx, tx, "($2::boolean OR ended IS NULL)", ended)
		return err
	})
	return runs, err
}

// EndedRuns are the runs that have ended, the newest first. It changes nothing: a
// database without workers' tables has none.
func (b *Backend) EndedRuns(ctx context.Context) (runs []WorkRun, err error) {
	w := &Work{b: b}
	err = b.within(ctx, toRead, func(tx pgx.Tx) error {
		h, err := b.present(ctx, tx)
		if err != nil || h.id == 0 || h.schema < workable {
			return err
		}
		w.id = h.id
		if w.box, err = b.boxOf(ctx, tx, h.id); err != nil {
			return err
		}
		runs, err = w.runs(ctx, tx, "$2::boolean AND ended IS NOT NULL", true)
		return err
	})
	return runs, w.during("list the runs", err)
}

// Run is the run with that id, of which the beginning will do. The error is an
// [ErrNoRun] where there is none, or where several begin so.
func (w *Work) Run(ctx context.Context, id string) (run *WorkRun, err error) {
	err = w.read(ctx, "read a run", func(tx pgx.Tx) error {
		number, _, err := w.number(ctx, tx, id)
		if err != nil {
			return err
		}
		runs, err := w.runs(ctx, tx, "number = $2", number)
		if err == nil && len(runs) == 1 {
			run = &runs[0]
		}
		return err
	})
	return run, err
}

// runs reads the runs that fulfil a condition, the newest first.
func (w *Work) runs(ctx context.Context, tx pgx.Tx, where string, arg any) ([]WorkRun, error) {
	rows, err := tx.Query(ctx, "SELECT number, id, priority, created, ended, config, version, info, cancelled, coalesce(cancelled_by, '') FROM "+
		w.b.table("work_runs")+" WHERE state_id = $1 AND "+where+" ORDER BY number DESC", w.id, arg)
	if err != nil {
		return nil, err
	}
	var runs []WorkRun
	var r WorkRun
	var ended, cancelled *time.Time
	var info []byte
	_, err = pgx.ForEachRow(rows, []any{&r.Number, &r.ID, &r.Priority, &r.Created, &ended, &r.Config, &r.Version, &info, &cancelled, &r.CancelledBy}, func() (err error) {
		r.Created, r.Ended, r.Cancelled = r.Created.UTC(), zeroTime(ended), zeroTime(cancelled)
		if r.Info, err = w.box.unpack(info, infoName(r.ID)); err != nil {
			return fmt.Errorf("run %s: %w", r.ID, err)
		}
		runs = append(runs, r)
		return nil
	})
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return runs, w.addParts(ctx, tx, runs)
}

// partName is what the reason why a run can't go on in an account is bound to.
func partName(run int64, account string) string {
	return "stuck\n" + strconv.FormatInt(run, 10) + "\n" + account
}

// addParts adds how far the runs are in their accounts.
func (w *Work) addParts(ctx context.Context, tx pgx.Tx, runs []WorkRun) error {
	byNumber := make(map[int64]*WorkRun, len(runs))
	numbers := make([]int64, len(runs))
	for i := range runs {
		numbers[i], byNumber[runs[i].Number] = runs[i].Number, &runs[i]
	}
	rows, err := tx.Query(ctx, "SELECT run, account, actions, done, failed, dropped, not_started, in_doubt, rest, stuck FROM "+
		w.b.table("work_parts")+" WHERE run = ANY ($1) ORDER BY run, account", numbers)
	if err != nil {
		return err
	}
	var number int64
	var p WorkAccount
	var stuck []byte
	_, err = pgx.ForEachRow(rows, []any{&number, &p.Account, &p.Actions, &p.Done, &p.Failed, &p.Dropped, &p.NotStarted, &p.InDoubt, &p.Left, &stuck}, func() (err error) {
		if p.Stuck, err = w.box.unpackText(stuck, partName(number, p.Account)); err != nil {
			return fmt.Errorf("account %s of run %s: %w", p.Account, byNumber[number].ID, err)
		}
		r := byNumber[number]
		if r.Accounts = append(r.Accounts, p); p.Stuck != "" && !r.Ended.IsZero() && r.Failed == "" {
			r.Failed = p.Account + ": " + p.Stuck
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.addWaiting(ctx, tx, numbers, byNumber)
}

// addWaiting adds what waits for its time.
func (w *Work) addWaiting(ctx context.Context, tx pgx.Tx, numbers []int64, byNumber map[int64]*WorkRun) error {
	rows, err := tx.Query(ctx, `SELECT run, account, sum(actions), min(not_before), (array_agg(n ORDER BY not_before, n))[1], (array_agg(waits ORDER BY not_before, n))[1]
		FROM `+w.b.table("work_slices")+" WHERE run = ANY ($1) AND not_before > clock_timestamp() GROUP BY run, account", numbers)
	if err != nil {
		return err
	}
	var number int64
	var account string
	var waiting, n int
	var from time.Time
	var waits []byte
	_, err = pgx.ForEachRow(rows, []any{&number, &account, &waiting, &from, &n, &waits}, func() error {
		r := byNumber[number]
		i := slices.IndexFunc(r.Accounts, func(a WorkAccount) bool { return a.Account == account })
		if i < 0 {
			return nil
		}
		a := &r.Accounts[i]
		a.Waiting, a.NotBefore = waiting, from.UTC()
		a.Waits, err = w.box.unpackText(waits, sliceName(r.ID, account, n))
		return err
	})
	return err
}

// OpenSlices visits the slices that aren't finished, by run, account and N; of all
// runs that weren't cancelled for "". A slice is good until visit returns.
func (w *Work) OpenSlices(ctx context.Context, run string, visit func(*WorkSlice) error) error {
	return w.read(ctx, "read what is left of runs", func(tx pgx.Tx) error {
		where, arg := "$2::bigint = 0 AND r.cancelled IS NULL", int64(0)
		if run != "" {
			number, _, err := w.number(ctx, tx, run)
			if err != nil {
				return err
			}
			where, arg = "r.number = $2", number
		}
		return w.openSlices(ctx, tx, where, arg, visit)
	})
}

// Begun reads runs anew by their numbers, and the slices of them that somebody has begun,
// both as of one instant.
func (w *Work) Begun(ctx context.Context, numbers []int64) (runs []WorkRun, begun []WorkSlice, err error) {
	err = w.read(ctx, "list the runs", func(tx pgx.Tx) (err error) {
		if runs, err = w.runs(ctx, tx, "number = ANY ($2)", numbers); err != nil {
			return err
		}
		return w.openSlices(ctx, tx, "r.number = ANY ($2) AND s.begun IS NOT NULL", numbers, func(s *WorkSlice) error {
			own := *s
			own.Cards = slices.Clone(s.Cards)
			begun = append(begun, own)
			return nil
		})
	})
	return runs, begun, err
}

// openSlices visits the slices that fulfil a condition on s and its run r.
func (w *Work) openSlices(ctx context.Context, tx pgx.Tx, where string, arg any, visit func(*WorkSlice) error) error {
	rows, err := tx.Query(ctx, "SELECT r.id, r.number, r.priority, s.account, s.n, s.part, s.actions, s.not_before, s.waits, s.body, s.begun IS NOT NULL FROM "+
		w.b.table("work_slices")+" s JOIN "+w.b.table("work_runs")+" r ON r.number = s.run WHERE r.state_id = $1 AND "+where+
		" ORDER BY r.number, s.account, s.n", w.id, arg)
	if err != nil {
		return err
	}
	var s WorkSlice
	var from *time.Time
	var waits, body []byte
	_, err = pgx.ForEachRow(rows, []any{&s.Run, &s.Number, &s.Priority, &s.Account, &s.N, &s.part, &s.Actions, &from, &waits, &body, &s.Begun}, func() error {
		s.NotBefore = zeroTime(from)
		if err := w.openSlice(&s, waits, body); err != nil {
			return err
		}
		return visit(&s)
	})
	return err
}

// resultName is what a result is bound to.
func resultName(run int64, account string, n int) string {
	return "result\n" + strconv.FormatInt(run, 10) + "\n" + account + "\n" + strconv.Itoa(n)
}

// Results visits what came after the result of that ID, in the order in which it
// was finished: none comes later with a lower ID. A result is good until visit returns.
func (w *Work) Results(ctx context.Context, run string, after int64, visit func(*WorkResult) error) error {
	return w.read(ctx, "read what became of a run", func(tx pgx.Tx) error {
		number, id, err := w.number(ctx, tx, run)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT id, account, n, body FROM "+w.b.table("work_results")+" WHERE run = $1 AND id > $2 ORDER BY id", number, after)
		if err != nil {
			return err
		}
		r := WorkResult{Run: id}
		var body []byte
		_, err = pgx.ForEachRow(rows, []any{&r.ID, &r.Account, &r.N, &body}, func() (err error) {
			if r.Results, err = w.box.unpack(body, resultName(number, r.Account, r.N)); err != nil {
				return fmt.Errorf("the result of slice %d of run %s in account %s: %w", r.N, id, r.Account, err)
			}
			return visit(&r)
		})
		return err
	})
}

// UnderWay are the run's calls under way; those of all runs for "".
func (w *Work) UnderWay(ctx context.Context, run string) (calls []UnderWay, err error) {
	err = w.read(ctx, "look for calls under way", func(tx pgx.Tx) error {
		if run != "" {
			if _, run, err = w.number(ctx, tx, run); err != nil {
				return err
			}
		}
		calls, err = w.underWay(ctx, tx, run, func(*workRecord) bool { return true })
		return err
	})
	return calls, err
}

// Touching are the calls under way on these cards ("iccid:…") and devices ("imei:…"),
// of accounts whose leases are good.
func (w *Work) Touching(ctx context.Context, keys []string) (calls []UnderWay, err error) {
	wanted := make(map[string]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	err = w.read(ctx, "look for calls under way", func(tx pgx.Tx) error {
		calls, err = w.underWay(ctx, tx, "", func(r *workRecord) bool { return touches(r, wanted) })
		return err
	})
	return calls, err
}

// touches reports whether the call is on one of the cards or devices.
func touches(r *workRecord, wanted map[string]bool) bool {
	change := &r.Intent.Change
	onDevice := change.Kind.Attr() == spec.AttrBinding && (wanted["imei:"+change.From] || wanted["imei:"+change.To])
	return onDevice || wanted["iccid:"+string(r.ID().ICCID)]
}

func (w *Work) underWay(ctx context.Context, tx pgx.Tx, run string, wanted func(*workRecord) bool) ([]UnderWay, error) {
	records, err := w.b.workRecords(ctx, tx, w.id, w.box, "(r.run = $2::text OR $2::text = '') AND "+w.b.isOpen(), run)
	if err != nil {
		return nil, err
	}
	var calls []UnderWay
	for i := range records {
		if r := &records[i]; r.live && wanted(r) {
			calls = append(calls, UnderWay{Account: r.account, Worker: r.worker, ICCID: r.ID().ICCID, Action: r.Action, Run: r.run, Change: r.Intent.Change, Since: r.At})
		}
	}
	return calls, nil
}

// Cancel has no more of the run's slices be begun, and counts their actions as
// not started. A slice that was begun is finished by whoever does it, or where they are
// lost by whoever takes the account next, and the run ends with the last. A run that has ended stays as it is.
func (w *Work) Cancel(ctx context.Context, run, by string) error {
	return w.change(ctx, "cancel a run", run, "work_cancel", by)
}

// Retry lets the run go on in an account that can't; in all of them for "".
func (w *Work) Retry(ctx context.Context, run, account string) error {
	return w.change(ctx, "let a run go on", run, "work_retry", account)
}

// change calls a function about a run. It is one statement, so that a program that
// stops in the middle of it keeps no worker waiting.
func (w *Work) change(ctx context.Context, doing, run, function, arg string) error {
	number, err := w.numbered(ctx, doing, run)
	if err != nil {
		return err
	}
	_, err = w.pool.Exec(ctx, w.calling(function, "bigint", "bigint", "text"), w.id, number, arg)
	return w.during(doing, err)
}

// numbered is number, in a transaction of its own.
func (w *Work) numbered(ctx context.Context, doing, run string) (number int64, err error) {
	err = w.read(ctx, doing, func(tx pgx.Tx) error {
		number, _, err = w.number(ctx, tx, run)
		return err
	})
	return number, err
}

// Pause keeps the account from being taken, and its slices from being given out, or
// ends that. Whoever has it keeps it.
func (w *Work) Pause(ctx context.Context, account, by string, paused bool) error {
	who := &by
	if !paused {
		who = nil
	}
	_, err := w.pool.Exec(ctx, "INSERT INTO "+w.b.table("work_accounts")+` (state_id, account, paused_by) VALUES ($1, $2, $3)
		ON CONFLICT (state_id, account) DO UPDATE SET paused_by = excluded.paused_by
		RETURNING set_config('synchronous_commit', 'on', true)`, w.id, account, who)
	return w.during("pause the account "+account, err)
}

// Accounts lists the accounts that somebody holds, that are paused, or that have
// work, by name.
func (w *Work) Accounts(ctx context.Context) (list []AccountState, err error) {
	rows, err := w.pool.Query(ctx, w.accountsQuery(), w.id)
	if err != nil {
		return nil, w.during("list the accounts", err)
	}
	var a AccountState
	var renewed, expires, nextAt, oldest *time.Time
	_, err = pgx.ForEachRow(rows, []any{&a.Account, &a.Token, &a.Worker, &a.WorkerInfo, &renewed, &expires, &a.PausedBy, &a.Now,
		&a.Left, &a.Waiting, &nextAt, &a.Configs, &oldest, &a.Cancelled}, func() error {
		a.Now = a.Now.UTC()
		a.Renewed, a.Expires, a.NextAt, a.Oldest = zeroTime(renewed), zeroTime(expires), zeroTime(nextAt), zeroTime(oldest)
		a.Held, a.Live = expires != nil, expires != nil && expires.After(a.Now)
		one := a
		one.WorkerInfo, one.Configs, one.Cancelled = slices.Clone(a.WorkerInfo), slices.Clone(a.Configs), slices.Clone(a.Cancelled)
		if one.Held || one.PausedBy != "" || one.Left+one.Waiting > 0 {
			list = append(list, one)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b AccountState) int { return cmp.Compare(a.Account, b.Account) })
	return list, w.during("list the accounts", err)
}

func (w *Work) accountsQuery() string {
	return `WITH part AS (
			SELECT p.account, p.rest, r.config, r.created, w.waiting, w.next_at
			FROM ` + w.b.table("work_runs") + " r JOIN " + w.b.table("work_parts") + ` p ON p.run = r.number AND p.slices > 0 AND p.stuck IS NULL
			LEFT JOIN LATERAL (
				SELECT coalesce(sum(s.actions), 0) AS waiting, min(s.not_before) AS next_at FROM ` + w.b.table("work_slices") + ` s
				WHERE s.run = p.run AND s.account = p.account AND s.not_before > clock_timestamp()
			) w ON true
			WHERE r.state_id = $1 AND r.ended IS NULL AND r.cancelled IS NULL
			UNION ALL
			SELECT s.account, sum(s.actions), r.config, r.created, 0, NULL
			FROM ` + w.b.table("work_runs") + " r JOIN " + w.b.table("work_slices") + ` s ON s.run = r.number AND s.begun IS NOT NULL
			WHERE r.state_id = $1 AND r.ended IS NULL AND r.cancelled IS NOT NULL
			GROUP BY s.account, r.number
		), work AS (
			SELECT account, sum(rest - waiting)::bigint AS rest, sum(waiting)::bigint AS waiting, min(next_at) AS next_at,
				array_agg(DISTINCT config ORDER BY config) FILTER (WHERE rest > waiting) AS configs, min(created) FILTER (WHERE rest > waiting) AS oldest
			FROM part GROUP BY account
		)
		SELECT coalesce(a.account, w.account), coalesce(a.token, 0), coalesce(a.worker, ''), a.info, a.renewed, a.expires, coalesce(a.paused_by, ''), clock_timestamp(),
			coalesce(w.rest, 0), coalesce(w.waiting, 0), w.next_at, coalesce(w.configs, '{}'), w.oldest,
			ARRAY(SELECT id FROM ` + w.b.table("work_runs") + ` WHERE state_id = $1 AND ended IS NULL AND cancelled IS NOT NULL)
		FROM (SELECT * FROM ` + w.b.table("work_accounts") + ` WHERE state_id = $1) a FULL JOIN work w ON w.account = a.account`
}

// Outcomes are those of the run's actions that others need, as far as they are known.
func (w *Work) Outcomes(ctx context.Context, run string, actions []string) (map[string]string, error) {
	found := map[string]string{}
	err := w.read(ctx, "read outcomes of a run", func(tx pgx.Tx) error {
		number, _, err := w.number(ctx, tx, run)
		if err != nil {
			return err
		}
		byKey := make(map[string]string, len(actions))
		var keys []string
		for _, action := range actions {
			for _, key := range w.box.keys(action) {
				byKey[key] = action
				keys = append(keys, key)
			}
		}
		rows, err := tx.Query(ctx, "SELECT action, outcome FROM "+w.b.table("work_outcomes")+" WHERE run = $1 AND action = ANY ($2)", number, keys)
		if err != nil {
			return err
		}
		var key, outcome string
		_, err = pgx.ForEachRow(rows, []any{&key, &outcome}, func() error {
			found[byKey[key]] = outcome
			return nil
		})
		return err
	})
	return found, err
}

// Due reports whether the check of that name and due time is this caller's to run:
// it is for the first that asks, and for nobody once a later one was asked for.
func (w *Work) Due(ctx context.Context, name string, due time.Time) (mine bool, err error) {
	tag, err := w.pool.Exec(ctx, "INSERT INTO "+w.b.table("work_checks")+` AS c (state_id, name, due) VALUES ($1, $2, $3)
		ON CONFLICT (state_id, name) DO UPDATE SET due = excluded.due WHERE c.due < excluded.due
		RETURNING set_config('synchronous_commit', 'on', true)`, w.id, name, due)
	if err != nil {
		return false, w.during("look whether the check "+name+" is due", err)
	}
	return tag.RowsAffected() > 0, nil
}

// LastDue is the latest due time that somebody asked for; zero for none.
func (w *Work) LastDue(ctx context.Context, name string) (time.Time, error) {
	var due *time.Time
	err := w.pool.QueryRow(ctx, "SELECT max(due) FROM "+w.b.table("work_checks")+" WHERE state_id = $1 AND name = $2", w.id, name).Scan(&due)
	return zeroTime(due), w.during("look when the check "+name+" was due", err)
}

// EndOf names the end of a run for [Work.Due], so that one worker tells of it. No
// schedule is called so.
func EndOf(run string) string { return "the end of run " + run }

// Prune forgets the runs that ended before, with what became of them, and counts
// them. What the history of the state has stays there.
func (w *Work) Prune(ctx context.Context, before time.Time) (runs int, err error) {
	err = w.write(ctx, "forget old runs", func(tx pgx.Tx) error {
		var numbers []int64
		err := tx.QueryRow(ctx, "SELECT coalesce(array_agg(number), '{}') FROM "+w.b.table("work_runs")+" WHERE state_id = $1 AND ended < $2", w.id, before).Scan(&numbers)
		if err != nil {
			return err
		}
		runs = len(numbers)
		var batch pgx.Batch
		for _, table := range []string{"work_slices", "work_parts", "work_results", "work_outcomes", "work_superseded"} {
			batch.Queue("DELETE FROM "+w.b.table(table)+" WHERE run = ANY ($1)", numbers)
		}
		batch.Queue("DELETE FROM "+w.b.table("work_runs")+" WHERE number = ANY ($1)", numbers)
		batch.Queue("DELETE FROM "+w.b.table("work_told")+" t WHERE state_id = $1 AND at < $2 AND NOT EXISTS (SELECT FROM "+w.b.table("work_runs")+
			" r WHERE r.state_id = t.state_id AND r.id = t.told) AND NOT EXISTS (SELECT FROM "+w.b.table("work_records")+" r WHERE r.state_id = t.state_id AND r.told = t.told)", w.id, before)
		batch.Queue("DELETE FROM "+w.b.table("work_checks")+" WHERE state_id = $1 AND due < $2 AND starts_with(name, $3::text)", w.id, before, EndOf(""))
		batch.Queue("DELETE FROM "+w.b.table("work_writers")+" WHERE state_id = $1 AND begun < $2", w.id, before)
		return tx.SendBatch(ctx, &batch).Close()
	})
	return runs, err
}
