package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// report collects the mistakes of one load and gives each its snippet.
type report struct {
	sources map[string]*source // by the name in ranges
	secrets *expr.Secrets
	list    spec.Diagnostics
	// broken are the files with syntax errors: names and attributes may be
	// missing from them only because they could not be read.
	broken    map[string]bool
	anyBroken bool
}

func newReport() *report {
	return &report{sources: map[string]*source{}, secrets: &expr.Secrets{}, broken: map[string]bool{}}
}

// ErrorAt reports a mistake at a place in the source.
func (r *report) ErrorAt(at hcl.Range, summary, format string, args ...any) {
	r.add(spec.Diagnostic{Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rangeOf(at)})
}

// warnAt is ErrorAt for what doesn't stop the run.
func (r *report) warnAt(at hcl.Range, summary, format string, args ...any) {
	r.add(spec.Diagnostic{
		Severity: spec.Warning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rangeOf(at),
	})
}

// unplaced reports a mistake that no file holds: of the command line, say.
func (r *report) unplaced(summary, format string, args ...any) {
	r.add(spec.Diagnostic{Summary: summary, Detail: fmt.Sprintf(format, args...)})
}

// add records d, with the source that it points to.
func (r *report) add(d spec.Diagnostic) {
	if d.Snippet == nil && d.Subject != nil {
		if src := r.sources[d.Subject.File]; src != nil {
			d.Snippet = src.snippet(*d.Subject)
		}
	}
	r.list = append(r.list, d)
}

// Broken says whether a file has syntax errors.
func (r *report) Broken() bool { return r.anyBroken }

// HCL records what the HCL libraries found, and says whether there is an error among it.
func (r *report) HCL(diags hcl.Diagnostics) (failed bool) {
	for _, d := range diags {
		r.addHCL(d, "")
	}
	return diags.HasErrors()
}

// take is what HCL would record, with its source and without recording it.
func (r *report) take(diags hcl.Diagnostics) spec.Diagnostics {
	before := len(r.list)
	r.HCL(diags)
	taken := slices.Clone(r.list[before:])
	r.list = r.list[:before]
	return taken
}

func (r *report) addHCL(d *hcl.Diagnostic, address string) {
	if r.followsFromSyntax(d) {
		return
	}
	out := fromHCL(d)
	out.Address = address
	r.add(out)
	if last := &r.list[len(r.list)-1]; last.Snippet != nil && d.Expression != nil && d.EvalContext != nil {
		last.Snippet.Values = expr.Explain(d.Expression, d.EvalContext)
	}
}

// followsFromSyntax reports whether d complains that something is missing from
// a file which could not be read to its end.
func (r *report) followsFromSyntax(d *hcl.Diagnostic) bool {
	return d.Subject != nil && r.broken[d.Subject.Filename] && d.Summary == "Missing required argument"
}

// fromHCL turns a diagnostic of the HCL libraries into ours.
func fromHCL(d *hcl.Diagnostic) spec.Diagnostic {
	expr.HideValues(hcl.Diagnostics{d}, d.Expression, d.EvalContext)
	out := spec.Diagnostic{Summary: d.Summary, Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		out.Severity = spec.Warning
	}
	if d.Subject != nil {
		out.Subject = rangeOf(*d.Subject)
	}
	out.Detail += expr.Missing(d)
	return out
}

// done returns what was found in the order of the source, without repeats and
// without anything secret.
func (r *report) done() spec.Diagnostics {
	slices.SortStableFunc(r.list, func(a, b spec.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Summary, b.Summary),
			cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.Address, b.Address))
	})
	r.list.Sort()
	r.list = slices.CompactFunc(r.list, sameDiagnostic)
	for i := range r.list {
		r.secrets.Redact(&r.list[i])
	}
	return r.list
}

func sameDiagnostic(a, b spec.Diagnostic) bool {
	if a.Severity != b.Severity || a.Summary != b.Summary || a.Detail != b.Detail || a.Address != b.Address {
		return false
	}
	if a.Subject == nil || b.Subject == nil {
		return a.Subject == b.Subject
	}
	return *a.Subject == *b.Subject
}

func rangeOf(r hcl.Range) *spec.Range {
	return &spec.Range{
		File:  r.Filename,
		Start: spec.Pos{Line: r.Start.Line, Column: r.Start.Column, Byte: r.Start.Byte},
		End:   spec.Pos{Line: r.End.Line, Column: r.End.Column, Byte: r.End.Byte},
	}
}
