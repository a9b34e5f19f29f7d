package cli_test

import (
	"crypto/ed25519"
	"encoding/pem"
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
	assert.Equal(t, "cardfleet approval v1\nunbind aliyun "+kiosk+" "+deviceA+"\n", r.want(0, r.run("approve", "p.fleetplan", "-print")).out)
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice", "-reason=returned devices"))
	got := r.want(3, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.errors, "1 of 2 approvals (alice@example.com)")
	r.want(0, r.run("approve", "p.fleetplan", "-key=bob"))
	assert.Contains(t, r.read("p.fleetplan.approvals"), ": returned devices\n-----BEGIN SSH SIGNATURE-----")
	got = r.want(0, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.out, "1 to unbind (1 of 1 approved)")
	r.want(0, r.run("plan", "-detailed-exitcode"))
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
			r.write("p.fleetplan.approvals", r.read("text.sig"))
		}, `is for namespace "git", not for cardfleet-approval@v1`},
		"another text": {"1", func(r *rig, _, _ person) {
			r.write("text", "cardfleet approval v1\nunbind aliyun "+kiosk+" "+deviceB+"\n")
			r.keygen("-Y", "sign", "-n", "cardfleet-approval@v1", "-f", "alice", "text")
			r.write("p.fleetplan.approvals", r.read("text.sig"))
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
		got := r.want(1, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk))
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
	verify := exec.Command("ssh-keygen", "-Y", "verify", "-n", "cardfleet-approval@v1", "-f", "allowed_signers", "-I", "alice@example.com", "-s", "p.fleetplan.approvals")
	verify.Dir, verify.Stdin = r.dir, strings.NewReader(r.read("text"))
	r.write("p.fleetplan.approvals", stripComments(r.read("p.fleetplan.approvals")))
	output, err := verify.CombinedOutput()
	require.NoError(t, err, "they accept ours: %s", output)

	require.NoError(t, os.Remove(filepath.Join(r.dir, "p.fleetplan.approvals")))
	r.keygen("-Y", "sign", "-n", "cardfleet-approval@v1", "-f", "alice", "text")
	r.write("p.fleetplan.approvals", r.read("text.sig"))
	r.want(0, r.run("apply", "p.fleetplan")) // and we accept theirs
}

func stripComments(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestApproveSaysWhatIsWrong(t *testing.T) {
	r, alice, _ := signing(t, "1")
	r.write("alice.pub", alice.public)
	private, err := ssh.MarshalPrivateKeyWithPassphrase(ed25519.NewKeyFromSeed(make([]byte, 32)), "x", []byte("open sesame"))
	require.NoError(t, err)
	r.write("locked", string(pem.EncodeToMemory(private)))
	for args, want := range map[string]string{
		"p.fleetplan":                  "takes -key FILE",
		"p.fleetplan -key=alice.pub":   "is no private SSH key",
		"p.fleetplan -key=locked":      "protected by a passphrase",
		"p.fleetplan -key=none":        "no such file",
		"main.fleet.hcl -key=alice":    "not a saved plan",
		"p.fleetplan other -key=alice": "takes one saved plan",
	} {
		assert.Contains(t, r.want(1, r.run(append([]string{"approve"}, strings.Fields(args)...)...)).errors, want, args)
	}
	r.write("main.fleet.hcl", provider)
	r.want(0, r.run("plan", "-out=empty.fleetplan"))
	assert.Contains(t, r.want(1, r.run("approve", "empty.fleetplan", "-key=alice")).errors, "has no guarded action")
}
