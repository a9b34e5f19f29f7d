package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
)

const sealedFleet = `
fleet {
  encryption {
    recipients = ["RECIPIENT"]
    identities = ["keys/absent.txt", "key.txt"]
    PREVIOUS
  }
}
`

// encrypted writes a fleet block that encrypts with a new key in key.txt.
func (r *rig) encrypted(previous string) {
	r.t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(r.t, err)
	r.write("key.txt", "# the fleet's key\n"+id.String()+"\n")
	text := strings.ReplaceAll(sealedFleet, "RECIPIENT", id.Recipient().String())
	r.write("fleet.fleet.hcl", strings.ReplaceAll(text, "PREVIOUS", previous))
}

// shows reports whether a file in the rig's folder has the text in it.
func (r *rig) shows(text string) (files []string) {
	r.t.Helper()
	require.NoError(r.t, filepath.WalkDir(r.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".hcl") {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) || bytes.Contains(data, []byte("\x28\xb5\x2f\xfd")) {
			files = append(files, path)
		}
		return err
	}))
	return files
}

func TestAnEncryptedFleetPlansAppliesAndShows(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.encrypted("")
	r.want(0, r.run("plan", "-out=fleet.fleetplan"))
	require.Contains(t, r.want(0, r.run("show", "fleet.fleetplan")).out, "change-bind")
	r.want(0, r.run("apply", "fleet.fleetplan"))
	require.Empty(t, r.shows(kiosk), "neither state nor plan is readable")
	require.Contains(t, r.want(0, r.run("state", "list")).out, kiosk)
	require.Contains(t, r.want(0, r.run("plan")).out, "No changes.")
	r.want(0, r.run("state", "verify"))

	require.NoError(t, os.Remove(filepath.Join(r.dir, "key.txt")))
	got := r.want(1, r.run("state", "list"))
	require.Contains(t, strings.Join(strings.Fields(got.errors), " "), "the encryption block has no identity to open it with; not there are: keys/absent.txt, key.txt")
	r.write("fleet.fleet.hcl", "")
	for _, args := range [][]string{{"state", "list"}, {"show", "fleet.fleetplan"}, {"apply", "fleet.fleetplan"}} {
		got = r.want(1, r.run(args...))
		require.Contains(t, strings.Join(strings.Fields(got.errors), " "), "it is encrypted, and the configuration has no key for it", args)
	}
}

func TestEncryptionRollsOverFromPlainToAPassphraseToAKey(t *testing.T) {
	const passphrase = "correct horse battery staple"
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))

	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	r.env["STATE_KEY"] = id.String()
	steps := []string{
		`passphrase = "` + passphrase + `"`,
		"recipients = [\"" + id.Recipient().String() + "\"]\nidentities = [env(\"STATE_KEY\")]\nprevious { passphrase = \"" + passphrase + "\" }",
		"recipients = [\"" + id.Recipient().String() + "\"]\nidentities = [env(\"STATE_KEY\")]",
	}
	for _, step := range steps {
		r.write("fleet.fleet.hcl", "fleet {\n  encryption {\n"+step+"\n  }\n}\n")
		for _, got := range []ran{r.run("state", "list"), r.run("apply", "-auto-approve"), r.run("state", "pull")} {
			r.want(0, got)
			require.Contains(t, r.run("state", "list").out, kiosk)
			for _, secret := range []string{passphrase, id.String()} {
				require.NotContains(t, got.out+got.errors, secret)
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "fleet.state"))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(data, []byte("age-encryption.org/v1\n-> X25519 ")))
}

func TestEveryBackendKeepsTheStateEncrypted(t *testing.T) {
	for name, block := range backends(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			r.write("main.fleet.hcl", rebind)
			r.write("backend.fleet.hcl", block(r))
			r.encrypted("enforced = true")
			r.want(0, r.run("apply", "-auto-approve"))
			require.Contains(t, r.want(0, r.run("state", "list")).out, kiosk)
			r.want(0, r.run("plan", "-detailed-exitcode"))
			r.want(0, r.run("state", "verify"))
			r.write("fleet.fleet.hcl", "")
			got := r.want(1, r.run("state", "list"))
			require.Contains(t, strings.Join(strings.Fields(got.errors), " "), "it is encrypted, and the configuration has no key for it")
		})
	}
}

func TestWhereEncryptionIsEnforcedNothingPlainIsTaken(t *testing.T) {
	const refused = "it is not encrypted, and the encryption block says enforced = true"
	for name, block := range backends(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			r.write("main.fleet.hcl", rebind)
			r.write("backend.fleet.hcl", block(r))
			r.want(0, r.run("apply", "-auto-approve"))
			r.want(0, r.run("plan", "-out=fleet.fleetplan"))
			r.encrypted("enforced = true")
			got := r.want(1, r.run("state", "list"))
			require.Contains(t, strings.Join(strings.Fields(got.errors), " "), refused)

			r.encrypted("")
			r.want(0, r.run("state", "list"))
			r.want(0, r.run("apply", "-auto-approve"))
			text, err := os.ReadFile(filepath.Join(r.dir, "fleet.fleet.hcl"))
			require.NoError(t, err)
			r.write("fleet.fleet.hcl", strings.Replace(string(text), "encryption {", "encryption {\n    enforced = true", 1))
			r.want(0, r.run("plan", "-detailed-exitcode"))
			got = r.want(1, r.run("apply", "fleet.fleetplan"))
			require.Contains(t, strings.Join(strings.Fields(got.errors), " "), refused)
		})
	}
}

func TestAWrongKeyIsAMistakeOfTheEncryptionBlock(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.write("fleet.fleet.hcl", "fleet {\n  encryption {\n    recipients = [\"age1wrong\"]\n    identities = [\"AGE-SECRET-KEY-1WRONG\"]\n  }\n}\n")
	got := r.want(1, r.run("plan"))
	require.Contains(t, got.errors, "Invalid encryption")
	require.Contains(t, got.errors, "fleet.fleet.hcl line 3")
	require.Contains(t, got.errors, "fleet.fleet.hcl line 4")
	require.Equal(t, got.errors, r.want(1, r.run("validate")).errors)
	require.NotContains(t, got.errors, "AGE-SECRET-KEY-1WRONG")
	require.Zero(t, changing(r.world))
}
