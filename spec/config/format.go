package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// Format lays a file of native syntax out canonically: indentation, aligned
// equals signs, spaces. It returns src itself for JSON, which other tools lay
// out, and where the file has syntax errors, which the diagnostics then hold.
func Format(src []byte, filename string) ([]byte, spec.Diagnostics) {
	if strings.HasSuffix(filename, ".json") {
		return src, nil
	}
	if pieces, found, ok := plain.TakeApart(filename, src, rootSchema(), func() bool { return false }); ok && len(found.Syntax) == 0 {
		return (&layout{}).format(src, pieces), nil
	}
	return formatWhole(src, filename)
}

// formatWhole is Format of a file that HCL parses at once.
func formatWhole(src []byte, filename string) ([]byte, spec.Diagnostics) {
	file, diags := parseFile(filename, src)
	if diags.HasErrors() {
		r := newReport()
		r.sources[filename] = &source{text: src, file: file, secret: strings.HasSuffix(filename, varsSuffix)}
		r.HCL(diags)
		return src, r.done()
	}
	return hclwrite.Format(src), nil
}
