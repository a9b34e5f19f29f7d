package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec/config/expr"
	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// The endings of the files that are read without being named.
const (
	nativeSuffix   = ".fleet.hcl"
	jsonSuffix     = ".fleet.json"
	autoVarsSuffix = ".auto.fleetvars.hcl"
	varsSuffix     = ".fleetvars.hcl"
	carrierSuffix  = ".carrier.hcl"
)

// Files lists the files in dir that [Load] reads and the fmt command looks at:
// the configuration (*.fleet.hcl, *.fleet.json), the definitions of carriers
// (*.carrier.hcl) and the automatic variable files (*.auto.fleetvars.hcl), by name, without their folder. Hidden files
// and editors' leftovers are not among them.
func Files(dir string) ([]string, error) { return FilesWith(dir, nil) }

// FilesWith is [Files] with those that an editor has open and nobody saved yet,
// by absolute path; dir is absolute then.
func FilesWith(dir string, unsaved map[string][]byte) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the configuration files: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() && IsRead(name) {
			names = append(names, name)
		}
	}
	for path := range unsaved {
		if name := filepath.Base(path); filepath.Dir(path) == filepath.Clean(dir) && IsRead(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// IsRead reports whether [Load] reads a file of that name without being told it.
func IsRead(name string) bool {
	return !isLeftover(name) && (isConfigFile(name) || isCarrierFile(name) || isAutoVarsFile(name))
}

func isConfigFile(name string) bool {
	return strings.HasSuffix(name, nativeSuffix) || isJSONFile(name)
}

func isCarrierFile(name string) bool { return strings.HasSuffix(name, carrierSuffix) }

func isJSONFile(name string) bool { return strings.HasSuffix(name, jsonSuffix) }

func isAutoVarsFile(name string) bool { return strings.HasSuffix(name, autoVarsSuffix) }

// isLeftover reports whether an editor left the file behind, or hides it.
func isLeftover(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		(strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"))
}

// autoVarsOrder sorts automatic variable files in the order in which they
// apply: later ones win.
func autoVarsOrder(names []string) {
	slices.SortFunc(names, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == expr.FirstVarsFile:
			return -1
		case b == expr.FirstVarsFile:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// parseFile parses native syntax or, by the name's ending, JSON. What could be
// made sense of is returned even where there are mistakes.
func parseFile(name string, src []byte) (*hcl.File, hcl.Diagnostics) {
	if strings.HasSuffix(name, ".json") {
		return plain.ParseJSON(src, name)
	}
	return plain.Parse(src, name, hcl.InitialPos)
}
