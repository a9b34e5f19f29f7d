package cli_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documented is one row of the import table in docs/architecture.md.
type documented struct {
	name    string   // of a package; NAME stands for any carrier
	imports []string // by their last element, sorted; "all" for every package
}

func TestTheDocumentedTableIsTheOneThatIsHeld(t *testing.T) {
	rows := documentedTable(t)
	require.Greater(t, len(rows), 10, "the table was found")
	for _, l := range layers {
		i := slices.IndexFunc(rows, func(d documented) bool {
			row, ok := rowOf(d.name)
			return ok && row.packages == l.packages
		})
		assert.GreaterOrEqual(t, i, 0, "docs/architecture.md has no row for %s", l.packages)
	}
	for _, d := range rows {
		row, ok := rowOf(d.name)
		if !assert.True(t, ok, "docs/architecture.md has a row for %s, which no layer is", d.name) || slices.Equal(d.imports, []string{"all"}) {
			continue
		}
		assert.Equal(t, lastElements(row.imports), d.imports, "what %s may import", d.name)
	}
}

func documentedTable(t *testing.T) []documented {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	require.NoError(t, err)
	var rows []documented
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		name, ok := strings.CutPrefix(cells[0], "| `")
		if !ok || len(cells) != 3 {
			continue
		}
		name = strings.ReplaceAll(strings.TrimSuffix(name, "`"), "NAME", "carrier")
		if name == "main" {
			name = "."
		}
		rows = append(rows, documented{name, importsOf(cells[1])})
	}
	return rows
}

// importsOf reads a cell of the table's second column.
func importsOf(cell string) []string {
	if cell == "nothing" || cell == "–" {
		return nil
	}
	return lastElements(strings.Split(strings.NewReplacer(`\*`, "*", "NAME", "*", "`", "").Replace(cell), ", "))
}

func lastElements(imports []string) []string {
	var list []string
	for _, i := range imports {
		list = append(list, path.Base(i))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
