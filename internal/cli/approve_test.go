package cli_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// person is somebody with an SSH key of their own, in a file in the rig's folder.
type person struct{ name, public string }

func (r *rig) person(name string) person {
	r.t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	private := ed25519.NewKeyFromSeed(seed)
	block, err := ssh.MarshalPrivateKey(private, name)
	require.NoError(r.t, err)
	r.write(name, string(pem.EncodeToMemory(block)))
	public, err := ssh.NewPublicKey(private.Public())
	require.NoError(r.t, err)
	return person{name, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))}
}

// signing is a fleet whose one unbind needs signed approvals.
func signing(t *testing.T, required string) (r *rig, alice, bob person) {
	t.Helper()
	r = newRig(t, describe())
	alice, bob = r.person("alice"), r.person("bob")
	r.write("main.fleet.hcl", strings.Replace(rebind, `imei         = "861536030196019"`, "bound = false", 1)+`
fleet {
  policy {
    allowed_signers    = "allowed_signers"
    required_approvals = `+required+`
  }
}
`)
	r.write("allowed_signers", "# who may approve\nalice@example.com "+alice.public+"\nbob@example.com namespaces=\"cardfleet-approval@*\" "+bob.public+"\n")
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	return r, alice, bob
}

func TestASignedApprovalLetsExactlyThatUnbindRun(t *testing.T) {
	r, _, _ := signing(t, "2")
	assert.Equal(t, "cardfleet approval v2\nfleet none\nuntil 2026-12-05T20:46:47Z\nunbind aliyun "+kiosk+" "+deviceA+" - since -\n\n", r.want(0, r.run("approve", "p.fleetplan", "-print")).out)
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice", "-reason=returned devices"))
	got := r.want(3, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.errors, "1 of 2 approvals (alice@example.com)")
	r.want(0, r.run("approve", "p.fleetplan", "-key=bob"))
	assert.Regexp(t, `(?s)^cardfleet approval v2\n.*\nreason returned devices\nunbind .*\n\n-----BEGIN SSH SIGNATURE-----.*-----END SSH SIGNATURE-----\n`, r.read("p.fleetplan.approvals"))
	got = r.want(0, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.out, "1 to unbind (1 of 1 approved)")
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

// TestTheSignerSeesWhatHeSigns looks at what approve prints before it signs.
func TestTheSignerSeesWhatHeSigns(t *testing.T) {
	r, alice, _ := signing(t, "2")
	r.person("mallory")
	got := r.want(0, r.run("approve", "p.fleetplan", "-key=alice", "-reason=returned  devices", "-until=2026-11-24T04:46:47.9+08:00"))
	assert.Equal(t, `The signature approves 1 to unbind of the 2 actions in the plan of 2026-11-21 20:46 UTC:

  # card.kiosk (89860617030017300390)
    - unbind from 861536030196001  (this closes the card's account; it can't be undone)
      # provider aliyun

Reason: returned devices
It ends on 2026-11-23 20:46 UTC, in 2 days, and earlier once it was used, once one of these cards
has changed, or once an apply no longer wants one of the actions.
It counts for a policy that asks for signatures of 2 different people of: alice@example.com,
bob@example.com.

Signed with `+fingerprint(t, alice.public)+`. The signature is in p.fleetplan.approvals.
`, got.out)
	assert.Contains(t, r.read("p.fleetplan.approvals"), "\nuntil 2026-11-23T20:46:47Z\nreason returned devices\n")

	got = r.want(0, r.run("approve", "p.fleetplan", "-key=mallory"))
	assert.Contains(t, strings.Join(strings.Fields(got.out), " "), "is nobody's in allowed_signers, so its signature counts for nothing.")
	r.write("outside", "mallory@example.com "+r.person("mallory").public)
	got = r.want(0, r.run("approve", "p.fleetplan", "-key=mallory", "-allowed-signers=outside"))
	assert.Contains(t, got.out, "different people of: mallory@example.com.")
	assert.NotContains(t, got.out, "Warning")
	r.env["CARDFLEET_ALLOWED_SIGNERS"] = "outside"
	got = r.want(0, r.run("approve", "p.fleetplan", "-print"))
	assert.Contains(t, got.errors, "different people of: mallory@example.com.")
	assert.True(t, strings.HasPrefix(got.out, "cardfleet approval v2\n"), "the text alone is on standard output")
}

func fingerprint(t *testing.T, public string) string {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(public))
	require.NoError(t, err)
	return ssh.FingerprintSHA256(key)
}

// TestApprovalsAreSeenBeforeAnApply looks at a signed plan with each command
// that shows plans.
func TestApprovalsAreSeenBeforeAnApply(t *testing.T) {
	r, _, _ := signing(t, "2")
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice", "-reason=returned devices"))
	for _, args := range []string{"show p.fleetplan", "plan -approvals=p.fleetplan.approvals", "plan -out=p.fleetplan"} {
		got := r.want(0, r.run(strings.Fields(args)...))
		assert.Contains(t, got.out, "approved by alice@example.com until 2026-12-05 20:46 UTC, 1 of 2: returned devices", args)
		assert.Contains(t, got.out, "NOT APPROVED: 1 of 2 approvals (alice@example.com)", args)
	}
	got := r.want(0, r.run("show", "-markdown", "p.fleetplan"))
	assert.Contains(t, got.out, "approved so far by `alice@example.com` until 2026-12-05 20:46 UTC, 1 of 2 (returned devices)")
	got = r.want(0, r.run("show", "-html", "p.fleetplan"))
	assert.Contains(t, got.out, "until 2026-12-05 20:46 UTC, 1 of 2")
	got = r.want(0, r.run("show", "-json", "p.fleetplan"))
	assert.Contains(t, strings.Join(strings.Fields(got.out), ""), `"required_approvals":2,"approvals":[{"by":"alice@example.com","reason":"returneddevices","until":"2026-12-05T20:46:47Z"}]`)
	got = r.want(5, r.run("plan", "-check=p.fleetplan"))
	assert.Equal(t, "Approvals: 0 of 1 guarded action has what it needs.\n  card.kiosk (89860617030017300390): unbind from 861536030196001: 1 of 2 approvals (alice@example.com)\n"+
		"0 of 2 actions would still run: apply refuses the plan as it is. With -skip-unapproved it would carry out 1.\n", got.out)
	got = r.want(5, r.run("plan", "-json", "-check=p.fleetplan"))
	assert.Contains(t, got.out, `"outcome":"not started","reason":"it is not approved: 1 of 2 approvals (alice@example.com)"`)

	r.want(0, r.run("approve", "p.fleetplan", "-key=bob"))
	require.NoError(t, os.Rename(filepath.Join(r.dir, "p.fleetplan.approvals"), filepath.Join(r.dir, "more")))
	assert.Contains(t, r.want(0, r.run("show", "-approvals=more", "p.fleetplan")).out, "1 to unbind (1 of 1 approved)")
	assert.Contains(t, r.want(0, r.run("plan", "-check=p.fleetplan", "-approvals=more")).out, "Approvals: 1 of 1 guarded action has what it needs.")
	assert.Contains(t, r.want(0, r.run("show", "p.fleetplan")).out, "(0 of 1 approved)")
	assert.Contains(t, r.want(1, r.run("show", "-approvals=none", "p.fleetplan")).errors, "Read the approvals: open")
}

func TestASignatureCoversNothingElse(t *testing.T) {
	r, _, _ := signing(t, "1")
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice"))
	r.write("more.fleet.hcl", "card \"scale\" {\n  iccid = \""+scale+"\"\n  active = true\n}\n")
	r.want(0, r.run("apply", "-auto-approve", "-approvals=p.fleetplan.approvals"))
}

// TestEveryWayToGetAnApprovalWrong has a message of its own for each, ends with
// 3, and makes not one changing call.
func TestEveryWayToGetAnApprovalWrong(t *testing.T) {
	approve := func(key string) func(*rig, person, person) {
		return func(r *rig, _, _ person) { r.want(0, r.run("approve", "p.fleetplan", "-key="+key)) }
	}
	signers := func(lines func(alice, bob person) string) func(*rig, person, person) {
		return func(r *rig, alice, bob person) {
			r.write("allowed_signers", lines(alice, bob))
			r.want(0, r.run("approve", "p.fleetplan", "-key=alice"))
		}
	}
	for name, row := range map[string]struct {
		required string
		do       func(r *rig, alice, bob person)
		why      string
	}{
		"none":           {"1", func(*rig, person, person) {}, "only signed approvals count, and there is none"},
		"unknown signer": {"1", func(r *rig, _, _ person) { r.person("carol"); approve("carol")(r, person{}, person{}) }, "which is nobody's in allowed_signers"},
		"listed for another namespace": {"1", signers(func(alice, _ person) string { return `alice@example.com namespaces="git,file" ` + alice.public }),
			"alice@example.com is in allowed_signers for git, file only"},
		"no longer valid": {"1", signers(func(alice, _ person) string { return `alice@example.com valid-before="20260101Z" ` + alice.public }),
			"the key of alice@example.com was valid until 2026-01-01 00:00 UTC"},
		"not yet valid": {"1", signers(func(alice, _ person) string { return `alice@example.com valid-after="20270101Z" ` + alice.public }),
			"the key of alice@example.com is valid from 2027-01-01 00:00 UTC on"},
		"one person under two names": {"2", func(r *rig, alice, bob person) {
			r.write("allowed_signers", "alice@example.com "+alice.public+"\nbob@example.com "+alice.public+"\nBOB@example.com "+bob.public+"\n")
			approve("alice")(r, alice, bob)
			approve("bob")(r, alice, bob)
		}, "1 of 2 approvals (alice@example.com); BOB@example.com signed twice, which counts once"},
		"same signer twice": {"2", func(r *rig, a, b person) { approve("alice")(r, a, b); approve("alice")(r, a, b) }, "alice@example.com signed twice, which counts once"},
		"one of two":        {"2", approve("bob"), "1 of 2 approvals (bob@example.com)"},
		"signed for another purpose": {"1", func(r *rig, _, _ person) {
			r.keygen("-Y", "sign", "-n", "git", "-f", "alice", "text")
			r.write("p.fleetplan.approvals", r.read("text")+r.read("text.sig"))
		}, `is for namespace "git", not for cardfleet-approval@v2`},
		"another text": {"1", func(r *rig, _, _ person) {
			r.write("text", strings.Replace(r.read("text"), deviceA, deviceB, 1))
			r.keygen("-Y", "sign", "-n", "cardfleet-approval@v2", "-f", "alice", "text")
			r.write("p.fleetplan.approvals", r.read("text")+r.read("text.sig"))
		}, "is over other guarded actions than this plan's"},
		"one more unbind": {"1", func(r *rig, a, b person) {
			approve("alice")(r, a, b)
			r.write("more.fleet.hcl", "card \"scale\" {\n  iccid = \""+scale+"\"\n  bound = false\n  current_imei = \"861536030196027\"\n}\n")
			r.want(0, r.run("plan", "-out=p.fleetplan"))
		}, "is over other guarded actions than this plan's"},
		"garbage": {"1", func(r *rig, _, _ person) {
			r.write("p.fleetplan.approvals", "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n")
		}, "a signature can't be read"},
		"unsigned block": {"1", func(r *rig, _, _ person) {
			r.write("approval.fleet.hcl", approvalBlock(deviceA, "2027-01-01T00:00:00Z"))
		}, "only signed approvals count"},
	} {
		t.Run(name, func(t *testing.T) {
			r, alice, bob := signing(t, row.required)
			r.write("text", r.run("approve", "p.fleetplan", "-print").out)
			row.do(r, alice, bob)
			got := r.want(3, r.run("apply", "p.fleetplan"))
			assert.Contains(t, strings.Join(strings.Fields(got.errors), " "), row.why)
			assert.Zero(t, changing(r.world))
		})
	}

	t.Run("a list of names where two people are required", func(t *testing.T) {
		r, alice, _ := signing(t, "2")
		r.write("allowed_signers", "# who may approve\nalice@example.com,bob@example.com "+alice.public+"\n")
		got := r.want(1, r.run("apply", "p.fleetplan"))
		assert.Contains(t, got.errors, `allowed_signers: line 2: "alice@example.com,bob@example.com" may be several people`)
		assert.Contains(t, got.errors, "on main.fleet.hcl line")
		assert.Zero(t, changing(r.world))
	})
	t.Run("flag", func(t *testing.T) {
		r, _, _ := signing(t, "1")
		got := r.want(1, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk+"="+deviceA))
		assert.Contains(t, got.errors, "Unsigned approval")
		assert.Zero(t, changing(r.world))
	})
	t.Run("signed, and nobody to check it against", func(t *testing.T) {
		r, alice, bob := signing(t, "1")
		approve("alice")(r, alice, bob)
		r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "allowed_signers    = ", "# ", 1))
		got := r.want(3, r.run("apply", "p.fleetplan"))
		assert.Contains(t, got.errors, "the policy names no allowed_signers")
	})
}

// keygen runs OpenSSH's own tool in the rig's folder.
func (r *rig) keygen(args ...string) string {
	r.t.Helper()
	needs(r.t, "ssh-keygen")
	command := exec.Command("ssh-keygen", args...)
	command.Dir = r.dir
	require.NoError(r.t, os.Chmod(filepath.Join(r.dir, "alice"), 0o600))
	output, err := command.CombinedOutput()
	require.NoError(r.t, err, string(output))
	return string(output)
}

func TestSignaturesInteroperateWithOpenSSHBothWays(t *testing.T) {
	needs(t, "ssh-keygen")
	r, _, _ := signing(t, "1")
	r.write("text", r.run("approve", "p.fleetplan", "-print").out)

	r.want(0, r.run("approve", "p.fleetplan", "-key=alice"))
	verify := exec.Command("ssh-keygen", "-Y", "verify", "-n", "cardfleet-approval@v2", "-f", "allowed_signers", "-I", "alice@example.com", "-s", "p.fleetplan.approvals")
	text, sig, _ := strings.Cut(r.read("p.fleetplan.approvals"), "-----BEGIN")
	verify.Dir, verify.Stdin = r.dir, strings.NewReader(text)
	assert.Equal(t, r.read("text"), text, "what is printed is what is signed")
	r.write("p.fleetplan.approvals", "-----BEGIN"+sig)
	output, err := verify.CombinedOutput()
	require.NoError(t, err, "they accept ours: %s", output)

	require.NoError(t, os.Remove(filepath.Join(r.dir, "p.fleetplan.approvals")))
	r.keygen("-Y", "sign", "-n", "cardfleet-approval@v2", "-f", "alice", "text")
	r.write("p.fleetplan.approvals", r.read("text")+r.read("text.sig"))
	r.want(0, r.run("apply", "p.fleetplan")) // and we accept theirs
}

func TestApproveSaysWhatIsWrong(t *testing.T) {
	r, alice, _ := signing(t, "1")
	r.write("alice.pub", alice.public)
	private, err := ssh.MarshalPrivateKeyWithPassphrase(ed25519.NewKeyFromSeed(make([]byte, 32)), "x", []byte("open sesame"))
	require.NoError(t, err)
	r.write("locked", string(pem.EncodeToMemory(private)))
	for args, want := range map[string]string{
		"p.fleetplan":                                                  "takes -key FILE",
		"p.fleetplan -key=alice -print":                                "Leave one of them out",
		"p.fleetplan -key=alice.pub":                                   "is no private SSH key",
		"p.fleetplan -key=locked":                                      "protected by a passphrase",
		"p.fleetplan -key=none":                                        "no such file",
		"main.fleet.hcl -key=alice":                                    "not a saved plan",
		"p.fleetplan other -key=alice":                                 "takes one saved plan",
		"p.fleetplan -print -valid-for=721h":                           "approval_max_age is 30d, so it may end on 2026-12-21T20:46:47Z at the latest",
		"p.fleetplan -print -valid-for=0s":                             "no time in which anything could be applied",
		"p.fleetplan -print -until=2026-12-24":                         "no time. Write one with its zone",
		"p.fleetplan -print -until=2027-12-24T00:00:00Z":               "The approval would last too long",
		"p.fleetplan -print -until=2026-11-21T20:46:47Z":               "is over, so the approval would count for nothing",
		"p.fleetplan -print -until=2026-12-24T00:00:00Z -valid-for=1h": "both say when the approval ends",
		"p.fleetplan -print -reason=a\u202eb":                          "characters that can't be seen",
		"p.fleetplan -print -allowed-signers=none":                     "-allowed-signers=none: open",
	} {
		assert.Contains(t, r.want(1, r.run(append([]string{"approve"}, strings.Fields(args)...)...)).errors, want, args)
	}
	r.write("main.fleet.hcl", provider)
	r.want(0, r.run("plan", "-out=empty.fleetplan"))
	assert.Contains(t, r.want(1, r.run("approve", "empty.fleetplan", "-key=alice")).errors, "has no guarded action")
}

func TestSignersThatCannotBeUsedArePointedAtWhereTheyAreNamed(t *testing.T) {
	r, _, _ := signing(t, "1")
	r.write("allowed_signers", "alice@example.com no-key\n")
	line := 0
	for i, text := range strings.Split(r.read("main.fleet.hcl"), "\n") {
		if strings.Contains(text, "allowed_signers") {
			line = i + 1
		}
	}
	got := r.want(1, r.run("plan"))
	assert.Contains(t, got.errors, "Error: allowed_signers can't be used")
	assert.Contains(t, got.errors, fmt.Sprintf("on main.fleet.hcl line %d:\n  %d:     allowed_signers    = \"allowed_signers\"\n", line, line))
}
