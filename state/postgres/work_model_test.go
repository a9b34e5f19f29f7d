package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// world is a state with workers, and what it should be by all that was done to it.
type world struct {
	t      *rapid.T
	w      *postgres.Work
	b      *postgres.Backend // of the workers
	local  *postgres.Backend // of runs on a person's machine
	expire func(account string)

	holders map[string]*postgres.Account // nil where the holder is dead
	cards   map[spec.ICCID]*modelCard
	events  []string // "ACTION OUTCOME"
	actions int
	serial  uint64
}

// modelCard is a card as it should be.
type modelCard struct {
	account string
	status  string // "" for one that isn't managed
	open    *modelCall
}

// modelCall is a call without an outcome.
type modelCall struct {
	action string
	run    string // whose outcome ends it
	holder *postgres.Account
}

func (x *world) ctx() context.Context { return context.Background() }

// inDoubt reports whether the card's call is one whose holder is gone.
func (x *world) inDoubt(c *modelCard) bool {
	return c.open != nil && (c.open.holder == nil || c.open.holder != x.holders[c.account])
}

// card draws one that fits.
func (x *world) card(fits func(c *modelCard) bool) spec.ICCID {
	var fitting []spec.ICCID
	for iccid, c := range x.cards {
		if fits(c) {
			fitting = append(fitting, iccid)
		}
	}
	if len(fitting) == 0 {
		x.t.Skip("no card fits")
	}
	slices.Sort(fitting)
	return rapid.SampledFrom(fitting).Draw(x.t, "card")
}

// anyRun draws a run.
func (x *world) anyRun() string {
	return rapid.SampledFrom([]string{"run-1", "run-2"}).Draw(x.t, "run")
}

func (x *world) append(c *modelCard, run string, r state.Record) {
	a := x.holders[c.account]
	require.NoError(x.t, a.ForRun(told(run), run).Append(x.ctx(), r))
}

func of(iccid spec.ICCID, status string) state.Card {
	return state.Card{Provider: "aliyun", ICCID: iccid, Address: "sim.n", Last: state.Last{Status: status}}
}

func (x *world) held(c *modelCard) bool { return x.holders[c.account] != nil }

// Intent begins a call.
func (x *world) Intent(t *rapid.T) {
	x.t = t
	iccid := x.card(func(c *modelCard) bool { return x.held(c) && c.open == nil })
	c := x.cards[iccid]
	x.actions++
	c.open = &modelCall{action: strconv.Itoa(x.actions), run: x.anyRun(), holder: x.holders[c.account]}
	x.append(c, c.open.run, intended(of(iccid, ""), c.open.action))
}

// Outcome ends a call: it changed the card, or it failed.
func (x *world) Outcome(t *rapid.T) {
	x.t = t
	iccid := x.card(func(c *modelCard) bool { return x.held(c) && c.open != nil && !x.inDoubt(c) })
	c := x.cards[iccid]
	r := statetest.Happened(of(iccid, c.open.action), c.open.action, workTime)
	if rapid.Bool().Draw(t, "failed") {
		r.Card, r.Event.Outcome = nil, "failed"
	} else {
		c.status = c.open.action
	}
	x.events = append(x.events, c.open.action+" "+r.Event.Outcome)
	run := c.open.run
	c.open = nil
	x.append(c, run, r)
}

// Settle has a holder settle what an earlier one left in doubt, or forget the card.
func (x *world) Settle(t *rapid.T) {
	x.t = t
	iccid := x.card(func(c *modelCard) bool { return x.held(c) && (x.inDoubt(c) || c.open == nil) })
	c := x.cards[iccid]
	if c.open != nil {
		x.events = append(x.events, c.open.action+" in-doubt")
	}
	c.open = nil
	if rapid.IntRange(0, 3).Draw(t, "drop") == 0 {
		c.status = ""
		x.append(c, x.anyRun(), state.Record{Type: state.DropRecord, At: workTime, Provider: "aliyun", ICCID: iccid})
		return
	}
	x.actions++
	c.status = "read" + strconv.Itoa(x.actions)
	x.append(c, x.anyRun(), statetest.Put(of(iccid, c.status)))
}

// Crash ends a holder; its lease runs out.
func (x *world) Crash(t *rapid.T) {
	x.t = t
	account := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account")
	if x.holders[account] == nil {
		t.Skip("nobody has it")
	}
	x.expire(account)
	_ = x.holders[account].Release(x.ctx()) // it may be said to be lost
	x.holders[account] = nil
}

// Claim gives an account a new holder, who is told of what is in doubt.
func (x *world) Claim(t *rapid.T) {
	x.t = t
	account := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account")
	if x.holders[account] != nil {
		t.Skip("somebody has it")
	}
	a, err := x.w.Claim(x.ctx(), account, "w", nil)
	require.NoError(t, err)
	require.NotNil(t, a)
	x.holders[account] = a
	var doubts []spec.ICCID
	for iccid, c := range x.cards {
		if c.account == account && c.open != nil {
			doubts = append(doubts, iccid)
		}
	}
	slices.Sort(doubts)
	got, err := a.Doubts(x.ctx())
	require.NoError(t, err)
	require.Equal(t, doubts, got)
}

// Fold commits what workers recorded.
func (x *world) Fold(t *rapid.T) {
	x.t = t
	folded, err := x.w.Fold(x.ctx())
	require.NoError(t, err)
	if folded {
		x.serial++
	}
}

// Commit has a run on a person's machine commit, while workers go on. It may settle
// what is in doubt.
func (x *world) Commit(t *rapid.T) {
	x.t = t
	unlock, err := x.local.Lock(x.ctx(), state.LockInfo{Operation: "apply"})
	require.NoError(t, err)
	s, err := x.local.Read(x.ctx())
	require.NoError(t, err)
	var e state.Edits
	for _, iccid := range slices.Sorted(keysOf(x.cards)) {
		if c := x.cards[iccid]; x.inDoubt(c) && c.open != nil && !x.held(c) && rapid.Bool().Draw(t, "settle") {
			x.events = append(x.events, c.open.action+" in-doubt")
			x.actions++
			c.open, c.status = nil, "local"+strconv.Itoa(x.actions)
			e.Put = append(e.Put, of(iccid, c.status))
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "meanwhile") {
		x.meanwhile()
	}
	folded, err := x.w.Fold(x.ctx())
	require.NoError(t, err)
	require.False(t, folded, "the state is locked")
	require.NoError(t, x.local.Commit(x.ctx(), s, e))
	require.NoError(t, unlock())
	x.serial++
}

// meanwhile is something that a worker does between the reading of a run and its commit.
func (x *world) meanwhile() {
	var fitting []spec.ICCID
	for iccid, c := range x.cards {
		if x.held(c) && !x.inDoubt(c) {
			fitting = append(fitting, iccid)
		}
	}
	if len(fitting) == 0 {
		return
	}
	slices.Sort(fitting)
	iccid := rapid.SampledFrom(fitting).Draw(x.t, "meanwhile of")
	if c := x.cards[iccid]; c.open == nil {
		x.actions++
		c.open = &modelCall{action: strconv.Itoa(x.actions), run: x.anyRun(), holder: x.holders[c.account]}
		x.append(c, c.open.run, intended(of(iccid, ""), c.open.action))
	} else {
		c.status = c.open.action
		x.events = append(x.events, c.open.action+" done")
		x.append(c, c.open.run, statetest.Happened(of(iccid, c.open.action), c.open.action, workTime))
		c.open = nil
	}
}

// Check compares the state with the model.
func (x *world) Check(t *rapid.T) {
	s, err := x.local.Read(x.ctx())
	require.NoError(t, err)
	require.Equal(t, x.serial, s.Serial)
	want, events := map[spec.ICCID]string{}, slices.Clone(x.events)
	for iccid, c := range x.cards {
		text := c.status
		if c.open != nil {
			events = append(events, c.open.action+" in-doubt")
		}
		if x.inDoubt(c) {
			text += " doubt " + c.open.action
		}
		if text != "" {
			want[iccid] = text
		}
	}
	got := map[spec.ICCID]string{}
	for i := range s.Cards {
		c := &s.Cards[i]
		text := c.Last.Status
		for _, d := range c.Doubts {
			text += " doubt " + d.To
		}
		got[c.ICCID] = text
	}
	require.Equal(t, want, got)
	slices.Sort(events)
	require.Equal(t, events, x.seen(t), "each event is in the history once")
}

func (x *world) seen(t *rapid.T) []string {
	events := []string{}
	require.NoError(t, x.local.Events(x.ctx(), state.EventQuery{}, func(e *state.Entry) error {
		if e.Event != nil {
			events = append(events, e.Event.To+" "+e.Event.Outcome)
			require.Contains(t, []string{"run-1", "run-2"}, e.Run.ID)
		}
		return nil
	}))
	slices.Sort(events)
	return events
}

func keysOf[K comparable, V any](m map[K]V) func(yield func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// newWorld is a new state in the database.
func newWorld(t *rapid.T, conn, name string, sealer state.Sealer) *world {
	e := env()
	e.Sealer = sealer
	backend := func() *postgres.Backend {
		b, err := postgres.New(postgres.Config{ConnString: conn, Name: name, Group: time.Nanosecond}, e)
		require.NoError(t, err)
		return b
	}
	x := &world{t: t, b: backend(), local: backend(), holders: map[string]*postgres.Account{}, cards: map[spec.ICCID]*modelCard{}, events: []string{}}
	var err error
	x.w, err = x.b.Work(x.ctx())
	require.NoError(t, err)
	for i := range 4 {
		x.cards[statetest.Card(i, "").ICCID] = &modelCard{account: []string{"a", "b"}[i%2]}
	}
	id, _ := x.w.State()
	x.expire = func(account string) {
		_, err := x.w.Pool().Exec(x.ctx(), "UPDATE cardfleet.work_accounts SET expires = clock_timestamp() WHERE state_id = $1 AND account = $2", id, account)
		require.NoError(t, err)
	}
	return x
}

func (x *world) end() {
	for _, a := range x.holders {
		if a != nil {
			_ = a.Release(x.ctx()) // the state isn't looked at any more
		}
	}
	x.w.Close()
}

// manyWorlds is a tenth of what -rapid.checks asks for, since each takes seconds.
func manyWorlds(t *rapid.T) int {
	checks, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	require.NoError(t, err)
	return checks / 10
}

func TestTheStateAndItsHistoryAreWhatWorkersAndRunsMadeInWhateverOrder(t *testing.T) {
	for name, sealer := range sealers(t) {
		t.Run(name, func(t *testing.T) {
			conn := pgtest.Database(t)
			worlds := 0
			rapid.Check(t, func(t *rapid.T) {
				if worlds++; worlds > manyWorlds(t) {
					return
				}
				x := newWorld(t, conn, fmt.Sprint("state", worlds), sealer)
				defer x.end()
				t.Repeat(map[string]func(*rapid.T){
					"": x.Check, "claim": x.Claim, "intent": x.Intent, "intent again": x.Intent, "outcome": x.Outcome, "settle": x.Settle, "crash": x.Crash,
					"fold": x.Fold, "commit": x.Commit,
				})
			})
		})
	}
}
