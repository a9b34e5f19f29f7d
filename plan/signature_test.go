package plan_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const lineage = "3f0c0a52-0000-4000-8000-000000000001"

// keyOf is a person's key, the same each time.
func keyOf(t testing.TB, name string) ssh.Signer {
	seed := sha256.Sum256([]byte(name))
	key, err := ssh.NewSignerFromSigner(ed25519.NewKeyFromSeed(seed[:]))
	require.NoError(t, err)
	return key
}

// listOf is an allowed_signers file of these people.
func listOf(t testing.TB, names ...string) *signers.List {
	var file strings.Builder
	for _, name := range names {
		file.WriteString(name + " " + string(ssh.MarshalAuthorizedKey(keyOf(t, name).PublicKey())))
	}
	list, err := signers.Parse([]byte(file.String()))
	require.NoError(t, err)
	return list
}

// entryOf is a text with the signature of a person, as a file of approvals holds it.
func entryOf(t testing.TB, name string, text []byte) string {
	armored, err := signers.Sign(text, keyOf(t, name), plan.Namespace)
	require.NoError(t, err)
	return string(text) + string(armored)
}

// signable is an unbind that wants so many signatures of alice, bob and carol,
// of a card that was changed an hour ago.
func signable(t testing.TB, required int) plan.Input {
	in := unbinding()
	in.Fleet.Policy = spec.Policy{AllowedSigners: "allowed_signers", RequiredApprovals: required}
	in.Approvals.Signers = listOf(t, "alice", "bob", "carol")
	in.Prior.Lineage = lineage
	in.Prior.Cards[0].Changed = now.Add(-time.Hour)
	return in
}

// textOf is the text that approves what is planned, after a change to it.
func textOf(t testing.TB, in plan.Input, change func(*plan.ApprovalText)) []byte {
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	text, guarded := p.ApprovalText(now.Add(14*24*time.Hour), "returned, RMA-7")
	require.True(t, guarded)
	if change != nil {
		change(&text)
	}
	return text.Bytes()
}

// denialOf plans with a file of approvals, and says why the unbind is denied.
func denialOf(t testing.TB, in plan.Input, file string) string {
	in.Approvals.Signatures = []byte(file)
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	a := p.Cards[0].Actions[0]
	require.Equal(t, a.Denial == "", a.Approved)
	return a.Denial
}

func TestTheTextOfAnApprovalIsToTheLetter(t *testing.T) {
	assert.Equal(t, "cardfleet approval v2\nfleet "+lineage+"\nuntil 2026-12-05T20:46:47Z\nreason returned, RMA-7\n"+
		"unbind aliyun "+string(kiosk)+" "+string(deviceA)+" - since 2026-11-21T19:46:47Z\n\n", string(textOf(t, signable(t, 1), nil)))

	in := signable(t, 1)
	in.Prior.Lineage, in.Prior.Cards[0].Changed = "", time.Time{}
	bare := textOf(t, in, func(text *plan.ApprovalText) { text.Reason = "" })
	assert.Equal(t, "cardfleet approval v2\nfleet none\nuntil 2026-12-05T20:46:47Z\nunbind aliyun "+string(kiosk)+" "+string(deviceA)+" - since -\n\n", string(bare))

	text := plan.ApprovalText{Fleet: "f", Until: now, Carriers: []plan.CarrierDigest{{Name: "acme", Digest: "sha256:00"}}, Actions: []string{"a"}}
	assert.Equal(t, "cardfleet approval v2\nfleet f\nuntil 2026-11-21T20:46:47Z\ncarrier acme sha256:00\na\n\n", string(text.Bytes()))
}

func TestActionsStandInByteOrder(t *testing.T) {
	in := fleetOf(12, 12, spec.Policy{Guard: []spec.Kind{spec.Stop}, Limits: []spec.Limit{}})
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	text, guarded := p.ApprovalText(now, "")
	require.True(t, guarded)
	assert.Len(t, text.Actions, 12)
	assert.IsIncreasing(t, text.Actions)
}

func TestASignatureCountsForJustWhatItSays(t *testing.T) {
	in := signable(t, 1)
	plain := textOf(t, in, nil)
	changed := func(change func(*plan.ApprovalText)) string { return entryOf(t, "alice", textOf(t, in, change)) }
	action := "unbind aliyun " + string(kiosk) + " " + string(deviceA) + " -"
	replaced := func(old, by string) string { return strings.Replace(entryOf(t, "alice", plain), old, by, 1) }
	for name, row := range map[string]struct{ file, denial string }{
		"as it is":           {entryOf(t, "alice", plain), ""},
		"comments before it": {"# alice, for RMA-7\n\n" + entryOf(t, "alice", plain), ""},
		"ends in a second":   {changed(func(x *plan.ApprovalText) { x.Until = now.Add(time.Second) }), ""},
		"ends right now":     {changed(func(x *plan.ApprovalText) { x.Until = now }), "the signature of alice ended on 2026-11-21 20:46 UTC"},
		"ends at the limit":  {changed(func(x *plan.ApprovalText) { x.Until = now.Add(720 * time.Hour) }), ""},
		"ends too late": {changed(func(x *plan.ApprovalText) { x.Until = now.Add(720*time.Hour + time.Second) }),
			"the signature of alice ends on 2026-12-21 20:46 UTC, further ahead than the policy's approval_max_age of 720h0m0s allows"},
		"another fleet": {changed(func(x *plan.ApprovalText) { x.Fleet = "other" }), "the signature of alice is for the fleet of lineage other, not for this one, " + lineage},
		"no fleet yet":  {changed(func(x *plan.ApprovalText) { x.Fleet = "" }), "the signature of alice is for the fleet of lineage none, not for this one, " + lineage},
		"one action more": {changed(func(x *plan.ApprovalText) { x.Actions = append(x.Actions, "unbind aliyun 9 9 - since -") }),
			`the signature of alice is over other guarded actions than this plan's: also over "unbind aliyun 9 9 -"`},
		"another action": {changed(func(x *plan.ApprovalText) { x.Actions = []string{"unbind aliyun 9 9 - since -"} }),
			`the signature of alice is over other guarded actions than this plan's: not over "` + action + `"`},
		"the card changed since": {changed(func(x *plan.ApprovalText) { x.Actions[0] = action + " since 2026-11-01T00:00:00Z" }),
			"the signature of alice is spent: a card has changed since it was signed (" + action + ": signed as it was since 2026-11-01T00:00:00Z, and it is so since 2026-11-21T19:46:47Z)"},
		"a carrier that isn't in the plan": {changed(func(x *plan.ApprovalText) { x.Carriers = []plan.CarrierDigest{{"acme", "sha256:00"}} }), "the signature of alice is over other definitions of carriers than this plan's"},
		"actions twice":                    {changed(func(x *plan.ApprovalText) { x.Actions = append(x.Actions, x.Actions[0]) }), "the signature of alice is over other guarded actions than this plan's"},
		"nobody's key":                     {entryOf(t, "mallory", plain), "it is by key " + ssh.FingerprintSHA256(keyOf(t, "mallory").PublicKey()) + ", which is nobody's in allowed_signers"},
		"no text":                          {strings.TrimPrefix(entryOf(t, "alice", plain), string(plain)), "the text that alice signed is missing: it stands before the signature (cat text text.sig)"},
		"text changed":                     {replaced("until 2026-12-05", "until 2026-12-06"), "the signature of alice is over another text than the one before it: the text was changed since, or alice signed another"},
		"text of another":                  {entryOf(t, "bob", textOf(t, in, func(x *plan.ApprovalText) { x.Until = now }))[:len(plain)] + strings.TrimPrefix(entryOf(t, "alice", plain), string(plain)), ""},
		"CRLF": {strings.ReplaceAll(entryOf(t, "alice", plain), "\n", "\r\n"),
			"a signature can't be read: the file's lines end with CRLF, but what was signed ends them with LF. Where git changed them, write *.approvals -text into .gitattributes"},
		"odd text, signed": {entryOf(t, "alice", []byte("cardfleet approval v2\nfleet "+lineage+"\nuntil 2026-12-05T20:46:47Z\n"+action+" since 2026-11-21T19:46:47Z\n\n\n")), "the signature of alice doesn't count: its text isn't written as approve writes it"},
		"garbage":          {"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n", "a signature can't be read: ssh: short read"},
		"empty":            {"", "the policy names allowed_signers, so only signed approvals count, and there is none"},
		"cut off":          {entryOf(t, "alice", plain)[:300], ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := denialOf(t, in, row.file)
			switch name {
			case "text of another":
				assert.Contains(t, got, "is over another text than the one before it")
			case "cut off", "garbage":
				assert.Contains(t, got, "a signature can't be read")
			default:
				assert.Equal(t, row.denial, got)
			}
		})
	}
}

func TestAFirstFormSignatureSaysToSignAgain(t *testing.T) {
	armored, err := signers.Sign([]byte("cardfleet approval v1\nunbind aliyun\n"), keyOf(t, "alice"), "cardfleet-approval@v1")
	require.NoError(t, err)
	assert.Equal(t, "a signature is of the first form, which had no end, so it counts no longer: sign the plan again with cardfleet approve",
		denialOf(t, signable(t, 1), string(armored)))
}

func TestEachPersonCountsOnceWhateverTheyWrote(t *testing.T) {
	in := signable(t, 2)
	one := textOf(t, in, nil)
	other := textOf(t, in, func(x *plan.ApprovalText) { x.Reason, x.Until = "again", now.Add(time.Hour) })
	assert.Equal(t, "1 of 2 approvals (alice); alice signed twice, which counts once", denialOf(t, in, entryOf(t, "alice", one)+entryOf(t, "alice", other)))
	assert.Empty(t, denialOf(t, in, entryOf(t, "alice", one)+entryOf(t, "bob", other)))

	in.Approvals.Signatures = []byte(entryOf(t, "alice", one) + entryOf(t, "bob", other))
	p, _ := plan.Make(in)
	assert.Equal(t, []plan.Approved{
		{By: "alice", Reason: "returned, RMA-7", Until: now.Add(14 * 24 * time.Hour), Fingerprint: ssh.FingerprintSHA256(keyOf(t, "alice").PublicKey())},
		{By: "bob", Reason: "again", Until: now.Add(time.Hour), Fingerprint: ssh.FingerprintSHA256(keyOf(t, "bob").PublicKey())},
	}, p.Cards[0].Actions[0].Approvals)
}

func TestHarmlessChangesDontVoidASignatureAndOneMoreUnbindDoes(t *testing.T) {
	in := signable(t, 1)
	file := entryOf(t, "alice", textOf(t, in, nil))
	more := func(change func(*spec.Card)) plan.Input {
		out := in
		fleet := *in.Fleet
		extra := spec.Card{Provider: aliyun, ICCID: scale, Block: &spec.Block{Name: "scale"}}
		change(&extra)
		fleet.Cards = append([]spec.Card{}, fleet.Cards...)
		fleet.Cards = append(fleet.Cards, extra)
		out.Fleet = &fleet
		out.Live = append(append([]spec.Reading{}, in.Live...), spec.Reading{Provider: aliyun, ICCID: scale, At: now, Lifecycle: spec.Active, Status: "正常", Has: spec.AttrActive})
		return out
	}
	assert.Empty(t, denialOf(t, more(func(c *spec.Card) { c.Active = spec.Off }), file))
	unbound := more(func(c *spec.Card) { c.Bound, c.CurrentIMEI = spec.Off, deviceB })
	assert.Equal(t, `the signature of alice is over other guarded actions than this plan's: not over "unbind aliyun `+string(scale)+" "+string(deviceB)+` -"`, denialOf(t, unbound, file))
}

// TestASavedPlanIsJudgedByTheStateOfTheMoment signs a saved plan, and has its
// card changed by another run before it is applied.
func TestASavedPlanIsJudgedByTheStateOfTheMoment(t *testing.T) {
	in := signable(t, 1)
	p, _ := plan.Make(in)
	in.Approvals.Signatures = []byte(entryOf(t, "alice", textOf(t, in, nil)))
	plan.Guard(p, in.Fleet, in.Prior, in.Approvals, now)
	require.Empty(t, p.Unapproved())

	later := state.Snapshot{Lineage: lineage, Cards: []state.Card{in.Prior.Cards[0]}}
	later.Cards[0].Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: now.Add(-time.Minute)}}
	plan.Guard(p, in.Fleet, &later, in.Approvals, now)
	assert.Contains(t, p.Cards[0].Actions[0].Denial, "a card has changed since it was signed")
	plan.Guard(p, in.Fleet, &state.Snapshot{Lineage: "other", Cards: in.Prior.Cards}, in.Approvals, now)
	assert.Contains(t, p.Cards[0].Actions[0].Denial, "is for the fleet of lineage "+lineage)
}

// TestASavedPlanCanBeLookedAtWithItsApprovals needs no configuration for it.
func TestASavedPlanCanBeLookedAtWithItsApprovals(t *testing.T) {
	in := signable(t, 1)
	p, _ := plan.Make(in)
	require.NotEmpty(t, p.Unapproved())
	file := []byte(entryOf(t, "alice", textOf(t, in, nil)))
	plan.Review(p, plan.Approvals{Signatures: file}, now)
	assert.Empty(t, p.Unapproved())
	plan.Review(p, plan.Approvals{Signatures: file, Signers: listOf(t, "bob")}, now)
	assert.Contains(t, p.Cards[0].Actions[0].Denial, "which is nobody's in allowed_signers", "signers from outside win")

	in.Fleet.Policy, in.Fleet.Approvals = spec.Policy{}, []spec.Approval{approval(nil)}
	p, _ = plan.Make(in)
	plan.Review(p, plan.Approvals{}, now)
	assert.Empty(t, p.Unapproved(), "an approval block counts as the plan says")
}

func FuzzApprovals(f *testing.F) {
	in := signable(f, 1)
	f.Add([]byte(entryOf(f, "alice", textOf(f, in, nil))))
	f.Add([]byte("cardfleet approval v2\nfleet none\nuntil 2026-12-05T20:46:47Z\n\n-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"))
	in.Approvals.Signers = listOf(f, "bob")
	f.Fuzz(func(t *testing.T, file []byte) {
		assert.NotEmpty(t, denialOf(t, in, string(file)), "nobody but bob signs, and he never did")
	})
}

// holder is a line of allowed_signers: a name, and whose key it lists.
type holder struct{ name, key string }

// peopleOf numbers the people of a list by looking at each pair of lines again and
// again: who shares a name, in any case, or a key is one person.
func peopleOf(list []holder) (person map[string]int) {
	person = map[string]int{} // by key
	for i, h := range list {
		person[h.key] = i
	}
	for range list {
		for _, a := range list {
			for _, b := range list {
				if strings.EqualFold(a.name, b.name) {
					least := min(person[a.key], person[b.key])
					person[a.key], person[b.key] = least, least
				}
			}
		}
	}
	return person
}

// However many keys, names, texts and signatures somebody has, it is one approval;
// and what nobody signed adds none.
func TestEachPersonIsOneApproval(t *testing.T) {
	one := textOf(t, signable(t, 1), nil)
	texts := [][]byte{one, textOf(t, signable(t, 1), func(x *plan.ApprovalText) { x.Reason = "again" })}
	keys := []string{"1", "2", "3", "4"}
	entries := map[string][]string{}
	for _, key := range keys {
		entries[key] = []string{entryOf(t, key, texts[0]), entryOf(t, key, texts[1])}
	}
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) holder {
			return holder{rapid.SampledFrom([]string{"alice", "ALICE", "bob", "carol"}).Draw(rt, "name"), rapid.SampledFrom(keys).Draw(rt, "key")}
		}), 1, 6).Draw(rt, "list")
		var lines, file strings.Builder
		for _, h := range list {
			lines.WriteString(h.name + " " + string(ssh.MarshalAuthorizedKey(keyOf(t, h.key).PublicKey())))
		}
		person, signed := peopleOf(list), map[int]bool{}
		for range rapid.IntRange(0, 8).Draw(rt, "signatures") {
			key := rapid.SampledFrom(keys).Draw(rt, "by")
			file.WriteString(rapid.SampledFrom(entries[key]).Draw(rt, "entry"))
			if who, listed := person[key]; listed {
				signed[who] = true
			}
		}
		in := signable(t, rapid.IntRange(1, 4).Draw(rt, "required"))
		_, in.Fleet.Approvals, in.Approvals.Unbind = words(rt)
		var err error
		in.Approvals.Signatures = []byte(file.String())
		if in.Approvals.Signers, err = signers.Parse([]byte(lines.String())); err != nil {
			rt.Fatal(err)
		}
		p, _ := plan.Make(in)
		a := p.Cards[0].Actions[0]
		if len(a.Approvals) != len(signed) || a.Approved != (len(signed) >= a.Required) {
			rt.Fatalf("%d people gave %v of %d, approved: %t", len(signed), a.Approvals, a.Required, a.Approved)
		}
	})
}
