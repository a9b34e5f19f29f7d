package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// unionMerges warns of tables that .gitattributes has merged by union: git then
// keeps the lines of both sides, so that two removals undo each other.
func (prog *program) unionMerges(tables []string) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, name := range tables {
		place, line, found := unionMerge(within(prog.dir(), filepath.FromSlash(name)))
		if !found {
			continue
		}
		if rel, err := filepath.Rel(prog.dir(), place); err == nil {
			place = rel
		}
		diags = append(diags, spec.Diagnostic{Severity: spec.Warning, Summary: "Table merged by union",
			Detail: fmt.Sprintf("%s line %d says merge=union of %s. Git then keeps the lines of both sides: where two branches remove rows, the merge brings them back, "+
				"and a row that both change stands twice. Take merge=union away from it; rows that are sorted merge well without.", filepath.ToSlash(place), line, name)})
	}
	return diags
}

// unionMerge finds what .gitattributes says of a file: those of its folder and of
// the folders above, up to the repository's, of which the nearest wins, and in
// each the last line.
func unionMerge(file string) (place string, line int, union bool) {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		attributes := filepath.Join(dir, ".gitattributes")
		if text, err := os.ReadFile(attributes); err == nil { // one that can't be read says nothing
			rel, err := filepath.Rel(dir, file)
			if line, value, said := mergeAttribute(string(text), filepath.ToSlash(rel)); err == nil && said {
				return attributes, line, value == "union"
			}
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", 0, false
		}
	}
}

// mergeAttribute is what the last line that fits says of merge.
func mergeAttribute(text, path string) (line int, value string, said bool) {
	n := 0
	for raw := range strings.Lines(text) {
		n++
		pattern, rest := attributePattern(strings.TrimSpace(raw))
		if pattern == "" || !matchesAttribute(pattern, path) {
			continue
		}
		for _, word := range strings.Fields(rest) {
			name, set, _ := strings.Cut(word, "=")
			if strings.TrimLeft(name, "-!") == "merge" || name == "binary" {
				line, value, said = n, set, true
			}
		}
	}
	return line, value, said
}

// attributePattern parts a line of .gitattributes into its pattern, which may be
// quoted, and the attributes; "" for a comment and a macro.
func attributePattern(line string) (pattern, rest string) {
	if line == "" || line[0] == '#' || strings.HasPrefix(line, "[attr]") {
		return "", ""
	}
	if quoted, err := strconv.QuotedPrefix(line); err == nil && line[0] == '"' {
		pattern, _ = strconv.Unquote(quoted) // it has just been found to be quoted
		return pattern, line[len(quoted):]
	}
	if i := strings.IndexAny(line, " \t"); i > 0 {
		return line[:i], line[i:]
	}
	return "", ""
}

// matchesAttribute matches as git does: a pattern without a slash is of the name
// alone, ** is any folders.
func matchesAttribute(pattern, path string) bool {
	if !strings.Contains(pattern, "/") {
		pattern = "**/" + pattern
	}
	pattern = regexp.QuoteMeta(strings.TrimPrefix(pattern, "/"))
	pattern = strings.NewReplacer(`\*\*/`, `(?:.*/)?`, `\*\*`, `.*`, `\*`, `[^/]*`, `\?`, `[^/]`, `\[`, `[`, `\]`, `]`).Replace(pattern)
	re, err := regexp.Compile("^" + pattern + "$")
	return err == nil && re.MatchString(path)
}
