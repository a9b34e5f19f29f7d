package apply_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// recorder is a carrier that does what it is told, and writes it down.
type recorder struct {
	able  spec.Capabilities
	mu    sync.Mutex
	cards map[spec.ICCID]spec.Reading
	calls []string
}

func (r *recorder) Capabilities() spec.Capabilities { return r.able }

func (r *recorder) Read(_ context.Context, card spec.ICCID, _ spec.Attr) (spec.Reading, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told(card), nil
}

// told is a card as the carrier tells of it.
func (r *recorder) told(card spec.ICCID) spec.Reading {
	reading, found := r.cards[card]
	if !found {
		return spec.Reading{ICCID: card, At: start, Lifecycle: spec.NotFound}
	}
	reading.Has &= r.able.Reads
	return reading
}

func (r *recorder) Do(_ context.Context, c providers.Change) (providers.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, callName(c.ICCID, c.Change))
	reading := r.cards[c.ICCID]
	c.Lay(&reading)
	r.cards[c.ICCID] = reading
	return providers.Receipt{}, nil
}

func callName(card spec.ICCID, c spec.Change) string { return fmt.Sprintf("%s %s", card, c) }

// cardOf is a card whose ICCID is like no other's.
func cardOf(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("898600%04d001730%04d", i, i)) }

// drawCase is a fleet, its state and its carrier, whose cards may have changed
// since they were last read.
func drawCase(t *rapid.T) (plan.Input, *recorder) {
	able := spec.Capabilities{
		Reads:      spec.AttrActive | spec.AttrPackages,
		Changes:    []spec.Kind{spec.Resume, spec.Subscribe, spec.ChangeBind, spec.Unsubscribe, spec.Stop, spec.Unbind},
		NamesPrior: []spec.Kind{spec.ChangeBind, spec.Unbind}, Settle: time.Minute,
	}
	if rapid.Bool().Draw(t, "tells bindings") {
		able.Reads |= spec.AttrBinding
	}
	if rapid.Bool().Draw(t, "sets the device by value") {
		able.NamesPrior, able.BindsFirst = nil, true
	}
	carrier := &recorder{able: able, cards: map[spec.ICCID]spec.Reading{}}
	in := plan.Input{
		Fleet: &spec.Fleet{Providers: []spec.ProviderConfig{{Name: aliyun}}}, Prior: &state.Snapshot{Lineage: "l", Serial: 1},
		Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: able}, Now: start, Version: "test",
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "cards") {
		r := spec.Reading{
			Provider: aliyun, ICCID: cardOf(i), At: start, Status: "正常",
			Lifecycle: rapid.SampledFrom([]spec.Lifecycle{spec.Active, spec.Active, spec.SuspendedByOwner, spec.Closed}).Draw(t, "lifecycle"),
			Has:       spec.AttrActive | spec.AttrPackages | spec.AttrBinding, IMEI: device(i),
		}
		if rapid.Bool().Draw(t, "has a package") {
			r.Packages = []spec.Package{{ID: "10002"}}
		}
		if rapid.IntRange(0, 3).Draw(t, "bound to none") == 0 {
			r.IMEI = ""
		}
		carrier.cards[r.ICCID] = r
		if rapid.IntRange(0, 4).Draw(t, "managed") > 0 {
			in.Prior.Cards = append(in.Prior.Cards, state.Card{
				Provider: aliyun, ICCID: r.ICCID, Address: fmt.Sprintf("card.c%02d", i), Binding: state.BoundTo(r.IMEI),
				PreventUnbind: rapid.IntRange(0, 5).Draw(t, "prevented") == 0,
			})
		}
	}
	drawFleet(t, in, len(carrier.cards))
	for _, card := range slices.Sorted(maps.Keys(carrier.cards)) {
		in.Live = append(in.Live, carrier.told(card))
	}
	return in, carrier
}

// drawFleet draws what is wanted of up to n cards.
func drawFleet(t *rapid.T, in plan.Input, n int) {
	f := in.Fleet
	f.Cards, f.Removed, f.Approvals = nil, nil, nil
	f.Policy = spec.Policy{OnRemove: rapid.SampledFrom([]spec.Kind{"", spec.Unbind, spec.Stop, spec.Forget}).Draw(t, "on_remove")}
	hundred := 100.0
	f.Policy.Limits = []spec.Limit{{Kind: spec.Removals, Percent: &hundred}, {Kind: spec.Stop, Percent: &hundred}}
	devices := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "devices")
	approval := spec.Approval{Name: "all", Action: spec.Unbind}
	for i := range n {
		iccid := cardOf(i)
		approval.Cards = append(approval.Cards, spec.ApprovedCard{ICCID: iccid, IMEI: device(i)})
		switch rapid.IntRange(0, 7).Draw(t, "declared") {
		case 0:
			continue
		case 1:
			f.Removed = append(f.Removed, spec.Removed{ICCID: iccid})
			continue
		}
		c := spec.Card{Provider: aliyun, ICCID: iccid, Block: &spec.Block{Name: fmt.Sprintf("c%02d", i)}}
		c.Active = rapid.SampledFrom([]spec.Switch{spec.Unset, spec.On, spec.Off}).Draw(t, "active")
		c.PreventUnbind = rapid.IntRange(0, 3).Draw(t, "prevent_unbind") == 0
		switch rapid.IntRange(0, 3).Draw(t, "device") {
		case 0:
			c.Bound = spec.Off
		case 1, 2:
			c.IMEI, c.CurrentIMEI = device(devices[i]), device(i)
		}
		c.Packages = rapid.SampledFrom([][]string{nil, {}, {"10002"}, {"10003"}}).Draw(t, "packages")
		f.Cards = append(f.Cards, c)
	}
	if rapid.Bool().Draw(t, "approved") {
		f.Approvals = []spec.Approval{approval}
	}
}

// edit changes values of a saved plan, field by field, and gives it a digest
// that fits.
func edit(t *rapid.T, saved *plan.Plan, cards int) []byte {
	var b bytes.Buffer
	if _, err := plan.Write(&b, saved); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	var lines []any
	for line := range strings.Lines(text.String()) {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, v)
	}
	lines = lines[:len(lines)-1]
	for range rapid.IntRange(0, 6).Draw(t, "edits") {
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		lines[i] = editValue(t, lines[i], cards)
	}
	if len(lines) > 1 && rapid.IntRange(0, 4).Draw(t, "a line less") == 0 {
		i := rapid.IntRange(1, len(lines)-1).Draw(t, "line that goes")
		lines = slices.Delete(lines, i, i+1)
	}
	var out bytes.Buffer
	for _, line := range lines {
		raw, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(raw, '\n'))
	}
	sum := sha256.Sum256(out.Bytes())
	fmt.Fprintf(&out, "{\"digest\":\"sha256:%s\"}\n", hex.EncodeToString(sum[:]))
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	return enc.EncodeAll(out.Bytes(), nil)
}

// editValue changes one value somewhere in v.
func editValue(t *rapid.T, v any, cards int) any {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if len(keys) == 0 {
			return v
		}
		key := rapid.SampledFrom(keys).Draw(t, "field")
		if rapid.IntRange(0, 9).Draw(t, "field goes") == 0 {
			delete(v, key)
			return v
		}
		v[key] = editValue(t, v[key], cards)
		return v
	case []any:
		if len(v) == 0 {
			return v
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "element")
		switch rapid.IntRange(0, 5).Draw(t, "list") {
		case 0:
			return slices.Delete(v, i, i+1)
		case 1:
			return append(v, v[i])
		}
		v[i] = editValue(t, v[i], cards)
		return v
	case bool:
		return !v
	case float64:
		return rapid.SampledFrom([]float64{0, 1, 2, 7, 1e6}).Draw(t, "number")
	case string:
		return rapid.SampledFrom([]string{
			"", "l", "aliyun", "aliyun.east", "10002", "10003", "a1", "a2", "a9", "card.c00", "active", "closed", "suspended-by-owner",
			"unbind", "change-bind", "stop", "resume", "subscribe", "unsubscribe", "forget", "adopt", "-target=x",
			string(device(0)), string(device(1)), string(device(5)), string(device(9)),
			string(cardOf(rapid.IntRange(0, cards).Draw(t, "card"))),
			"2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z",
		}).Draw(t, "text")
	default:
		return v
	}
}

// drawSaved draws a case and its plan, and perhaps what was merged since. A fleet of which
// no plan is made is drawn anew: to skip is rapid's word for that, and leaves no test out.
func drawSaved(t *rapid.T) (plan.Input, *recorder, *plan.Plan) {
	in, carrier := drawCase(t)
	saved, diags := plan.Make(in)
	if diags.HasErrors() {
		t.Skip("no plan is made of that fleet")
	}
	if rapid.Bool().Draw(t, "another configuration was merged") {
		drawFleet(t, in, len(carrier.cards))
	}
	return in, carrier, saved
}

// A plan file that somebody edited or exchanged can do nothing that the present
// configuration doesn't want: each call of its apply is one that a plan of the
// present, with all that is live read anew, has too.
func TestNoSavedPlanHoweverEditedMakesACallThatIsNotWanted(t *testing.T) {
	made := 0
	rapid.Check(t, func(t *rapid.T) {
		in, carrier, saved := drawSaved(t)
		loaded, _, err := plan.Read(bytes.NewReader(edit(t, saved, len(carrier.cards))))
		if err != nil {
			return // refused as a whole
		}
		wanted, protected := wantedCalls(in)
		kept, diags := plan.Keep(loaded, in)
		if diags.HasErrors() {
			t.Fatalf("a plan of cards alone has a mistake: %v", diags)
		}
		o := apply.Options{
			Plan: kept.Plan, Memory: apply.MemoryIn(in.Prior, state.Edits{}), Providers: map[spec.ProviderName]providers.Provider{aliyun: carrier}, Journal: &memory{},
			Now: func() time.Time { return start }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		}
		if stuck := waitingForEver(kept.Plan); len(stuck) > 0 {
			t.Fatalf("these wait for ever: %v", stuck)
		}
		report := apply.Run(context.Background(), o)
		for _, call := range carrier.calls {
			if !wanted[call] {
				t.Fatalf("the call %q isn't wanted; wanted are %v", call, slices.Sorted(maps.Keys(wanted)))
			}
			if card, unbind, _ := strings.Cut(call, " unbind"); unbind != "" && protected[card] {
				t.Fatalf("the call %q is prevented", call)
			}
		}
		n := 0
		for i := range loaded.Cards {
			n += len(loaded.Cards[i].Actions)
		}
		if got := report.Len() + len(kept.Left); got != n {
			t.Fatalf("the plan has %d actions, and %d have an outcome", n, got)
		}
		made += len(carrier.calls)
	})
	if made == 0 {
		t.Fatal("no call was made at all, which proves nothing")
	}
}

// waitingForEver are the plan's actions whose needs never come to an end.
func waitingForEver(p *plan.Plan) []string {
	open := map[string][]string{}
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			open[a.ID] = a.Needs
		}
	}
	for before := -1; before != len(open); {
		before = len(open)
		for id, needs := range open {
			if !slices.ContainsFunc(needs, func(need string) bool { _, is := open[need]; return is }) {
				delete(open, id)
			}
		}
	}
	var stuck []string
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			if _, is := open[a.ID]; is {
				stuck = append(stuck, fmt.Sprintf("%s %s %s needs %v", p.Cards[i].Address, a.ID, a.Change, a.Needs))
			}
		}
	}
	return stuck
}

// wantedCalls are the calls that the present configuration wants, with their
// approvals, by all that is live; and the cards that prevent an unbind. A change
// of binding is wanted where a plan has it, or where no card of the state has
// its device: what stands in the way of a call is more than that it isn't asked
// for.
func wantedCalls(in plan.Input) (calls, protected map[string]bool) {
	calls, protected = map[string]bool{}, map[string]bool{}
	holds := map[spec.IMEI]spec.ICCID{}
	for i := range in.Prior.Cards {
		holds[in.Prior.Cards[i].Binding.IMEI] = in.Prior.Cards[i].ICCID
	}
	approves := len(in.Fleet.Approvals) > 0
	add := func(p *plan.Plan, planned bool) {
		for i := range p.Cards {
			c := &p.Cards[i]
			for _, a := range c.Actions {
				holder := holds[spec.IMEI(a.To)]
				free := a.Kind != spec.ChangeBind || holder == "" || holder == c.ICCID
				if a.Kind.CallsCarrier() && (a.Kind != spec.Unbind || approves) && (planned || free) {
					calls[callName(c.ICCID, a.Change)] = true
				}
			}
		}
	}
	asked, _ := plan.Diff(in)
	add(asked, false)
	if made, diags := plan.Make(in); !diags.HasErrors() {
		add(made, true)
	} else {
		add(asked, true) // a mistake elsewhere leaves it open which of them are in the way of others
	}
	for i := range in.Fleet.Cards {
		if c := &in.Fleet.Cards[i]; c.PreventUnbind {
			protected[string(c.ICCID)] = true
		}
	}
	return calls, protected
}
