package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// entry is a line of a list of commands or options, or a row of a table.
type entry struct{ name, text string }

// page is what the help of one command says.
type page struct {
	words     []string // cardfleet, and the command's words
	does      string
	usage     string
	text      []string // paragraphs
	commands  []entry
	options   []entry
	examples  []string
	exitCodes []entry // of the program's own page alone, as are these
	variables []entry
}

// manual makes the manual page of the program and of each of its commands, by
// the names of their files. They say what -h says; the program's own has the
// exit codes and the environment of docs/cli.md too.
func manual(ctx context.Context, dir string) (map[string]string, error) {
	reference, err := os.ReadFile(filepath.Join(dir, "docs", "cli.md"))
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	var add func(path []string) error
	add = func(path []string) error {
		help, err := say(ctx, append(path[:len(path):len(path)], "-h")...)
		if err != nil {
			return err
		}
		p, err := readHelp(help)
		if err != nil {
			return err
		}
		if len(path) == 0 {
			p.exitCodes, p.variables = rows(string(reference), "Exit codes"), rows(string(reference), "Environment")
		}
		files["man/"+strings.Join(p.words, "-")+".1"] = p.roff()
		for _, c := range p.commands {
			if err := add(append(path[:len(path):len(path)], c.name)); err != nil {
				return err
			}
		}
		return nil
	}
	return files, add(nil)
}

// readHelp reads what -h prints: what the command does, its usage, and the
// sections behind them, in any order.
func readHelp(help string) (page, error) {
	blocks := strings.Split(strings.TrimSpace(help), "\n\n")
	name, does, ok := strings.Cut(blocks[0], ": ")
	if !ok || len(blocks) < 2 {
		return page{}, fmt.Errorf("the help doesn't begin with a command and what it does: %q", blocks[0])
	}
	p := page{words: strings.Fields(name), does: does}
	for _, block := range blocks[1:] {
		title, rest, _ := strings.Cut(block, "\n")
		switch {
		case strings.HasPrefix(block, "Usage: "):
			p.usage = strings.TrimPrefix(title, "Usage: ")
		case title == "Commands:":
			p.commands = append(p.commands, entries(rest)...)
		case title == "Options:":
			p.options = append(p.options, entries(rest)...)
		case title == "Example:" || title == "Examples:":
			p.examples = append(p.examples, undent(rest)...)
		default:
			p.text = append(p.text, block)
		}
	}
	if p.usage == "" {
		return page{}, fmt.Errorf("the help of %s has no usage", name)
	}
	return p, nil
}

// entries reads the lines "  NAME   text"; a line that is deeper goes on with the
// text before it.
func entries(block string) []entry {
	var list []entry
	line := regexp.MustCompile(`^  (\S+)\s+(.+)$`)
	for l := range strings.Lines(block) {
		l = strings.TrimRight(l, "\n")
		if m := line.FindStringSubmatch(l); m != nil {
			list = append(list, entry{m[1], m[2]})
		} else if len(list) > 0 {
			list[len(list)-1].text += " " + strings.TrimSpace(l)
		}
	}
	return list
}

func undent(block string) []string {
	lines := strings.Split(block, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return lines
}

// rows are the rows of the first table below a heading of a page in Markdown,
// without Markdown's marks.
func rows(text, heading string) []entry {
	_, section, _ := strings.Cut(text, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	marks := strings.NewReplacer("`", "", "**", "")
	links := regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)
	var list []entry
	for l := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(l), "|"), " | ")
		if !strings.HasPrefix(l, "| ") || len(cells) != 2 || strings.HasPrefix(l, "| ---") {
			continue
		}
		list = append(list, entry{marks.Replace(strings.TrimSpace(cells[0])), marks.Replace(links.ReplaceAllString(strings.TrimSpace(cells[1]), "$1"))})
	}
	if len(list) > 0 {
		list = list[1:] // the table's head
	}
	return list
}
