package main

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/internal/cli"
)

// roff writes the page in the macros man, which every man reads.
func (p page) roff() string {
	var b strings.Builder
	name := strings.Join(p.words, "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"cardfleet %s\" \"Cardfleet\"\n", quoted(strings.ToUpper(name)), cli.Version)
	section(&b, "NAME", escaped(name)+` \- `+escaped(p.does))
	section(&b, "SYNOPSIS", bold(strings.Join(p.words, " "))+escaped(strings.TrimPrefix(p.usage, strings.Join(p.words, " "))))
	if len(p.text) > 0 {
		section(&b, "DESCRIPTION", escaped(strings.Join(p.text, "\n\n")))
	}
	list(&b, "COMMANDS", p.commands)
	list(&b, "OPTIONS", p.options)
	list(&b, "EXIT STATUS", p.exitCodes)
	list(&b, "ENVIRONMENT", p.variables)
	if len(p.examples) > 0 {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", escaped(strings.Join(p.examples, "\n")))
	}
	section(&b, "SEE ALSO", p.seeAlso())
	return b.String()
}

// seeAlso names the pages of the commands above and below.
func (p page) seeAlso() string {
	var names []string
	for i := 1; i < len(p.words); i++ {
		names = append(names, bold(strings.Join(p.words[:i], "-"))+"(1)")
	}
	for _, c := range p.commands {
		names = append(names, bold(strings.Join(p.words, "-")+"-"+c.name)+"(1)")
	}
	return strings.Join(append(names, "https://github.com/cardfleet/cardfleet/blob/v"+cli.Version+"/docs/cli.md"), ",\n")
}

func section(b *strings.Builder, title, text string) {
	fmt.Fprintf(b, ".SH %s\n%s\n", title, strings.ReplaceAll(text, "\n\n", "\n.PP\n"))
}

func list(b *strings.Builder, title string, entries []entry) {
	if len(entries) == 0 {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	for _, e := range entries {
		fmt.Fprintf(b, ".TP\n%s\n%s\n", bold(e.name), escaped(e.text))
	}
}

func bold(s string) string { return `\fB` + escaped(s) + `\fR` }

// quoted is an argument of a macro.
func quoted(s string) string { return `"` + strings.ReplaceAll(escaped(s), `"`, `""`) + `"` }

// escaped writes text so that no character of it is read as a request: a
// backslash, a dot or quote at the start of a line, and a dash, which would be
// a hyphen that can't be copied.
func escaped(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\t", "        ").Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
