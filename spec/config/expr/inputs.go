package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Inputs reads the files of a configuration and remembers what they held, for
// the fleet's digest.
type Inputs struct {
	dir  string
	seen map[string]string // path as it was asked for → SHA-256 of the content
}

// NewInputs reads files whose paths start at dir.
func NewInputs(dir string) *Inputs { return &Inputs{dir: dir, seen: map[string]string{}} }

// Read returns the content of a file whose path starts at the configuration's folder.
func (in *Inputs) Read(path string) ([]byte, error) {
	content, err := os.ReadFile(Absolute(in.dir, path))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	in.Note(path, sum[:])
	return content, nil
}

// Note records what a file that was read otherwise held.
func (in *Inputs) Note(path string, sum []byte) {
	in.seen[filepath.ToSlash(path)] = hex.EncodeToString(sum)
}

// Digest stands for all that was read and for the values, which must hold nothing secret.
func (in *Inputs) Digest(values map[string]string) string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(in.seen)) {
		fmt.Fprintf(h, "file %q %s\n", path, in.seen[path]) // a hash never fails
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(h, "variable %q %q\n", name, values[name])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Absolute is where a path that starts at dir lies on disk.
func Absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}
