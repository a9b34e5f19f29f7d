package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// placeFile is .cardfleet/place in a configuration's folder: where the fleet's
// state is. It is meant to be committed, so it holds no credentials, and no path
// of this machine where there is another way to say it.
type placeFile string

const (
	placeFolder = ".cardfleet"
	placeName   = "place"
	placePath   = placeFolder + "/" + placeName
	placeNext   = "place.tmp" // being written

	longestPlace = 64 << 10 // bytes
)

// placeJSON is what the file holds.
type placeJSON struct {
	Type    string `json:"type"`
	Address string `json:"address"`
}

var errPlaceLink = errors.New("it is a symbolic link or no plain file, and is not followed")

// Known implements [run.Places]. No file is the zero place.
func (f placeFile) Known() (run.Place, error) {
	text, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return run.Place{}, nil
	}
	var p placeJSON
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && p.Type == "" {
		err = errors.New("it names no type of backend")
	}
	if err != nil {
		return run.Place{}, refuse("The state's place can't be read", "%s says where the fleet's state is, and can't be read: %v. Restore it from version control, or write {\"type\": …, \"address\": …} into it again; apply renews it.", placePath, err)
	}
	return run.Place(p), nil
}

func (f placeFile) read() ([]byte, error) {
	root, err := f.folder()
	if err != nil {
		return nil, err
	}
	defer root.Close() // it was only read
	if info, err := root.Lstat(placeName); err != nil || !info.Mode().IsRegular() {
		return nil, cmpError(err, errPlaceLink)
	}
	file, err := root.Open(placeName)
	if err != nil {
		return nil, err
	}
	defer file.Close() // it was only read
	return io.ReadAll(io.LimitReader(file, longestPlace))
}

// folder opens .cardfleet, which is a folder of its own and no link to another.
func (f placeFile) folder() (*os.Root, error) {
	dir, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer dir.Close() // what was opened in it stays open
	if info, err := dir.Lstat(placeFolder); err != nil || !info.IsDir() {
		return nil, cmpError(err, errPlaceLink)
	}
	return dir.OpenRoot(placeFolder)
}

// cmpError is the first error that there is.
func cmpError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// Note implements [run.Places]. It writes the file beside the old one, and puts
// it in its place once it is whole and on the disk.
func (f placeFile) Note(p run.Place) error {
	dir, err := os.OpenRoot(string(f))
	if err != nil {
		return err
	}
	err = dir.Mkdir(placeFolder, 0o755)
	if err = errors.Join(ignore(err, fs.ErrExist), dir.Close()); err != nil {
		return err
	}
	root, err := f.folder()
	if err != nil {
		return err
	}
	defer root.Close() // what was written has been closed
	text, err := json.MarshalIndent(placeJSON(p), "", "  ")
	if err != nil {
		return err
	}
	if err := ignore(root.Remove(placeNext), fs.ErrNotExist); err != nil { // of a run that was ended
		return err
	}
	if err := writeWhole(root, placeNext, append(text, '\n')); err != nil {
		return errors.Join(err, root.Remove(placeNext))
	}
	return root.Rename(placeNext, placeName)
}

// writeWhole writes a file that isn't there yet, to the disk.
func writeWhole(root *os.Root, name string, text []byte) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// ignore is err, or nil where it is the other.
func ignore(err, other error) error {
	if errors.Is(err, other) {
		return nil
	}
	return err
}

// sayUnnoted says that the state's place could not be written. The apply itself
// is in the state.
func (s *session) sayUnnoted(err error) {
	if err == nil {
		return
	}
	s.out.diagnostics(spec.Diagnostics{{
		Severity: spec.Warning, Summary: "The state's place could not be written",
		Detail: fmt.Sprintf("The apply is in the state, but %s, which tells a lost state from a first run, could not be written: %s.", placePath, safe.Text(err.Error())),
	}})
}

// stateGone says of a state that isn't there how the fleet is known to have had
// one, and the ways out.
func stateGone(a *run.Absence) string {
	var b strings.Builder
	fmt.Fprintf(&b, "There is no state in %s, and this fleet had one: ", safe.Text(a.Looked.String()))
	if len(a.Left) > 0 {
		fmt.Fprintf(&b, "%s is still there. ", safe.Text(strings.Join(a.Left, " and ")))
	} else {
		fmt.Fprintf(&b, "%s says that it is in %s. ", placePath, safe.Text(a.Known.String()))
	}
	b.WriteString("A plan without it would take each card for a new one. Nothing was planned.\n")
	if a.Known != (run.Place{}) && a.Known != a.Looked {
		b.WriteString("If the state moves, copy it first: cardfleet state migrate OLDCONFIGDIR.\n")
	} else {
		b.WriteString("Put the state back, from a backup or its history; if it is kept elsewhere by now, name that backend, or copy it here: cardfleet state migrate OLDCONFIGDIR.\n")
	}
	b.WriteString("If a new state is meant, add -accept-new-state.")
	return b.String()
}
