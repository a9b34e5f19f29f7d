package cli

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/urfave/cli/v3"
	"golang.org/x/crypto/ssh"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
)

type approveOptions struct {
	key, reason string
	print       bool
}

// approvalsEnding is what a plan file's approvals are called: PLANFILE.approvals.
const approvalsEnding = ".approvals"

func (prog *program) approveCommand() *cli.Command {
	o := &approveOptions{}
	return &cli.Command{
		Name: "approve", Usage: "sign the guarded actions of a saved plan", ArgsUsage: "PLANFILE",
		Description: `Adds an SSH signature over the plan's guarded actions to PLANFILE.approvals, which apply reads by
itself. It covers just those: fifty more harmless changes don't void it, one more unbind does.
With -print the text is printed instead, for a hardware key or an agent:

  cardfleet approve fleet.fleetplan -print > unbinds.txt
  ssh-keygen -Y sign -n ` + plan.Namespace + ` -f ~/.ssh/id_ed25519_sk.pub unbinds.txt
  cat unbinds.txt.sig >> fleet.fleetplan.approvals`,
		UsageText: `cardfleet approve fleet.fleetplan -key ~/.ssh/id_ed25519 -reason "returned devices, RMA-2026-11"`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "sign with the private SSH key in `FILE`", Destination: &o.key},
			&cli.StringFlag{Name: "reason", Usage: "note `TEXT` beside the signature, which doesn't cover it", Destination: &o.reason},
			&cli.BoolFlag{Name: "print", Usage: "print the text that is to be signed", Destination: &o.print},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			file, err := oneArgument(cmd, "saved plan")
			if err != nil {
				return err
			}
			return prog.runApprove(*o, file)
		},
	}
}

func (prog *program) runApprove(o approveOptions, file string) error {
	prog.open(viewOptions{})
	dir := prog.dir()
	path := within(dir, file)
	p, _, err := readPlan(path, prog.keysIn(inputOptions{}))
	if err != nil {
		return err
	}
	text := p.ApprovalText()
	if text == nil {
		return refuse("Nothing to approve", "%s has no guarded action, so apply needs no approval for it.", file)
	}
	if o.print {
		prog.out.write(prog.env.Out, string(text))
		return nil
	}
	key, err := readKey(within(dir, expandHome(prog.env, o.key)), o.key)
	if err != nil {
		return err
	}
	signature, err := p.Sign(key)
	if err != nil {
		return err
	}
	comment := fmt.Sprintf("# %s, %s", ssh.FingerprintSHA256(key.PublicKey()), prog.env.Now().UTC().Format(time.RFC3339))
	if o.reason != "" {
		comment += ": " + strings.Join(strings.Fields(o.reason), " ")
	}
	if err := appendWhole(path+approvalsEnding, comment+"\n"+string(signature)); err != nil {
		return err
	}
	prog.out.result("Approved with %s:\n\n%s\nThe signature is in %s.\n", ssh.FingerprintSHA256(key.PublicKey()), text, file+approvalsEnding)
	return nil
}

func expandHome(env *Env, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && env.getenv("HOME") != "" {
		return env.getenv("HOME") + "/" + rest
	}
	return path
}

// readKey reads a private key without a passphrase. Keys that this can't serve
// (with a passphrase, in hardware, in an agent) work through ssh-keygen.
func readKey(path, name string) (ssh.Signer, error) {
	if name == "" {
		return nil, refuse("No key", "approve takes -key FILE, or -print for a key that ssh-keygen has to use.")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	const through = "cardfleet approve -h shows how to sign with ssh-keygen, which can use it."
	if block, _ := pem.Decode(data); block == nil {
		return nil, refuse("Not a private key", "%s is no private SSH key. %s", name, through)
	}
	key, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, refuse("The key has a passphrase", "%s is protected by a passphrase. %s", name, through)
	case err != nil:
		return nil, refuse("Not a usable key", "%s can't be read as a private SSH key. %s", name, through)
	}
	return key, nil
}

// appendWhole adds to a file so that a crash leaves the old one or the new one.
func appendWhole(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("add the approval: %w", err)
	}
	if len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")) {
		old = append(old, '\n')
	}
	if err := maybe.WriteFile(path, append(old, text...), 0o644); err != nil {
		return fmt.Errorf("add the approval: %w", err)
	}
	return nil
}

// approvals gathers what people approved: -approve-unbind, the signatures
// beside the plan or in -approvals, and whose signatures count.
func (s *session) approvals(o applyOptions, planFile string) (plan.Approvals, error) {
	unbind, err := iccids(o.approveUnbind)
	if err != nil {
		return plan.Approvals{}, err
	}
	a := plan.Approvals{Unbind: unbind}
	file, named := o.approvals, o.approvals != ""
	if !named && planFile != "" {
		file = planFile + approvalsEnding
	}
	if file != "" {
		a.Signatures, err = os.ReadFile(within(s.dir(), file))
		if err != nil && (named || !errors.Is(err, fs.ErrNotExist)) {
			return a, fmt.Errorf("read the approvals: %w", err)
		}
	}
	a.Signers, err = s.signers()
	return a, err
}

// signers reads the policy's allowed_signers file; nil where it names none.
func (s *session) signers() (*signers.List, error) {
	name := s.fleet.Policy.AllowedSigners
	if name == "" {
		return nil, nil
	}
	list, err := readSigners(within(s.dir(), name), s.fleet.Policy)
	if err != nil {
		return nil, mistakes(spec.Diagnostics{{
			Summary: "allowed_signers can't be used", Subject: s.fleet.Policy.Source,
			Detail: fmt.Sprintf("%s: %v.", name, err),
		}})
	}
	return list, nil
}

func readSigners(path string, policy spec.Policy) (*signers.List, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := signers.Parse(data)
	if err == nil && policy.RequiredApprovals > 1 {
		err = list.OneNameALine()
	}
	return list, err
}
