package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/examples/ci"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/table"
)

// beginning are the files that init writes into a folder, and what became of them.
type beginning struct {
	dir         string
	files       []newFile
	wrote, kept []begun
	lacks       []string // lines that a .gitignore which is kept doesn't have
	repository  string   // the folder above that is the repository; "" for none
}

// folded are files with those of one folder as one line, where there are several.
func folded(files []begun) []begun {
	inFolder := map[string]int{}
	for _, f := range files {
		inFolder[path.Dir(f.name)]++
	}
	var out []begun
	for _, f := range files {
		folder := path.Dir(f.name)
		switch n := inFolder[folder]; {
		case folder == "." || n == 1:
			out = append(out, f)
		case n > 1:
			out = append(out, begun{fmt.Sprintf("%s/ (%d files)", folder, n), f.what})
			inFolder[folder] = 0
		}
	}
	return out
}

// newFile is a file to be written where none is.
type newFile struct {
	name, what string
	text       []byte
	mode       fs.FileMode
}

func (b *beginning) add(name string, text []byte, what string) {
	mode := fs.FileMode(0o644)
	if strings.HasSuffix(name, ".sh") {
		mode = 0o755
	}
	b.files = append(b.files, newFile{name, what, text, mode})
}

// ignored are the lines of .gitignore: what a fleet leaves beside its configuration
// (docs/cli.md, "Files beside the configuration"), and where the workflows work.
func ignored() []string {
	return []string{"*.state", "*.state.*", "*.fleetplan", "*.fleetplan.approvals", ".cardfleet-tmp-*", "cardfleet-ci/", "cardfleet-bin/"}
}

// addIgnored adds .gitignore, or notes what the one that is there lacks.
func (b *beginning) addIgnored() {
	there, err := os.ReadFile(filepath.Join(b.dir, ".gitignore"))
	if err == nil {
		lines := strings.Fields(string(there))
		b.lacks = slices.DeleteFunc(ignored(), func(line string) bool { return slices.Contains(lines, line) })
	}
	b.add(".gitignore", []byte(strings.Join(ignored(), "\n")+"\n"), "the state, plans and what CI leaves")
}

// gitlabInclude is a .gitlab-ci.yml that includes ours.
const gitlabInclude = `include:
  - local: ci/cardfleet.gitlab-ci.yml
`

// addCI adds the workflows for a platform, and the scripts that they run.
func (b *beginning) addCI(platform string) error {
	if platform == "none" {
		return nil
	}
	into := map[string]string{"scripts": "ci/cardfleet", "github": ".github/workflows"}
	if platform == "gitlab" {
		into["gitlab"] = "ci"
		delete(into, "github")
		b.add(".gitlab-ci.yml", []byte(gitlabInclude), "includes ci/cardfleet.gitlab-ci.yml")
	}
	for _, from := range []string{"github", "gitlab", "scripts"} {
		if into[from] == "" {
			continue
		}
		entries, err := ci.Files.ReadDir(from)
		if err != nil {
			return err
		}
		for _, e := range entries {
			text, err := ci.Files.ReadFile(path.Join(from, e.Name()))
			if err != nil {
				return err
			}
			b.add(path.Join(into[from], e.Name()), text, "for CI: docs/ci.md says how to set it up")
		}
	}
	b.repository = repositoryAbove(b.dir)
	return nil
}

// repositoryAbove is the folder above dir that is a git repository; "" where dir is
// one, or none is above it.
func repositoryAbove(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			if at == dir {
				return ""
			}
			return at
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// write writes each file that isn't there.
func (b *beginning) write() error {
	for _, f := range b.files {
		target := filepath.Join(b.dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
		if errors.Is(err, fs.ErrExist) {
			b.kept = append(b.kept, begun{f.name, f.what})
			continue
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		_, err = out.Write(f.text)
		if err = errors.Join(err, out.Close()); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		b.wrote = append(b.wrote, begun{f.name, f.what})
	}
	return nil
}

// firstFleet is what the first configuration says.
type firstFleet struct {
	provider  spec.ProviderName
	schema    spec.Schema
	able      spec.Capabilities
	table     *table.Table
	tableName string
	csv       []byte
	written   bool     // the table is written, and wasn't there
	labels    []string // the columns that are labels
}

// ownColumns are the columns that a card block takes.
func ownColumns() []string {
	return []string{table.ICCIDColumn, table.IMEIColumn, table.MSISDNColumn, table.ActiveColumn}
}

// manages reports whether a card block of the provider may have the attribute.
func (f *firstFleet) manages(column string) bool {
	switch column {
	case table.IMEIColumn:
		return f.able.ObservesIMEI || (f.able.Reads | f.able.Writes()).Has(spec.AttrBinding)
	case table.ActiveColumn:
		return (f.able.Reads | f.able.Writes()).Has(spec.AttrActive)
	default:
		return true
	}
}

// sample makes a table of two cards that don't exist. A device is only said where
// the carrier takes it from us: a made-up one that is watched would never be right.
func (f *firstFleet) sample() {
	rows := [][]string{{"iccid", "imei", "active", "city"}, {"89860617030017300008", "861536030196019", "true", "hangzhou"}, {"89860617030017300016", "861536030196027", "true", "beijing"}}
	f.tableName, f.written, f.labels = "cards.csv", true, []string{"city"}
	f.table = &table.Table{}
	for i, row := range rows {
		var cells []string
		for k, cell := range row {
			if column := rows[0][k]; f.manages(column) && (column != table.IMEIColumn || f.able.CanChange(spec.ChangeBind)) {
				cells = append(cells, cell)
			}
		}
		if i == 0 {
			f.table.Columns = cells
		} else {
			f.table.Rows = append(f.table.Rows, table.Row{ICCID: spec.ICCID(row[0]), Cells: cells})
		}
	}
	var b bytes.Buffer
	_ = f.table.Write(&b) // into memory
	f.csv = b.Bytes()
}

// hcl is the text of main.fleet.hcl.
func (f *firstFleet) hcl() ([]byte, error) {
	typ, alias, aliased := strings.Cut(string(f.provider), ".")
	aliasLine := ""
	if aliased {
		aliasLine = fmt.Sprintf("  alias    = %q\n", alias)
	}
	text := fmt.Sprintf(`# A fleet, as cardfleet init began it. The documentation has all that may stand here:
# docs/configuration.md. What isn't said of a card is left alone.

fleet {
  # The state is kept in fleet.state, beside this file. Once CI or a second person plans, it
  # belongs where all of them find it, such as: backend "postgres" {}

  policy {
    limit "unbind" { count = 5 }  # a plan with more is refused; each needs an approval anyway
    limit "stop" { percent = 30 } # of the cards: a wrong column must not stop a fleet
  }
}

provider %q {
%s  endpoint = "simulator" # a simulated carrier, kept beside the state: nothing reaches a real card
%s}

card "sim" {
  from_csv = %q # a card a row; take a row out, and the policy's on_remove decides

%s}
`, typ, aliasLine, f.credentials(), f.tableName, f.attributes())
	formatted, diags := config.Format([]byte(text), "main.fleet.hcl")
	if diags.HasErrors() {
		return nil, mistakes(diags)
	}
	return formatted, nil
}

// credentials is a comment that says what the real carrier takes.
func (f *firstFleet) credentials() string {
	var names []string
	for _, s := range f.schema.Settings {
		if s.Env != "" {
			names = append(names, s.Env)
		}
	}
	from := "the settings of docs/providers/" + f.schema.Type + ".md"
	if len(names) > 0 {
		from = "credentials from the environment:\n  # " + strings.Join(names, ", ")
	}
	return "\n  # Without that line: the carrier itself, with " + from + ".\n"
}

// attributes are those of the card block, for the columns that there are.
func (f *firstFleet) attributes() string {
	var b strings.Builder
	if strings.Contains(string(f.provider), ".") {
		fmt.Fprintf(&b, "  provider = %s\n", f.provider)
	}
	for at, column := range f.table.Columns {
		if slices.Contains(ownColumns(), column) && f.manages(column) && f.filled(at) > 0 {
			fmt.Fprintf(&b, "  %s = %s\n", column, f.cell(at, column))
		}
	}
	if len(f.labels) > 0 {
		b.WriteString("  labels = {\n")
		for _, name := range f.labels {
			cell := "each.value." + name
			if !config.ValidName(name) {
				cell = "each.value[" + config.QuoteText(name) + "]"
			}
			fmt.Fprintf(&b, "    %s = %s\n", config.KeyText(name), cell)
		}
		b.WriteString("  }\n")
	}
	return b.String()
}

// filled counts the rows that have something in a column.
func (f *firstFleet) filled(at int) int {
	n := 0
	for i := range f.table.Rows {
		if f.table.Rows[i].Cells[at] != "" {
			n++
		}
	}
	return n
}

// cell is the expression for a column. Where rows leave it blank, it says that what
// isn't known is left alone: a blank cell would be a mistake.
func (f *firstFleet) cell(at int, column string) string {
	value := "each.value." + column
	if f.filled(at) < len(f.table.Rows) {
		return fmt.Sprintf(`%s == "" ? null : %s`, value, value)
	}
	return value
}
