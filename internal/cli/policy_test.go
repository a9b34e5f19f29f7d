package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAWeakerPolicyIsSeen changes policy and signers in one request, and looks
// at each rendering of the plan.
func TestAWeakerPolicyIsSeen(t *testing.T) {
	r, alice, _ := signing(t, "2")
	policy := r.read("main.fleet.hcl")
	r.write("main.fleet.hcl", strings.Replace(policy, "bound = false", `imei = "861536030196001"`, 1))
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))

	mallory := r.person("mallory")
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "required_approvals = 2", "required_approvals = 1\n    approval_max_age = \"1000h\"\n    limit \"stop\" { percent = 50 }", 1))
	r.write("allowed_signers", r.read("allowed_signers")+"mallory@example.com "+mallory.public+"\n")
	weaker := []string{
		"required_approvals 2 -> 1", "approval_max_age 720h0m0s -> 1000h0m0s", `limit "stop" percent 30 -> 50`,
		"signer mallory@example.com is new (" + fingerprint(t, mallory.public) + ")",
	}
	got := r.want(2, r.run("plan", "-detailed-exitcode", "-out=p.fleetplan"))
	assert.True(t, strings.HasPrefix(got.out, "The policy is weaker than at the last apply:\n\n  ! "+strings.Join(weaker, "\n  ! ")+"\n"), got.out)
	assert.Contains(t, got.out, "\nPlan: 0 to adopt, 0 to change-bind, 0 to unbind (0 of 0 approved), 0 to stop,")
	comment := r.want(0, r.run("show", "-markdown", "p.fleetplan")).out
	assert.Contains(t, comment, "a weaker policy")
	assert.Contains(t, comment, "> **The policy is weaker than at the last apply:**\n>\n> - `required_approvals` 2 → 1\n")
	assert.Contains(t, r.want(0, r.run("show", "-html", "p.fleetplan")).out, "required_approvals 2 -&gt; 1")
	assert.Contains(t, strings.Join(strings.Fields(r.want(0, r.run("show", "-json", "p.fleetplan")).out), " "), `"policy": { "weaker": [ "required_approvals 2 -> 1",`)
	assert.Contains(t, r.want(0, r.run("plan", "-json")).out, `"type":"policy"`)

	r.want(0, r.run("apply", "-auto-approve"))
	got = r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.NotContains(t, got.out, "weaker", "the apply recorded what it was shown, with nothing else to do")

	// What is stronger is no news, and what was stronger is weaker again later.
	r.write("allowed_signers", "alice@example.com "+alice.public+"\n")
	r.want(0, r.run("plan", "-detailed-exitcode"))
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("allowed_signers", "alice@example.com "+alice.public+"\nmallory@example.com "+mallory.public+"\n")
	assert.Contains(t, r.want(2, r.run("plan", "-detailed-exitcode")).out, "signer mallory@example.com is new")
	r.write("outside", "alice@example.com "+alice.public+"\n")
	r.want(0, r.run("plan", "-detailed-exitcode", "-allowed-signers=outside"))
	r.env["CARDFLEET_ALLOWED_SIGNERS"] = "outside"
	r.want(0, r.run("plan", "-detailed-exitcode"))
	delete(r.env, "CARDFLEET_ALLOWED_SIGNERS")

	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "allowed_signers    =", "# ", 1))
	assert.Contains(t, r.want(2, r.run("plan", "-detailed-exitcode")).out, "allowed_signers is gone: unsigned approvals count")
}

// TestSignersFromOutsideWin has the pull request name its author as a signer.
func TestSignersFromOutsideWin(t *testing.T) {
	r, alice, _ := signing(t, "1")
	mallory := r.person("mallory")
	r.write("outside", "alice@example.com "+alice.public+"\n")
	r.write("allowed_signers", "mallory@example.com "+mallory.public+"\n")
	r.want(0, r.run("approve", "p.fleetplan", "-key=mallory"))
	got := r.want(3, r.run("apply", "-allowed-signers=outside", "p.fleetplan"))
	assert.Contains(t, got.errors, "which is nobody's in allowed_signers")
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "allowed_signers    =", "# ", 1)+approvalBlock(deviceA, "2027-01-01T00:00:00Z"))
	r.env["CARDFLEET_ALLOWED_SIGNERS"] = "outside"
	got = r.want(3, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, "only signed approvals count", "a policy without signers is no way around")
	got = r.want(1, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk+"="+deviceA))
	assert.Contains(t, got.errors, "Unsigned approval")
	assert.Zero(t, changing(r.world))
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice"))
	r.want(0, r.run("apply", "p.fleetplan"))
}

// TestAWithdrawnSignatureIsSpent signs an unbind, puts the row back, and loses
// it later by mistake, with the card as it was all the time.
func TestAWithdrawnSignatureIsSpent(t *testing.T) {
	r, _, _ := signing(t, "1")
	unbinds := r.read("main.fleet.hcl")
	stays := strings.Replace(unbinds, "bound = false", `imei = "861536030196001"`, 1)
	r.write("main.fleet.hcl", stays)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", unbinds)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice"))
	assert.Contains(t, r.want(0, r.run("show", "p.fleetplan")).out, "(1 of 1 approved)")

	r.write("main.fleet.hcl", stays)
	r.want(0, r.run("apply", "-auto-approve", "-approvals=p.fleetplan.approvals", "-exclude=card.kiosk"))
	r.write("main.fleet.hcl", unbinds)
	assert.Contains(t, r.want(0, r.run("plan", "-approvals=p.fleetplan.approvals")).out, "(1 of 1 approved)", "an apply of a part can't tell")

	r.write("main.fleet.hcl", stays)
	r.want(0, r.run("apply", "-auto-approve", "-approvals=p.fleetplan.approvals"))
	r.write("main.fleet.hcl", unbinds)
	got := r.want(3, r.run("apply", "-auto-approve", "-approvals=p.fleetplan.approvals"))
	assert.Contains(t, strings.Join(strings.Fields(got.errors), " "), "is spent: what it approves was no longer wanted by the apply of 2026-11-21 20:46 UTC. Where it is wanted again, sign it anew with another end")
	assert.Zero(t, changing(r.world))
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice", "-valid-for=24h"))
	r.want(0, r.run("apply", "p.fleetplan"))
}
