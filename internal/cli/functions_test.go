package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// function is one function of the program, with the lines that it takes.
type function struct {
	place string // file:line and name
	lines int
}

func TestFunctionsAreShort(t *testing.T) {
	functions := functionsOf(t, root)
	require.Greater(t, len(functions), 1000, "the walk found the program")
	for _, f := range functions {
		assert.LessOrEqual(t, f.lines, 60, "%s: a function of three phases is three functions", f.place)
	}
	slices.SortFunc(functions, func(a, b function) int { return a.lines - b.lines })
	assert.LessOrEqual(t, functions[len(functions)*9/10].lines, 25, "nine functions of ten have at most so many lines")
}

// functionsOf lists the functions below a folder, but for those of tests.
func functionsOf(t *testing.T, dir string) []function {
	t.Helper()
	var list []function
	files := token.NewFileSet()
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "testdata" || e.Name() == "node_modules" || strings.HasPrefix(e.Name(), ".") && e.Name() != ".." && file != dir) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				from, to := files.Position(f.Pos()), files.Position(f.End())
				list = append(list, function{from.String() + " " + f.Name.Name, to.Line - from.Line + 1})
			}
		}
		return nil
	})
	require.NoError(t, err)
	return list
}
