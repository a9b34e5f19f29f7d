package plan_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func unbinding() plan.Input {
	return scene{wanted: card(func(c *spec.Card) { c.Bound = spec.Off }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}.input()
}

func approval(change func(*spec.Approval)) spec.Approval {
	a := spec.Approval{Name: "rma", Action: spec.Unbind, Cards: []spec.ApprovedCard{{ICCID: kiosk, IMEI: deviceA}}, Expires: now.Add(time.Hour)}
	if change != nil {
		change(&a)
	}
	return a
}

func TestAnUnbindNeedsAnApprovalOfExactlyThatCardAndDevice(t *testing.T) {
	for name, row := range map[string]struct {
		approvals []spec.Approval
		flags     []spec.ApprovedCard
		policy    spec.Policy
		approved  bool
		denial    string
	}{
		"none":                 {denial: "no approval names this card"},
		"block":                {approvals: []spec.Approval{approval(nil)}, approved: true},
		"flag":                 {flags: []spec.ApprovedCard{{ICCID: kiosk, IMEI: deviceA}}, approved: true},
		"flag, another":        {flags: []spec.ApprovedCard{{ICCID: scale, IMEI: deviceA}}, denial: "no approval names this card"},
		"flag, another device": {flags: []spec.ApprovedCard{{ICCID: kiosk, IMEI: deviceB}}, denial: "-approve-unbind is for device 861536030196019, but the card is bound to 861536030196001"},
		"another device":       {approvals: []spec.Approval{approval(func(a *spec.Approval) { a.Cards[0].IMEI = deviceB })}, denial: `approval "rma" is for device 861536030196019, but the card is bound to 861536030196001`},
		"same device, 14 digits": {
			approvals: []spec.Approval{approval(func(a *spec.Approval) { a.Cards[0].IMEI = deviceA[:14] })}, approved: true,
		},
		"expired":       {approvals: []spec.Approval{approval(func(a *spec.Approval) { a.Expires = now })}, denial: `approval "rma" expired on 2026-11-21 20:46 UTC`},
		"never expires": {approvals: []spec.Approval{approval(func(a *spec.Approval) { a.Expires = time.Time{} })}, approved: true},
		"two needed":    {approvals: []spec.Approval{approval(nil)}, policy: spec.Policy{RequiredApprovals: 2}, denial: "1 of 2 approvals"},
		"two in one block": {
			approvals: []spec.Approval{approval(func(a *spec.Approval) {
				a.Cards = append(a.Cards, spec.ApprovedCard{ICCID: kiosk[:19], IMEI: deviceA[:14]})
			})},
			policy: spec.Policy{RequiredApprovals: 2}, denial: `1 of 2 approvals; approval "rma" names this card more than once, which counts once`,
		},
		"one flag thrice": {
			flags:  []spec.ApprovedCard{{ICCID: kiosk, IMEI: deviceA}, {ICCID: kiosk[:19], IMEI: deviceA}, {ICCID: kiosk, IMEI: deviceA[:14]}},
			policy: spec.Policy{RequiredApprovals: 2}, denial: "1 of 2 approvals; -approve-unbind names this card more than once, which counts once",
		},
		"one of two expired": {
			approvals: []spec.Approval{approval(nil), approval(func(a *spec.Approval) { a.Name, a.Expires = "old", now })},
			policy:    spec.Policy{RequiredApprovals: 2}, denial: `1 of 2 approvals; approval "old" expired on 2026-11-21 20:46 UTC`,
		},
		"two given":          {approvals: []spec.Approval{approval(nil)}, flags: []spec.ApprovedCard{{ICCID: kiosk, IMEI: deviceA}}, policy: spec.Policy{RequiredApprovals: 2}, approved: true},
		"signers demanded":   {approvals: []spec.Approval{approval(nil)}, policy: spec.Policy{AllowedSigners: "allowed_signers"}, denial: "the policy names allowed_signers, so only signed approvals count, and there is none"},
		"for another action": {approvals: []spec.Approval{approval(func(a *spec.Approval) { a.Action = spec.Stop })}, denial: `approval "rma" is for stop, not for unbind`},
	} {
		t.Run(name, func(t *testing.T) {
			in := unbinding()
			in.Fleet.Approvals, in.Fleet.Policy, in.Approvals.Unbind = row.approvals, row.policy, row.flags
			p, diags := plan.Make(in)
			require.False(t, diags.HasErrors(), "a block of another action is a warning")
			a := p.Cards[0].Actions[0]
			assert.True(t, a.Guarded)
			assert.Equal(t, row.approved, a.Approved)
			assert.Equal(t, row.denial, a.Denial)
			assert.Equal(t, row.approved, len(p.Unapproved()) == 0)
		})
	}
}

func TestAGuardedStopNeedsAnApprovalToo(t *testing.T) {
	in := scene{wanted: card(func(c *spec.Card) { c.Active = spec.Off }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}.input()
	in.Fleet.Policy.Guard = []spec.Kind{spec.Stop, spec.Unbind}
	p, _ := plan.Make(in)
	assert.True(t, p.Cards[0].Actions[0].Guarded)
	assert.NotEmpty(t, p.Unapproved())
}

// fleetOf is a fleet of n cards of which so many are to be stopped.
func fleetOf(n, stops int, policy spec.Policy) plan.Input {
	var moves []move
	for range n {
		moves = append(moves, move{"c", "A", "A"})
	}
	in := moving(spec.ProviderConfig{Name: aliyun}, moves...)
	in.Fleet.Policy = policy
	for i := range n {
		in.Fleet.Cards[i].IMEI = ""
		in.Fleet.Cards[i].Active = spec.SwitchOf(i >= stops)
	}
	return in
}

func TestLimitsAreStrict(t *testing.T) {
	five, thirty, half := 5, 30.0, 50.0
	for name, row := range map[string]struct {
		n, stops int
		policy   spec.Policy
		want     []string
	}{
		"default, 30%":            {10, 3, spec.Policy{}, nil},
		"default, over 30%":       {10, 4, spec.Policy{}, []string{"30% of 10 cards"}},
		"default, small fleet":    {9, 9, spec.Policy{}, nil},
		"own limit, at it":        {10, 5, spec.Policy{Limits: []spec.Limit{{Kind: spec.Stop, Count: &five}}}, nil},
		"own limit, over it":      {10, 6, spec.Policy{Limits: []spec.Limit{{Kind: spec.Stop, Count: &five}}}, []string{"5"}},
		"own percent":             {10, 5, spec.Policy{Limits: []spec.Limit{{Kind: spec.Stop, Percent: &half}}}, nil},
		"small fleet, own limit":  {4, 2, spec.Policy{Limits: []spec.Limit{{Kind: spec.Stop, Percent: &thirty}}}, []string{"30% of 4 cards"}},
		"one provider's, over it": {10, 3, spec.Policy{Limits: []spec.Limit{{Kind: spec.Stop, Provider: aliyun, Count: new(int)}}}, []string{"0"}},
		"another provider's":      {10, 3, spec.Policy{Limits: []spec.Limit{{Kind: spec.Stop, Provider: "xuyu", Count: new(int)}}}, nil},
		"any kind":                {20, 6, spec.Policy{Limits: []spec.Limit{{Kind: spec.AnyKind, Count: &five}}}, []string{"5"}},
		"any kind keeps defaults": {10, 5, spec.Policy{Limits: []spec.Limit{{Kind: spec.AnyKind, Count: &five}}}, []string{"30% of 10 cards"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, diags := plan.Make(fleetOf(row.n, row.stops, row.policy))
			require.Empty(t, diags)
			var got []string
			for _, l := range p.Limits {
				got = append(got, l.Allowed)
			}
			assert.Equal(t, row.want, got)
		})
	}
}

func TestCosts(t *testing.T) {
	in := scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI, c.Packages = spec.On, deviceB, []string{"10002"} }), memory: boundTo(deviceA), live: reads(spec.SuspendedByOwner, "停机", withPackages())}.input()
	p, _ := plan.Make(in)
	// resume: read, change; subscribe: status, packages, change; change-bind: exist, post, change.
	assert.Equal(t, []plan.Cost{{Provider: aliyun, Calls: 2 + 3 + 3, PerSecond: 20}}, p.Costs)
}

func TestAPlanFileHoldsThePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fleetOf(rapid.IntRange(0, 30).Draw(t, "n"), rapid.IntRange(0, 30).Draw(t, "stops")%31, spec.Policy{})
		p, _ := plan.Make(in)
		var b bytes.Buffer
		digest, err := plan.Write(&b, p)
		if err != nil {
			t.Fatal(err)
		}
		got, read, err := plan.Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		if read != digest || plan.Digest(got) != digest {
			t.Fatalf("digests %s, %s, %s", digest, read, plan.Digest(got))
		}
	})
}

func TestADamagedPlanFileIsRefused(t *testing.T) {
	p, _ := plan.Make(unbinding())
	var b bytes.Buffer
	_, err := plan.Write(&b, p)
	require.NoError(t, err)
	plain := unzip(t, b.Bytes())

	for name, row := range map[string]struct{ text, want string }{
		"another device": {strings.ReplaceAll(plain, string(deviceA), string(deviceB)), "changed after it was saved"},
		"approved":       {strings.Replace(plain, `"approved":false`, `"approved":true`, 1), "changed after it was saved"},
		"cut off":        {plain[:len(plain)-40], "cut off"},
		"a line less":    {plain[:strings.LastIndex(plain[:len(plain)-1], "\n")+1], "cut off"},
		"newer":          {strings.Replace(plain, `"version":2`, `"version":3`, 1), "reads format 2"},
		"not a plan":     {"hello\n", "not a saved plan"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := plan.Read(bytes.NewReader(zip(t, row.text)))
			require.ErrorContains(t, err, row.want)
		})
	}
	_, _, err = plan.Read(strings.NewReader("card \"x\" {}\n"))
	require.ErrorIs(t, err, plan.ErrNotAPlan)
}

func zip(t *testing.T, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return w.EncodeAll([]byte(text), nil)
}

func unzip(t *testing.T, b []byte) string {
	t.Helper()
	r, err := zstd.NewReader(nil)
	require.NoError(t, err)
	defer r.Close()
	out, err := r.DecodeAll(b, nil)
	require.NoError(t, err)
	return string(out)
}

func TestTheKeyOfAnActionStaysTheSameWhileItIsInDoubt(t *testing.T) {
	wants := card(func(c *spec.Card) { c.Packages = []string{"10002"} })
	long := now.Add(-time.Hour)
	in := scene{wanted: wants, memory: remembered(func(c *state.Card) {
		c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}, Key: "0123456789abcdef0123456789abcdef", Since: long, CarrierSince: long}}
	}), live: reads(spec.Active, "正常", withPackages())}.input()
	in.Live[0].CarrierAt = now
	p, _ := plan.Make(in)
	require.Len(t, p.Cards, 1)
	require.Len(t, p.Cards[0].Actions, 1)
	assert.Equal(t, "0123456789abcdef0123456789abcdef", p.Cards[0].Actions[0].Key)

	in.Prior.Cards[0].Doubts = nil
	first, _ := plan.Make(in)
	in.Now = in.Now.Add(time.Second)
	second, _ := plan.Make(in)
	assert.NotEqual(t, first.Cards[0].Actions[0].Key, second.Cards[0].Actions[0].Key, "another plan is another purchase")
}

func TestAPlanSaysWhoApprovedAndWhy(t *testing.T) {
	in := unbinding()
	in.Fleet.Policy.RequiredApprovals = 3
	in.Fleet.Approvals = []spec.Approval{approval(func(a *spec.Approval) { a.Reason = "returned" })}
	in.Approvals.Unbind = []spec.ApprovedCard{{ICCID: kiosk, IMEI: deviceA}}
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	a := p.Cards[0].Actions[0]
	assert.Equal(t, []plan.Approved{{By: "rma", Reason: "returned", Until: now.Add(time.Hour)}, {By: "-approve-unbind"}}, a.Approvals)
	assert.Equal(t, "2 of 3 approvals", a.Denial, "they are shown though they aren't enough")
	assert.False(t, a.Approved)
}

func TestASavedPlanKnowsThatOnlySignersCount(t *testing.T) {
	in := unbinding()
	in.Fleet.Policy.AllowedSigners, in.Fleet.Policy.RequiredApprovals = "allowed_signers", 2
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	var b bytes.Buffer
	_, err := plan.Write(&b, p)
	require.NoError(t, err)
	again, _, err := plan.Read(&b)
	require.NoError(t, err)
	assert.True(t, again.Policy.SignersOnly)
	assert.Equal(t, p.Policy, again.Policy)
}

// The device that an approval names stays what it is held to.
func TestAnApprovalNamesACardWithItsCheckDigitOrWithoutIt(t *testing.T) {
	for approved, counts := range map[spec.ICCID]bool{kiosk: true, kiosk[:19]: true, kiosk[:19] + "7": false} {
		in := scene{memory: boundTo(deviceA), live: reads(spec.Active, "ok")}.input()
		in.Fleet.Approvals = []spec.Approval{{Name: "rma", Action: spec.Unbind, Cards: []spec.ApprovedCard{{ICCID: approved, IMEI: deviceA}}}}
		p, diags := plan.Make(in)
		require.False(t, diags.HasErrors())
		assert.Equal(t, counts, p.Cards[0].Actions[0].Approved, "%s", approved)
	}
}

// An approval of a first binding names the device that the card gets: there is no
// other to name.
func TestAGuardedFirstBindingIsApprovedByItsDevice(t *testing.T) {
	then := bindsFirst()
	then.policy = spec.Policy{Guard: []spec.Kind{spec.ChangeBind}}
	for device, want := range map[spec.IMEI]string{deviceB: "", deviceC: "is for device " + string(deviceC) + ", but the card is bound to none, and is to get " + string(deviceB)} {
		in := then.input()
		in.Fleet.Approvals = []spec.Approval{{Name: "first", Action: spec.ChangeBind, Cards: []spec.ApprovedCard{{ICCID: kiosk, IMEI: device}}}}
		p, diags := plan.Make(in)
		require.Empty(t, diags)
		a := p.Cards[0].Actions[0]
		assert.True(t, a.Guarded)
		assert.Equal(t, want == "", a.Approved, "%s", a.Denial)
		assert.Contains(t, a.Denial, want)
	}
}

// words are what people may say of a card's unbind, in whichever spelling: in
// blocks and by the option where none of the policy's signers are asked.
func words(t *rapid.T) (sources map[string]bool, blocks []spec.Approval, flags []spec.ApprovedCard) {
	spelled := rapid.Custom(func(t *rapid.T) spec.ApprovedCard {
		return spec.ApprovedCard{
			ICCID: rapid.SampledFrom([]spec.ICCID{kiosk, kiosk[:19]}).Draw(t, "iccid"),
			IMEI:  rapid.SampledFrom([]spec.IMEI{deviceA, deviceA[:14], deviceA[:14] + "03"}).Draw(t, "imei"),
		}
	})
	others := rapid.SampledFrom([]spec.ApprovedCard{{ICCID: kiosk, IMEI: deviceB}, {ICCID: scale, IMEI: deviceA}, {ICCID: kiosk[:19] + "7", IMEI: deviceA}})
	sources = map[string]bool{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "A", "-approve-unbind", "\"a\""}), 0, 4, rapid.ID).Draw(t, "blocks") {
		cards := rapid.SliceOfN(spelled, 0, 4).Draw(t, name)
		if len(cards) > 0 {
			sources["block "+name] = true
		}
		blocks = append(blocks, spec.Approval{Name: name, Action: spec.Unbind, Cards: append(cards, rapid.SliceOfN(others, 0, 2).Draw(t, "of others")...)})
	}
	flags = rapid.SliceOfN(spelled, 0, 4).Draw(t, "flags")
	if len(flags) > 0 {
		sources["option"] = true
	}
	return sources, blocks, append(flags, rapid.SliceOfN(others, 0, 2).Draw(t, "flags of others")...)
}

// However often, wherever and in whichever spelling a block or the option names a
// card, it is one approval, of a plan and of a saved one.
func TestEachSourceIsOneApproval(t *testing.T) {
	var saved bytes.Buffer
	fresh, _ := plan.Make(unbinding())
	_, err := plan.Write(&saved, fresh)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		in := unbinding()
		var sources map[string]bool
		sources, in.Fleet.Approvals, in.Approvals.Unbind = words(t)
		in.Fleet.Policy.RequiredApprovals = rapid.IntRange(1, 4).Draw(t, "required")
		holds := func(what string, a *plan.Action) {
			if len(a.Approvals) != len(sources) || a.Approved != (len(sources) >= in.Fleet.Policy.RequiredApprovals) {
				t.Fatalf("%s: %d sources gave %v of %d, approved: %t", what, len(sources), a.Approvals, in.Fleet.Policy.RequiredApprovals, a.Approved)
			}
		}
		p, _ := plan.Make(in)
		holds("a plan", &p.Cards[0].Actions[0])
		kept, _ := plan.Keep(fresh, in)
		holds("a saved plan", &kept.Plan.Cards[0].Actions[0])
		file, err := plan.Open(bytes.NewReader(saved.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		held, _, err := plan.KeepFile(file, in)
		if err != nil {
			t.Fatal(err)
		}
		_ = held.Each(func(_ int, c *plan.Card) error {
			holds("a saved plan, card by card", &c.Actions[0])
			return nil
		})
	})
}
