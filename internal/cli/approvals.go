package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
)

// approvalsEnding is what a plan file's approvals are called: PLANFILE.approvals.
const approvalsEnding = ".approvals"

// signersOption gives the signers from outside the configuration's repository,
// where a pull request can't add one. They win over the policy's.
type signersOption struct{ allowedSigners string }

// signersVariable is the option's name in the environment.
const signersVariable = "CARDFLEET_ALLOWED_SIGNERS"

func (o *signersOption) flag() cli.Flag {
	return &cli.StringFlag{Name: "allowed-signers", Usage: "only those in the allowed_signers file `FILE` may approve, whatever the policy says (or " + signersVariable + ")", Destination: &o.allowedSigners}
}

// file is the file with the signers from outside, and what named it; "" for none.
func (o *signersOption) file(env *Env) (path, named string) {
	if o.allowedSigners != "" {
		return o.allowedSigners, "-allowed-signers"
	}
	return env.getenv(signersVariable), signersVariable
}

// listIn reads the signers from outside; nil where there are none.
func (o *signersOption) listIn(env *Env, dir string, required int) (*signers.List, error) {
	path, named := o.file(env)
	if path == "" {
		return nil, nil
	}
	list, err := readSigners(within(dir, path), required)
	if err != nil {
		return nil, refuse("allowed_signers can't be used", "%s=%s: %v.", named, path, err)
	}
	return list, nil
}

// readSigners reads an allowed_signers file, for a policy that requires so many
// approvals.
func readSigners(path string, required int) (*signers.List, error) {
	const most = 1 << 20 // bytes
	data, err := readBounded(path, most)
	if err != nil {
		return nil, err
	}
	list, err := signers.Parse(data)
	if err == nil && required > 1 {
		err = list.OneNameALine()
	}
	return list, err
}

// readBounded reads a file of up to so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return data, err
}

// signatures reads what is signed for a plan: PLANFILE.approvals, where there
// is one, and the file of -approvals.
func signatures(dir, named, planFile string) ([]byte, error) {
	var files []string
	if planFile != "" {
		files = []string{planFile + approvalsEnding}
	}
	if named != "" && !slices.Contains(files, named) {
		files = append(files, named)
	}
	var all []byte
	for _, file := range files {
		data, err := readBounded(within(dir, file), plan.MostApprovals)
		if err != nil && (file == named || !errors.Is(err, fs.ErrNotExist)) {
			return nil, fmt.Errorf("read the approvals: %w", err)
		}
		all = append(append(all, data...), '\n')
	}
	return all, nil
}

// approvals gathers what people approved: -approve-unbind, the signatures
// beside the plan and in -approvals, and whose signatures count.
func (c *configuration) approvals(o approvalOptions, planFile string) (plan.Approvals, error) {
	unbind, err := unbinds(o.approveUnbind)
	if err != nil {
		return plan.Approvals{}, err
	}
	a := plan.Approvals{Unbind: unbind}
	if a.Signatures, err = signatures(c.dir(), o.approvals, planFile); err != nil {
		return a, err
	}
	a.Signers, err = c.signers(o.signersOption)
	return a, err
}

// signers reads the list of those who may sign: from outside, or the policy's;
// nil where there is none. One from outside makes the policy ask for signatures.
func (c *configuration) signers(o signersOption) (*signers.List, error) {
	list, err := o.listIn(c.env, c.dir(), c.fleet.Policy.RequiredApprovals)
	if list != nil || err != nil {
		c.fleet.Policy.AllowedSigners, _ = o.file(c.env)
		return list, err
	}
	name := c.fleet.Policy.AllowedSigners
	if name == "" {
		return nil, nil
	}
	if list, err = readSigners(within(c.dir(), name), c.fleet.Policy.RequiredApprovals); err != nil {
		return nil, mistakes(spec.Diagnostics{{
			Summary: "allowed_signers can't be used", Subject: c.fleet.Policy.SignersSource,
			Detail: fmt.Sprintf("%s: %v.", name, err),
		}})
	}
	return list, nil
}

// approvalOptions say what is approved, and by whom.
type approvalOptions struct {
	signersOption
	approvals     string
	approveUnbind []string
}

// flags are the options of the commands that only look at approvals.
func (o *approvalOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "approvals", Usage: "read signed approvals from `FILE` too; PLANFILE.approvals is read without being named", Destination: &o.approvals},
		o.signersOption.flag(),
	}
}

// unbinds reads the values of -approve-unbind: ICCID=IMEI, both named, so that
// the approval is of just that card at just that device.
func unbinds(args []string) ([]spec.ApprovedCard, error) {
	var out []spec.ApprovedCard
	for _, arg := range args {
		left, right, both := strings.Cut(arg, "=")
		iccid, err := iccidArgument(left)
		if err != nil {
			return nil, err
		}
		if !both {
			return nil, refuse("The device is missing", "-approve-unbind=%s names no device: a card may have another one by the time of the apply. Write -approve-unbind=%s=IMEI, with the device that the plan shows.", arg, iccid)
		}
		imei, err := spec.ParseIMEI(right)
		if err != nil {
			return nil, refuse("Invalid IMEI", "-approve-unbind=%s: %v.", arg, err)
		}
		out = append(out, spec.ApprovedCard{ICCID: iccid, IMEI: imei})
	}
	return out, nil
}
