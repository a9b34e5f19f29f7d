package expr

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/spec/table"
)

// Inputs reads the files of a configuration and remembers what they held, for
// the fleet's digest.
type Inputs struct {
	dir string
	// unsaved takes the place of files; see [Inputs.Unsaved].
	unsaved map[string][]byte
	seen    map[string]string // path as it was asked for → SHA-256 of the content
	// texts are the files that expressions read, by the SHA-256 of their text.
	texts map[[sha256.Size]byte]string
	// emptied are the files out of which csvdecode, jsondecode or yamldecode made
	// a list or a map that holds nothing, in the order in which they did.
	emptied []string
	// odd are words of texts that were decoded which are most likely GBK.
	odd []OddWord
}

// OddWord is a word that is valid UTF-8 by chance, and most likely Chinese in
// GBK; in the file it came from, or "" for a text of another origin.
type OddWord struct{ File, Word string }

// Odd are the words that are most likely GBK, at most one a text that was decoded.
func (in *Inputs) Odd() []OddWord { return in.odd }

// noteOdd looks for a word that is most likely GBK.
func (in *Inputs) noteOdd(text string) {
	for start := 0; start < len(text); {
		if text[start] < utf8.RuneSelf {
			start++
			continue
		}
		end := start
		for end < len(text) && text[end] >= utf8.RuneSelf {
			end++
		}
		if word := text[start:end]; table.LooksGBK(word) {
			in.odd = append(in.odd, OddWord{in.origin(text), word})
			return
		}
		start = end
	}
}

// NewInputs reads files whose paths start at dir.
func NewInputs(dir string) *Inputs {
	return &Inputs{dir: dir, seen: map[string]string{}, texts: map[[sha256.Size]byte]string{}}
}

// Read returns the content of a file whose path starts at the configuration's folder.
func (in *Inputs) Read(path string) ([]byte, error) {
	content, err := in.read(Absolute(in.dir, path))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	in.Note(path, sum[:])
	return content, nil
}

// Unsaved has the texts, by absolute path, take the place of what is on disk: an
// editor has them open. Nobody may write to them any more.
func (in *Inputs) Unsaved(texts map[string][]byte) { in.unsaved = texts }

func (in *Inputs) read(path string) ([]byte, error) {
	if text, ok := in.unsaved[path]; ok {
		return text, nil
	}
	return file.Read(path)
}

func (in *Inputs) open(path string) (io.ReadCloser, error) {
	if text, ok := in.unsaved[path]; ok {
		return io.NopCloser(bytes.NewReader(text)), nil
	}
	return file.Open(path)
}

// copyTo writes the content of a file to a hash.
func (in *Inputs) copyTo(h io.Writer, path string) error {
	f, err := in.open(Absolute(in.dir, path))
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(h, sum), f); err != nil {
		return err
	}
	in.Note(path, sum.Sum(nil))
	return nil
}

// noteText remembers which file a text came from.
func (in *Inputs) noteText(path, text string) { in.texts[sha256.Sum256([]byte(text))] = path }

// origin is the file that a text came from; "" for a text of another origin.
func (in *Inputs) origin(text string) string { return in.texts[sha256.Sum256([]byte(text))] }

// noteEmpty records that a text held nothing, where it came from a file.
func (in *Inputs) noteEmpty(text string) {
	if path := in.origin(text); path != "" {
		in.emptied = append(in.emptied, path)
	}
}

// Note records what a file that was read otherwise held.
func (in *Inputs) Note(path string, sum []byte) {
	in.seen[filepath.ToSlash(path)] = hex.EncodeToString(sum)
}

// Paths are the files that were read, as they were asked for, in order.
func (in *Inputs) Paths() []string { return slices.Sorted(maps.Keys(in.seen)) }

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
