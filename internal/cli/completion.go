package cli

import (
	"cmp"
	"context"
	_ "embed" // the shells' scripts
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// completeCommand is what the shells' scripts call. Its arguments are what was
// typed after the program's name, the last one up to the cursor. It writes a
// candidate a line, with a tab and what it is behind it where that helps.
const completeCommand = "__complete"

//go:embed shells/bash
var bashScript string

//go:embed shells/zsh
var zshScript string

//go:embed shells/fish
var fishScript string

// completionScript is the script for a shell; "" for one that there is none for.
func completionScript(shell string) string {
	switch shell {
	case "bash":
		return bashScript
	case "zsh":
		return zshScript
	case "fish":
		return fishScript
	default:
		return ""
	}
}

func (prog *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for bash, zsh or fish",
		ArgsUsage: "bash|zsh|fish",
		Description: `Completes commands and options as they are typed, with one dash or two, and what stands behind them:
addresses and ICCIDs of the configuration's cards, provider blocks, labels, outputs, saved plans and
other files. It reads the configuration, makes no call, and needs nothing else installed.
For each shell: bash, into ~/.bashrc: source <(cardfleet completion bash)
zsh, into ~/.zshrc: source <(cardfleet completion zsh)`,
		UsageText: `cardfleet completion bash
cardfleet completion fish > ~/.config/fish/completions/cardfleet.fish`,
		Action: func(_ context.Context, cmd *cli.Command) error {
			shell, err := oneArgument(cmd, "shell: bash, zsh or fish")
			if err != nil {
				return err
			}
			script := completionScript(shell)
			if script == "" {
				return refuse("Unknown shell", "There is no completion for %q. There is one for bash, zsh and fish.", safe.Text(shell))
			}
			prog.open(viewOptions{})
			prog.out.put(prog.env.Out, script)
			return nil
		},
	}
}

// hiddenCompleteCommand answers the scripts. It takes all arguments as they are.
func (prog *program) hiddenCompleteCommand() *cli.Command {
	return &cli.Command{
		Name: completeCommand, Hidden: true, SkipFlagParsing: true, Usage: "what may stand where the cursor is", UsageText: "cardfleet __complete plan -re",
		Action: func(ctx context.Context, cmd *cli.Command) error {
			prog.open(viewOptions{})
			var b strings.Builder
			for _, c := range prog.complete(ctx, cmd.Root(), cmd.Args().Slice()) {
				b.WriteString(c.line() + "\n")
			}
			prog.out.put(prog.env.Out, b.String())
			return nil
		},
	}
}

// candidate is a word that may stand at the cursor.
type candidate struct {
	word string
	what string // what it is, in few words; "" for nothing to say
}

// line is the candidate as the scripts read it. A name that no line can hold is
// shown, and can't be typed so.
func (c candidate) line() string {
	if c.what == "" {
		return safe.Text(c.word)
	}
	return safe.Text(c.word) + "\t" + safe.Text(c.what)
}

// typed is a command line up to the cursor.
type typed struct {
	command *cli.Command
	args    []string // before the word at the cursor
	option  cli.Flag // whose value the word is; nil for none
	plain   bool     // after --, all words are arguments
	word    string
	inputs  inputOptions
}

// complete lists what may stand in place of the last word.
func (prog *program) complete(ctx context.Context, root *cli.Command, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	t := prog.typedUp(root, words)
	dashes, name := dashed(t.word)
	option, value, assigned := strings.Cut(name, "=")
	switch {
	case t.option != nil:
		return starting(t.word, "", prog.values(ctx, t, t.option, t.word))
	case dashes != "" && assigned && !t.plain:
		if f := flagNamed(t.command, option); f != nil {
			return starting(t.word, dashes+option+"=", prog.values(ctx, t, f, value))
		}
		return nil
	case dashes != "" && !t.plain:
		return starting(t.word, "", options(t.command, dashes))
	case len(t.command.Commands) > 0 && len(t.args) > 0:
		return nil // no such command
	case len(t.command.Commands) > 0:
		return starting(t.word, "", commands(t.command))
	default:
		return starting(t.word, "", prog.arguments(ctx, t))
	}
}

// typedUp takes the words before the last one apart.
func (prog *program) typedUp(root *cli.Command, words []string) typed {
	last := len(words) - 1
	t := typed{command: root, word: words[last]}
	for _, word := range words[:last] {
		dashes, name := dashed(word)
		option, value, assigned := strings.Cut(name, "=")
		sub := t.command.Command(word)
		switch {
		case t.option != nil:
			prog.take(&t, t.option.Names()[0], word)
			t.option = nil
		case word == "--":
			t.plain = true
		case dashes != "" && !t.plain && assigned:
			prog.take(&t, option, value)
		case dashes != "" && !t.plain:
			if takesNext(t.command, word) {
				t.option = flagNamed(t.command, option)
			}
		case sub != nil && !t.plain:
			t.command, t.args = sub, nil
		default:
			t.args = append(t.args, word)
		}
	}
	return t
}

// take notes the options before the cursor that say which configuration is meant.
// A mistake in one is for the command to tell.
func (prog *program) take(t *typed, option, value string) {
	switch option {
	case "chdir":
		prog.chdir = value
	case "var":
		_ = (&assignmentFlag{to: &t.inputs.assignments}).Set(value)
	case "var-file":
		_ = (&assignmentFlag{to: &t.inputs.assignments, file: true}).Set(value)
	}
}

// dashed parts an option's one or two dashes from its name.
func dashed(word string) (dashes, name string) {
	name = strings.TrimLeft(word, "-")
	return word[:min(len(word)-len(name), 2)], name
}

func flagNamed(c *cli.Command, name string) cli.Flag {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// starting are the candidates, each behind lead, that what is typed may become.
func starting(typed, lead string, all []candidate) []candidate {
	var out []candidate
	for _, c := range all {
		c.word = lead + c.word
		if strings.HasPrefix(c.word, typed) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return cmp.Compare(a.word, b.word) })
	return slices.CompactFunc(out, func(a, b candidate) bool { return a.word == b.word })
}

func commands(c *cli.Command) []candidate {
	var out []candidate
	for _, sub := range c.Commands {
		if !sub.Hidden {
			out = append(out, candidate{sub.Name, sub.Usage})
		}
	}
	return out
}

// options are those of a command, written as the first dash was. One that takes a
// value ends with =.
func options(c *cli.Command, dashes string) []candidate {
	out := []candidate{{dashes + "h", "show this help"}}
	for _, f := range c.Flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		word := dashes + f.Names()[0]
		if _, alone := f.(*cli.BoolFlag); !alone {
			word += "="
		}
		out = append(out, candidate{word, strings.ReplaceAll(doc.GetUsage(), "`", "")})
	}
	return out
}

// values are what an option may say; word is what is typed of it.
func (prog *program) values(ctx context.Context, t typed, f cli.Flag, word string) []candidate {
	place := placeholder(f)
	switch name := f.Names()[0]; {
	case name == "refresh":
		return wordsOf("changed", "false", "true")
	case name == "lock":
		return wordsOf("false", "true")
	case name == "provider":
		return prog.providerBlocks(ctx, t)
	case place == "DIR":
		return prog.files(word, func(string) bool { return false })
	case place == "PLANFILE":
		return prog.files(word, isPlanName)
	case strings.HasSuffix(place, "FILE"):
		return prog.files(word, func(string) bool { return true })
	case strings.Contains(place, "ADDR"):
		return prog.addresses(ctx, t, word)
	case place == "KEY=VALUE":
		return prog.labels(ctx, t)
	case place == "KIND:N":
		return kindWords()
	default:
		return nil
	}
}

// placeholder is what a flag's usage has in back quotes.
func placeholder(f cli.Flag) string {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	_, rest, _ := strings.Cut(doc.GetUsage(), "`")
	place, _, _ := strings.Cut(rest, "`")
	return place
}

// arguments are what may stand where no option does.
func (prog *program) arguments(ctx context.Context, t typed) []candidate {
	usage := t.command.ArgsUsage
	switch name := t.command.Name; {
	case len(t.args) > 0 && !strings.Contains(usage, "…") && !strings.Contains(usage, " "):
		return nil // it takes one
	case name == "completion":
		return wordsOf("bash", "fish", "zsh")
	case name == "output":
		return prog.outputNames(ctx, t)
	case name == "try" && len(t.args) == 0:
		return prog.providerBlocks(ctx, t)
	case name == "try", strings.Contains(usage, "ADDR"):
		return prog.addresses(ctx, t, t.word)
	case usage == "NAME", usage == "[NAME]":
		return prog.carrierNames(ctx, t)
	case strings.Contains(usage, "PLANFILE"):
		return prog.files(t.word, func(name string) bool {
			return isPlanName(name) || strings.Contains(usage, "REPORT") && strings.HasSuffix(name, ".jsonl")
		})
	case strings.Contains(usage, "DIR"):
		return prog.files(t.word, func(string) bool { return false })
	case strings.Contains(usage, "FILE"):
		return prog.files(t.word, func(string) bool { return true })
	default:
		return nil
	}
}

func isPlanName(name string) bool { return strings.HasSuffix(name, ".fleetplan") }

func wordsOf(words ...string) []candidate {
	out := make([]candidate, len(words))
	for i, w := range words {
		out[i].word = w
	}
	return out
}

func kindWords() []candidate {
	var out []candidate
	for _, k := range spec.LimitKinds() {
		out = append(out, candidate{word: string(k) + ":"})
	}
	return out
}

// files are the folders, and the files that are wanted, in the folder that the word
// names. Hidden ones are listed once their dot is typed.
func (prog *program) files(word string, wanted func(name string) bool) []candidate {
	folder, start := "", word
	if i := strings.LastIndexAny(word, `/`+string(filepath.Separator)); i >= 0 {
		folder, start = word[:i+1], word[i+1:]
	}
	entries, err := os.ReadDir(within(prog.dir(), cmp.Or(expandHome(prog.env, folder), ".")))
	if err != nil {
		return nil
	}
	var out []candidate
	for _, e := range entries {
		name := e.Name()
		info, err := os.Stat(within(prog.dir(), filepath.Join(expandHome(prog.env, folder), name)))
		switch {
		case err != nil, strings.HasPrefix(name, ".") && !strings.HasPrefix(start, "."):
		case info.IsDir():
			out = append(out, candidate{word: folder + name + "/"})
		case wanted(name):
			out = append(out, candidate{word: folder + name})
		}
	}
	return out
}
