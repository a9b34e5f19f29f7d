package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/renameio/v2/maybe"
	"github.com/urfave/cli/v3"
	"golang.org/x/crypto/ssh"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
)

type approveOptions struct {
	signersOption
	key, reason, until string
	validFor           time.Duration
	print              bool
}

func (prog *program) approveCommand() *cli.Command {
	o := &approveOptions{}
	return &cli.Command{
		Name: "approve", Usage: "show, then sign the guarded actions of a saved plan", ArgsUsage: "PLANFILE",
		Description: `Says what a signature would approve, and adds it to PLANFILE.approvals, which apply reads by
itself. It covers the guarded actions of the plan: fifty more harmless changes don't void
it, one more unbind does. It ends, and is spent by use, once one of its cards has changed,
and once an apply no longer wants one of its actions.
With -print the text is printed instead, for a hardware key or an agent:

  cardfleet approve fleet.fleetplan -print > unbinds.txt
  ssh-keygen -Y sign -n ` + plan.Namespace + ` -f ~/.ssh/id_ed25519_sk.pub unbinds.txt
  cat unbinds.txt unbinds.txt.sig >> fleet.fleetplan.approvals`,
		UsageText: `cardfleet approve fleet.fleetplan -key ~/.ssh/id_ed25519 -reason "returned devices, RMA-2026-11"`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "sign with the private SSH key in `FILE`", Destination: &o.key},
			&cli.BoolFlag{Name: "print", Usage: "print the text that is to be signed", Destination: &o.print},
			&cli.StringFlag{Name: "reason", Usage: "say why in `TEXT`, which is signed too", Destination: &o.reason},
			&cli.GenericFlag{Name: "valid-for", Usage: "the approval ends after `DUR`; unless said 336h, or the policy's approval_max_age where that is shorter", Value: (*durationFlag)(&o.validFor)},
			&cli.StringFlag{Name: "until", Usage: "the approval ends at `TIME`, such as 2026-12-05T08:00:00+08:00", Destination: &o.until},
			o.signersOption.flag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			file, err := oneArgument(cmd, "saved plan")
			if err != nil {
				return err
			}
			if err := o.check(cmd); err != nil {
				return err
			}
			return prog.runApprove(ctx, *o, file)
		},
	}
}

// check refuses options that don't go together.
func (o *approveOptions) check(cmd *cli.Command) error {
	switch {
	case o.print && o.key != "":
		return refuse("Options don't go together", "approve signs with -key, or prints the text with -print for ssh-keygen. Leave one of them out.")
	case !o.print && o.key == "":
		return refuse("No key", "approve takes -key FILE, or -print for a key that ssh-keygen has to use.")
	case cmd.IsSet("valid-for") && o.until != "":
		return refuse("Options don't go together", "-valid-for and -until both say when the approval ends. Leave one of them out.")
	case cmd.IsSet("valid-for") && o.validFor < time.Second:
		return refuse("Invalid duration", "-valid-for=%s is no time in which anything could be applied.", o.validFor)
	default:
		return nil
	}
}

func (prog *program) runApprove(ctx context.Context, o approveOptions, file string) error {
	prog.open(viewOptions{})
	env, dir := prog.env, prog.dir()
	path := within(dir, file)
	p, err := openPlan(path, prog.keysIn(ctx, inputOptions{}))
	if err != nil {
		return err
	}
	list, err := o.listIn(env, dir, p.Head().Policy.Required())
	if err != nil {
		return err
	}
	if err := p.Review(plan.Approvals{Signers: list}, env.Now().UTC()); err != nil {
		return err
	}
	text, err := o.textOf(env, p, file)
	if err != nil {
		return err
	}
	signing := render.Signing{Text: text, Now: env.Now().UTC()}
	if o.print {
		if err := prog.out.writeText(env.Err, func(w io.Writer) error { return render.Sign(w, p, signing, prog.out.errors) }); err != nil {
			return err
		}
		_, err := env.Out.Write(text.Bytes()) // as it is signed: nothing is hidden in it
		return err
	}
	key, err := readKey(within(dir, expandHome(env, o.key)), o.key)
	if err != nil {
		return err
	}
	signing.Key = ssh.FingerprintSHA256(key.PublicKey())
	if err := prog.out.writeText(env.Out, func(w io.Writer) error { return render.Sign(w, p, signing, prog.out.style) }); err != nil {
		return err
	}
	signature, err := signers.Sign(text.Bytes(), key, plan.Namespace)
	if err != nil {
		return fmt.Errorf("sign the guarded actions: %w", err)
	}
	if err := appendWhole(path+approvalsEnding, string(text.Bytes())+string(signature)); err != nil {
		return err
	}
	prog.out.result("\nSigned with %s. The signature is in %s.\n", signing.Key, file+approvalsEnding)
	return nil
}

// textOf is the text that is to be signed.
func (o *approveOptions) textOf(env *Env, p *plan.File, file string) (plan.ApprovalText, error) {
	until, err := o.end(env.Now().UTC(), p.Head().Policy.MaxAge())
	if err != nil {
		return plan.ApprovalText{}, err
	}
	reason, err := oneLine(o.reason)
	if err != nil {
		return plan.ApprovalText{}, err
	}
	text, guarded, err := p.ApprovalText(until, reason)
	if err != nil {
		return text, err
	}
	if !guarded {
		return text, refuse("Nothing to approve", "%s has no guarded action, so apply needs no approval for it.", file)
	}
	if err := text.Check(); err != nil {
		return text, refuse("The plan can't be approved", "%s: %v. Make the plan again.", file, err)
	}
	return text, nil
}

// end is when the approval ends.
func (o *approveOptions) end(now time.Time, maxAge time.Duration) (time.Time, error) {
	const usual = 336 * time.Hour
	until := now.Add(cmp.Or(o.validFor, min(usual, maxAge)))
	if o.until != "" {
		t, err := time.Parse(time.RFC3339, o.until)
		if err != nil {
			return t, refuse("Invalid time", "-until=%s is no time. Write one with its zone, such as 2026-12-05T00:00:00Z or 2026-12-05T08:00:00+08:00.", o.until)
		}
		until = t
	}
	switch {
	case !until.After(now):
		return until, refuse("The approval has ended", "-until=%s is over, so the approval would count for nothing.", o.until)
	case until.After(now.Add(maxAge)):
		return until, refuse("The approval would last too long", "It would end on %s. The policy's approval_max_age is %s, so it may end on %s at the latest: choose a sooner end.",
			until.UTC().Format(time.RFC3339), spec.DurationText(maxAge), now.Add(maxAge).Truncate(time.Second).Format(time.RFC3339))
	}
	return until, nil
}

// oneLine is a reason as it stands in the text that is signed.
func oneLine(reason string) (string, error) {
	const longest = 500
	reason = strings.Join(strings.Fields(reason), " ")
	switch {
	case len(reason) > longest:
		return "", refuse("The reason is too long", "-reason has %d bytes; up to %d are signed.", len(reason), longest)
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return "", refuse("Invalid reason", "-reason has characters that can't be seen. Leave them out.")
	}
	return reason, nil
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
	data, err := file.Read(path)
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
	old, err := file.Read(path)
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
