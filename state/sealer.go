package state

import (
	"bufio"
	"errors"
	"io"
)

// Sealer encrypts what is kept, and makes a change to it show. state/seal has one.
type Sealer interface {
	// Seal returns a writer whose bytes reach w encrypted. They are whole once
	// it is closed; w stays open.
	Seal(w io.Writer) (io.WriteCloser, error)
	// Open returns the bytes that were sealed. Where they were changed or cut
	// off, reading them ends with an error, so nothing may be done with what was
	// read before the end came.
	Open(r io.Reader) (io.Reader, error)
	// Keys is the same text as long as the keys are the same, also those that
	// only open. It may be derived from a secret: it is kept sealed alone.
	Keys() string
	// Enforced reports that what isn't sealed is refused. Else it is read, so
	// that a state can be encrypted later.
	Enforced() bool
}

// sealMagic begins every age file, which is what a [Sealer] writes.
const sealMagic = "age-encryption.org/v1\n"

// ErrSealed says that something is encrypted, and that there is no key.
var ErrSealed = errors.New("it is encrypted, and the configuration has no key for it: " +
	"give the fleet block an encryption block with the identities or the passphrase that open it")

// ErrPlain says that something is not encrypted where it has to be.
var ErrPlain = errors.New("it is not encrypted, and the encryption block says enforced = true: " +
	"where it was written before the block was there, take enforced out for one apply; else somebody put it there")

// IsSealed reports whether what r holds is encrypted. It takes nothing from r.
func IsSealed(r *bufio.Reader) bool {
	start, _ := r.Peek(len(sealMagic)) // what is shorter isn't sealed; an error comes again with the next read
	return string(start) == sealMagic
}
