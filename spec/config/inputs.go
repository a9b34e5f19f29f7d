package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// inputs reads the files of a configuration and remembers what they held, for
// the fleet's digest.
type inputs struct {
	dir  string
	seen map[string]string // path as it was asked for → SHA-256 of the content
}

func newInputs(dir string) *inputs { return &inputs{dir: dir, seen: map[string]string{}} }

// read returns the content of a file whose path starts at the configuration's folder.
func (in *inputs) read(path string) ([]byte, error) {
	content, err := os.ReadFile(absolute(in.dir, path))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	in.note(path, sum[:])
	return content, nil
}

// note records what a file that was read otherwise held.
func (in *inputs) note(path string, sum []byte) {
	in.seen[filepath.ToSlash(path)] = hex.EncodeToString(sum)
}

// digest stands for all that was read and for the values, which must hold nothing secret.
func (in *inputs) digest(values map[string]string) string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(in.seen)) {
		fmt.Fprintf(h, "file %q %s\n", path, in.seen[path]) // a hash never fails
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(h, "variable %q %q\n", name, values[name])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
