package table

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// maxRepeats is how many mistakes of a kind are told; the others are counted.
const maxRepeats = 10

// problems collects mistakes in the order in which they are found, and counts
// those of a kind after the tenth.
type problems struct {
	kinds []*kind
	of    map[string]*kind
}

// kind is the mistakes with one summary.
type kind struct {
	summary  string
	severity spec.Severity
	lines    []string
	count    int
	advice   string
}

// add records a mistake: where and what, as one sentence without a stop. The
// advice is said once for its kind.
func (p *problems) add(severity spec.Severity, summary, advice, format string, args ...any) {
	k := p.of[summary+advice]
	if k == nil {
		k = &kind{summary: summary, severity: severity, advice: advice}
		if p.of == nil {
			p.of = map[string]*kind{}
		}
		p.of[summary+advice] = k
		p.kinds = append(p.kinds, k)
	}
	if k.count++; k.count <= maxRepeats {
		k.lines = append(k.lines, fmt.Sprintf(format, args...))
	}
}

func (p *problems) wrong(summary, advice, format string, args ...any) {
	p.add(spec.Error, summary, advice, format, args...)
}

func (p *problems) warn(summary, advice, format string, args ...any) {
	p.add(spec.Warning, summary, advice, format, args...)
}

// diagnostics are the mistakes, a diagnostic for each kind.
func (p *problems) diagnostics() spec.Diagnostics {
	var diags spec.Diagnostics
	for _, k := range p.kinds {
		diags = append(diags, spec.Diagnostic{Severity: k.severity, Summary: k.summary, Detail: k.detail()})
	}
	return diags
}

func (k *kind) detail() string {
	if k.count == 1 {
		return strings.TrimSpace(k.lines[0] + ". " + k.advice)
	}
	var b strings.Builder
	for _, line := range k.lines {
		b.WriteString("  " + line + "\n")
	}
	if more := k.count - len(k.lines); more > 0 {
		fmt.Fprintf(&b, "  … and %d more\n", more)
	}
	return strings.TrimRight(b.String()+k.advice, "\n")
}

// failed is one mistake as diagnostics.
func failed(summary, format string, args ...any) spec.Diagnostics {
	return spec.Diagnostics{{Summary: summary, Detail: fmt.Sprintf(format, args...)}}
}
