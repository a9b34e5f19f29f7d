package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/fatih/color"
	"github.com/mattn/go-runewidth"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// diagnostics shows mistakes in the order in which they are given.
func (o *output) diagnostics(diags spec.Diagnostics) {
	for i := range diags {
		o.quote(&diags[i])
	}
	if o.collect != nil {
		*o.collect = append(*o.collect, diags...)
		return
	}
	for i := range diags {
		d := &diags[i]
		o.event(level(d), "diagnostic", title(d), map[string]any{"diagnostic": diagnosticJSON(d)})
		if !o.json {
			o.write(o.env.Err, diagnosticText(d, o.errors))
		}
	}
}

// quote fills in the source that a diagnostic's place stands for. A diagnostic
// that is found once the configuration is loaded comes without its source.
func (o *output) quote(d *spec.Diagnostic) {
	if d.Subject == nil || d.Snippet != nil || o.dir == "" {
		return
	}
	src, err := file.Read(within(o.dir, d.Subject.File))
	from, to := d.Subject.Start.Byte, d.Subject.End.Byte
	if err != nil || from > len(src) || to > len(src) || from > to {
		return // the file changed meanwhile; its name and line still help
	}
	start := bytes.LastIndexByte(src[:from], '\n') + 1
	end := len(src)
	if n := bytes.IndexByte(src[from:], '\n'); n >= 0 {
		end = from + n
	}
	code := strings.TrimRight(string(src[start:end]), "\r")
	block, _, _ := strings.Cut(d.Address, "[")
	kind, name, _ := strings.Cut(block, ".")
	d.Snippet = &spec.Snippet{Code: code, Line: d.Subject.Start.Line, From: from - start, To: min(to-start, len(code))}
	if name != "" {
		d.Snippet.Context = fmt.Sprintf("%s %q", kind, name)
	}
}

func severity(d *spec.Diagnostic) string {
	if d.Severity == spec.Warning {
		return "warning"
	}
	return "error"
}

// level is the word for it in the machine-readable run, where a warning is warn.
func level(d *spec.Diagnostic) string {
	if d.Severity == spec.Warning {
		return "warn"
	}
	return "error"
}

func title(d *spec.Diagnostic) string {
	if d.Severity == spec.Warning {
		return "Warning: " + d.Summary
	}
	return "Error: " + d.Summary
}

// diagnosticText is a diagnostic in Terraform's shape: with a rule at its left
// where there is colour, plain otherwise.
func diagnosticText(d *spec.Diagnostic, style render.Style) string {
	hue := color.FgRed
	if d.Severity == spec.Warning {
		hue = color.FgYellow
	}
	head, rest, _ := strings.Cut(title(d), ": ")
	lines := []string{style.Paint(style.Lang.Word(head+":"), hue, color.Bold) + style.Lang.Gap() + style.Bold(safe.Lines(style.Lang.Lines(rest))), ""}
	if d.Subject != nil {
		lines = append(append(lines, placeLines(d, style)...), "")
	}
	if d.Detail != "" {
		lines = append(lines, strings.Split(safe.Lines(style.Lang.Lines(d.Detail)), "\n")...)
	} else {
		lines = lines[:len(lines)-1]
	}
	var b strings.Builder
	if !style.Color {
		b.WriteString("\n" + strings.Join(lines, "\n") + "\n")
		return b.String()
	}
	b.WriteString(style.Paint("╷", hue) + "\n")
	for _, l := range lines {
		b.WriteString(strings.TrimRight(style.Paint("│", hue)+" "+l, " ") + "\n")
	}
	b.WriteString(style.Paint("╵", hue) + "\n")
	return b.String()
}

// placeLines show where it is, with the source underlined.
func placeLines(d *spec.Diagnostic, style render.Style) []string {
	where := fmt.Sprintf("  on %s line %d", safe.Text(d.Subject.File), d.Subject.Start.Line)
	if d.Snippet == nil {
		return []string{style.Lang.Text(where + ":")}
	}
	if d.Snippet.Context != "" {
		where += ", in " + safe.Text(d.Snippet.Context)
	}
	lines := []string{style.Lang.Text(where + ":")}
	offset := 0
	for i, code := range strings.Split(d.Snippet.Code, "\n") {
		lines = append(lines, codeLines(d.Snippet, code, offset, d.Snippet.Line+i, style)...)
		offset += len(code) + 1
	}
	for _, v := range d.Snippet.Values {
		lines = append(lines, "    "+style.Paint("│ ", color.Faint)+safe.Text(v))
	}
	return lines
}

// codeLines shows one line of source, underlined in colour, or with carets
// below it in plain text. offset is where the line begins in the snippet.
func codeLines(s *spec.Snippet, code string, offset, number int, style render.Style) []string {
	from, to := clamp(s.From-offset, len(code)), clamp(s.To-offset, len(code))
	lead := fmt.Sprintf("%4d: ", number)
	if from == to {
		return []string{lead + code}
	}
	if style.Color {
		return []string{lead + code[:from] + style.Paint(code[from:to], color.Underline, color.Bold) + code[to:]}
	}
	blank := strings.Map(func(r rune) rune {
		if r == '\t' {
			return '\t'
		}
		return ' '
	}, code[:from])
	if wide := runewidth.StringWidth(code[:from]); wide > len([]rune(code[:from])) {
		blank = strings.Repeat(" ", wide)
	}
	return []string{lead + code, strings.Repeat(" ", len(lead)) + blank + strings.Repeat("^", max(runewidth.StringWidth(code[from:to]), 1))}
}

func clamp(i, most int) int { return min(max(i, 0), most) }

// diagnosticJSON is Terraform's diagnostic object.
func diagnosticJSON(d *spec.Diagnostic) map[string]any {
	out := map[string]any{"severity": severity(d), "summary": d.Summary, "detail": d.Detail}
	if d.Address != "" {
		out["address"] = d.Address
	}
	if d.Subject != nil {
		pos := func(p spec.Pos) map[string]int {
			return map[string]int{"line": p.Line, "column": p.Column, "byte": p.Byte}
		}
		out["range"] = map[string]any{"filename": d.Subject.File, "start": pos(d.Subject.Start), "end": pos(d.Subject.End)}
	}
	if s := d.Snippet; s != nil {
		snippet := map[string]any{
			"context": nil, "code": s.Code, "start_line": s.Line,
			"highlight_start_offset": s.From, "highlight_end_offset": s.To, "values": s.Values,
		}
		if s.Context != "" {
			snippet["context"] = s.Context
		}
		if s.Values == nil {
			snippet["values"] = []string{}
		}
		out["snippet"] = snippet
	}
	return out
}
