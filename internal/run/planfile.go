package run

import (
	"bufio"
	"io"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/state"
)

// Saved is a plan as it was saved.
type Saved struct {
	Plan   plan.Source // read card by card, or held whole
	Digest string      // of the file, decrypted
}

// WritePlan writes a plan file, encrypted where there is a sealer.
func WritePlan(w io.Writer, p plan.Source, sealer state.Sealer) error {
	if sealer == nil {
		_, err := plan.Write(w, p)
		return err
	}
	sealed, err := sealer.Seal(w)
	if err != nil {
		return err
	}
	if _, err := plan.Write(sealed, p); err != nil {
		return err
	}
	return sealed.Close()
}

// ReadPlan is [OpenPlan] for [Session.Judge].
func ReadPlan(r io.Reader, keys func() (state.Sealer, error), enforced bool) (*Saved, error) {
	p, err := openPlan(r, keys, enforced, plan.OpenToKeep)
	if err != nil {
		return nil, err
	}
	return &Saved{Plan: p, Digest: p.Digest()}, nil
}

// OpenPlan reads a plan file, which is read card by card from then on. keys is asked
// only where the file is encrypted. One that is not gives [state.ErrPlain] where
// enforced says that it has to be.
func OpenPlan(r io.Reader, keys func() (state.Sealer, error), enforced bool) (*plan.File, error) {
	return openPlan(r, keys, enforced, plan.Open)
}

func openPlan(r io.Reader, keys func() (state.Sealer, error), enforced bool, open func(io.Reader) (*plan.File, error)) (*plan.File, error) {
	text, err := plainText(bufio.NewReader(r), keys, enforced)
	if err != nil {
		return nil, err
	}
	p, err := open(text)
	if err != nil {
		return nil, err
	}
	if err := ended(text); err != nil {
		return nil, err
	}
	return p, nil
}

// ended reads on to the end of an encrypted file, which is what shows that
// nothing was cut off.
func ended(text io.Reader) error {
	_, err := io.Copy(io.Discard, text)
	return err
}

func plainText(r *bufio.Reader, keys func() (state.Sealer, error), enforced bool) (io.Reader, error) {
	switch {
	case !state.IsSealed(r) && enforced:
		return nil, state.ErrPlain
	case !state.IsSealed(r):
		return r, nil
	}
	sealer, err := keys()
	switch {
	case err != nil:
		return nil, err
	case sealer == nil:
		return nil, state.ErrSealed
	}
	return sealer.Open(r)
}
