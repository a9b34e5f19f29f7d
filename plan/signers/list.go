package signers

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

// List is an allowed_signers file: who may sign, with which keys. The zero
// value lists nobody.
type List struct {
	lines []Line
	// person is a number for each line that lines of one person share.
	person []int
}

// Line is one line of the file: a key, and whose signatures it makes.
type Line struct {
	// Number is the line's in the file, from 1.
	Number int `json:"line,omitempty"`
	// Principals is the first field: a name, or a list of names and patterns
	// parted by commas.
	Principals string `json:"principals"`
	// Fingerprint is the key's: "SHA256:…". It stands for the key, which a
	// signature holds itself.
	Fingerprint string `json:"fingerprint"`
	// Namespaces is the list of patterns for which the key counts; nil: any.
	Namespaces *string   `json:"namespaces,omitempty"`
	After      time.Time `json:"valid_after,omitzero"`  // the key counts from then on; zero: from ever
	Before     time.Time `json:"valid_before,omitzero"` // the key counts until then; zero: for ever
}

// Of is the list of these lines.
func Of(lines []Line) *List {
	list := &List{lines: lines}
	list.findPersons()
	return list
}

// Parse reads an allowed_signers file. A line that it can't read is an error
// with its number: a signer who is left out by mistake must not go unnoticed.
func Parse(file []byte) (*List, error) {
	if bytes.HasPrefix(file, []byte("\ufeff")) {
		return nil, fmt.Errorf("line 1: the file begins with a byte-order mark, which OpenSSH takes for a part of the first name: save it as UTF-8 without one")
	}
	var lines []Line
	number := 0
	for text := range strings.Lines(string(file)) {
		number++
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		line, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if line != nil {
			line.Number = number
			lines = append(lines, *line)
		}
	}
	return Of(lines), nil
}

// parseLine reads a line; nil for one that is blank or a comment.
func parseLine(text string) (*Line, error) {
	text = strings.TrimLeft(text, " \t")
	if text == "" || text[0] == '#' {
		return nil, nil
	}
	if err := checkCharacters(text); err != nil {
		return nil, err
	}
	principals, rest, err := cutPrincipals(text)
	if err != nil {
		return nil, err
	}
	line := &Line{Principals: principals}
	first, after := cutField(rest)
	if _, known := keyTypes()[first]; !known {
		if err := line.parseOptions(first); err != nil {
			return nil, fmt.Errorf("%s: %w", principals, err)
		}
		first, after = cutField(after)
	}
	blob, _ := cutField(after)
	key, err := parseKey(first, blob)
	if err != nil {
		return nil, fmt.Errorf("the key of %s: %w", principals, err)
	}
	line.Fingerprint = ssh.FingerprintSHA256(key)
	return line, nil
}

// checkCharacters refuses what an editor doesn't show, and what OpenSSH may
// read in another way: control characters, other characters that can't be
// printed, bytes that are no UTF-8.
func checkCharacters(text string) error {
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return fmt.Errorf("the file is not UTF-8: byte %#x", text[i])
		case r != '\t' && !unicode.IsPrint(r):
			return fmt.Errorf("the character %U can't be seen: delete it", r)
		}
	}
	return nil
}

// cutPrincipals takes the first field off a line, without its quotes.
func cutPrincipals(text string) (principals, rest string, err error) {
	if quoted, found := strings.CutPrefix(text, `"`); found {
		var ended bool
		principals, rest, ended = strings.Cut(quoted, `"`)
		if !ended || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
			return "", "", fmt.Errorf("the quoted name at its beginning doesn't end")
		}
	} else {
		i := strings.IndexAny(text, " \t")
		if i < 0 {
			return "", "", fmt.Errorf("a line is: a name, then options where there are some, then a public key")
		}
		principals, rest = text[:i], text[i:]
	}
	return principals, strings.TrimLeft(rest, " \t"), checkPrincipals(principals)
}

// checkPrincipals refuses names that don't say who somebody is.
func checkPrincipals(field string) error {
	for name := range strings.SplitSeq(field, ",") {
		switch {
		case strings.TrimSpace(name) == "":
			return fmt.Errorf("a name is empty in %q", field)
		case strings.TrimSpace(name) != name:
			return fmt.Errorf("the name %q has a space at its beginning or end", name)
		case strings.Contains(name, `"`):
			return fmt.Errorf("a quote stands inside the name %q: put quotes around all of it", name)
		case name[0] == '!':
			return fmt.Errorf("%q says who doesn't sign with this key: say who does", name)
		}
	}
	return nil
}

// cutField takes a field off a line, up to a space or tab that isn't quoted.
// In quotes, \" is no end.
func cutField(text string) (field, rest string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return text[:i], strings.TrimLeft(text[i:], " \t")
		}
	}
	return text, ""
}

// OneNameALine is an error where a line names more than one person, or a
// pattern: then nobody can count how many people signed.
func (l *List) OneNameALine() error {
	for i := range l.lines {
		if line := &l.lines[i]; strings.ContainsAny(line.Principals, ",*?") {
			return fmt.Errorf("line %d: %q may be several people. Where more than one approval is required, each line names one person: write a line for each of them", line.Number, line.Principals)
		}
	}
	return nil
}

// findPersons numbers the people of the list: lines that share a name, in any
// case, or a key are one person's.
func (l *List) findPersons() {
	parent := make([]int, len(l.lines))
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[string]int{}
	for i := range l.lines {
		parent[i] = i
		marks := []string{"key " + l.lines[i].Fingerprint}
		for name := range strings.SplitSeq(l.lines[i].Principals, ",") {
			marks = append(marks, "name "+folded(name))
		}
		for _, mark := range marks {
			if j, seen := first[mark]; seen {
				parent[root(i)] = root(j)
			} else {
				first[mark] = i
			}
		}
	}
	for i := range l.lines {
		l.person = append(l.person, root(i))
	}
}

// folded is a name without its case and with single spaces.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		lowest := r // of those that are one letter in any case: K, k and the Kelvin sign
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			lowest = min(lowest, f)
		}
		return lowest
	}, strings.Join(strings.Fields(name), " "))
}

// Lines are those that list a key, in their order.
func (l *List) Lines() []Line {
	if l == nil {
		return nil
	}
	return l.lines
}
