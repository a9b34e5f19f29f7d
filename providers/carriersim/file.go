package carriersim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2/maybe"

	"github.com/cardfleet/cardfleet/spec"
)

// Load reads a world from a file. A file that doesn't exist yet is an open
// world, which is made when something first changes.
//
// What the carriers do is appended to FILE.log before they answer, so a
// process that is killed loses nothing that it said (a machine that loses power
// may: it is a simulation, and does not wait for the disk). [World.Close] folds
// the log into the file. Several processes may use one file; each sees what the
// others did when it loads it.
func Load(path string) (*World, error) {
	w, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read simulated world: %w", err)
	}
	w.log = &journal{path: path}
	return w, nil
}

// Close folds what changed into the file. Closing a world that is in memory
// only, or that nothing changed, does nothing.
func (w *World) Close() error {
	defer w.lock()()
	if err := w.log.close(); err != nil {
		return fmt.Errorf("save simulated world: %w", err)
	}
	return nil
}

// Save writes the world to a file, whole or not at all.
func (w *World) Save(path string) error {
	defer w.lock()()
	w.gather()
	data, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return fmt.Errorf("save simulated world: %w", err)
	}
	if err := maybe.WriteFile(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("save simulated world: %w", err)
	}
	return nil
}

// read reads a file and what its log holds. Where another process folded the
// log between the two, neither had it, so both are read again.
func read(path string) (*World, error) {
	for {
		before, _ := os.Stat(path) // nil for no file, as is an unreadable one: readOnce says which
		w, err := readOnce(path)
		after, _ := os.Stat(path)
		if before == nil && after == nil || before != nil && after != nil && os.SameFile(before, after) {
			return w, err
		}
	}
}

func readOnce(path string) (*World, error) {
	w := &World{}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.Open = true
	case err != nil:
		return nil, err
	default:
		if err := decode(data, w); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	if err := w.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return w, w.replay(logOf(path))
}

// decode is strict: a misspelt knob must not pass for one that isn't set.
func decode(data []byte, w *World) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(w); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("line %d: %w", 1+bytes.Count(data[:syntax.Offset], []byte("\n")), err)
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the world's closing brace")
	}
	return nil
}

// check finds mistakes that would otherwise look like a carrier's refusal.
func (w *World) check() error {
	seen := map[spec.ICCID]bool{}
	for i := range w.Cards {
		c := &w.Cards[i]
		iccid, err := spec.ParseICCID(string(c.ICCID))
		if err != nil {
			return fmt.Errorf("cards[%d]: invalid ICCID: %w", i, err)
		}
		if seen[iccid] {
			return fmt.Errorf("cards[%d]: ICCID %s stands there twice", i, iccid)
		}
		seen[iccid], c.ICCID = true, iccid
		for _, imei := range []spec.IMEI{c.IMEI, c.InUse} {
			if _, err := spec.ParseIMEI(string(imei)); imei != "" && err != nil {
				return fmt.Errorf("cards[%d]: invalid IMEI: %w", i, err)
			}
		}
		if c.Status != "" && !slices.Contains(statuses(), c.Status) {
			return fmt.Errorf("cards[%d]: status %q is none of %q", i, c.Status, statuses())
		}
	}
	for i, f := range w.Faults {
		if !f.Kind.known() {
			return fmt.Errorf("faults[%d]: unknown kind %q", i, f.Kind)
		}
	}
	return nil
}

func statuses() []spec.Lifecycle {
	return []spec.Lifecycle{
		spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Pending, spec.Inventory, spec.Testing,
		spec.Dormant, spec.Closing, spec.Closed, spec.Transferred, spec.UnknownLifecycle,
	}
}

// record is a line of the log: what something is after a change, so that
// reading a line twice does no harm.
type record struct {
	Card   *Card     `json:"card,omitempty"`
	Device spec.IMEI `json:"device,omitempty"`
	Order  *Order    `json:"order,omitempty"`
	Fault  *faultUse `json:"fault,omitempty"`
}

// faultUse is how often the fault at Index has happened.
type faultUse struct {
	Index int `json:"index"`
	Used  int `json:"used"`
}

// replay takes in the lines of a log. The last may be torn where a process was
// killed in the middle of it, before it answered.
func (w *World) replay(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	defer w.lock()()
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var r record
		if json.Unmarshal(line, &r) == nil { // a torn line that another process wrote on after
			w.take(r)
		}
	}
}

func (w *World) take(r record) {
	switch {
	case r.Card != nil:
		w.put(*r.Card)
	case r.Device != "":
		w.devices[r.Device.Device()] = r.Device
	case r.Order != nil:
		w.orders[r.Order.Key] = *r.Order
	case r.Fault != nil && r.Fault.Index >= 0 && r.Fault.Index < len(w.Faults):
		w.Faults[r.Fault.Index].Used = r.Fault.Used
	}
}

func logOf(path string) string { return path + ".log" }

// journal is the log of a world's file. Its writers share a lock on
// FILE.lock, which who folds the log holds alone. A nil journal keeps nothing.
type journal struct {
	path string
	file *os.File // nil until something changes
	lock *flock.Flock
}

func (j *journal) append(r record) error {
	if j == nil {
		return nil
	}
	if j.file == nil {
		if err := j.open(); err != nil {
			return err
		}
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n')) // one write: lines of two processes don't mix
	return err
}

func (j *journal) open() error {
	j.lock = flock.New(j.path + ".lock")
	if err := j.lock.RLock(); err != nil {
		return err
	}
	file, err := os.OpenFile(logOf(j.path), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, j.lock.Close())
	}
	j.file = file
	return nil
}

// close folds the log into the file, unless another process still writes to
// it, which folds it then.
func (j *journal) close() error {
	if j == nil || j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Close(), j.lock.Unlock())
	j.file = nil
	if err != nil {
		return err
	}
	alone, err := j.lock.TryLock()
	if err != nil || !alone {
		return err
	}
	return errors.Join(j.fold(), j.lock.Close())
}

// fold reads file and log anew, since other processes may have added to them.
func (j *journal) fold() error {
	w, err := read(j.path)
	if err != nil {
		return err
	}
	if err := w.Save(j.path); err != nil {
		return err
	}
	return os.Remove(logOf(j.path))
}
