package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
)

// dress gives a command and those below it our ways: help with one dash,
// errors that say what to type, no process exit from within the library.
func dress(c *cli.Command, env *Env, path []string) {
	path = append(append([]string{}, path...), c.Name)
	c.HideHelp = true
	c.HideVersion = true
	c.DisableSliceFlagSeparator = true
	c.Writer, c.ErrWriter, c.Reader = env.Out, env.Err, env.In
	c.ExitErrHandler = func(context.Context, *cli.Command, error) {}
	c.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return usageError(c, path, err) }
	action := c.Action
	c.Action = func(ctx context.Context, cmd *cli.Command) error {
		switch {
		case action != nil:
			return action(ctx, cmd)
		case cmd.Args().Present():
			return unknownCommand(c, path, cmd.Args().First())
		}
		_ = printHelp(env.Err, c, path, env.lang) // what can't be printed can't be reported either
		return exit(exitFailed)
	}
	for _, sub := range c.Commands {
		dress(sub, env, path)
	}
}

// aside finds the command whose help the arguments ask for, with -h anywhere or with
// the word help before it; nil where they don't. The library's own help writes options
// with two dashes, so it never gets to see these. A command that there isn't is an
// error, whatever options stand behind it, and it has no help.
func aside(root *cli.Command, args []string) (c *cli.Command, path []string, err error) {
	c, path = root, []string{root.Name}
	wanted := len(args) > 0 && args[0] == "help"
	switch {
	case wanted:
		args = args[1:]
	case len(args) > 0 && args[0] == completeCommand:
		return nil, nil, nil // what is behind it is typed, and not meant yet
	}
	unknown, isValue := "", false
	for _, arg := range args {
		if arg == "--" {
			break
		}
		sub := c.Command(arg)
		switch {
		case slices.Contains([]string{"-h", "--h", "-help", "--help"}, arg):
			wanted = true
		case isValue:
		case sub != nil && unknown == "":
			c, path = sub, append(path, sub.Name)
		case !strings.HasPrefix(arg, "-") && len(c.Commands) > 0 && unknown == "":
			unknown = arg
		}
		isValue = takesNext(c, arg)
	}
	switch {
	case unknown != "":
		return nil, nil, unknownCommand(c, path, unknown)
	case !wanted:
		return nil, nil, nil
	}
	return c, path, nil
}

// takesNext reports whether an argument is an option whose value is the next one.
func takesNext(c *cli.Command, arg string) bool {
	name, dashed := strings.CutPrefix(arg, "-")
	if !dashed || strings.Contains(name, "=") {
		return false
	}
	for _, f := range c.Flags {
		if _, alone := f.(*cli.BoolFlag); !alone && slices.Contains(f.Names(), strings.TrimPrefix(name, "-")) {
			return true
		}
	}
	return false
}

// usageError says which option was wrong, and how to see the right ones.
func usageError(c *cli.Command, path []string, err error) error {
	detail := spec.Capital(err.Error()) + "."
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		name = strings.TrimLeft(name, "-")
		if instead := terraformOption(path, name); instead != "" {
			return refuse("Not an option here", "%s See %s -h.", instead, strings.Join(path, " "))
		}
		detail = fmt.Sprintf("There is no option -%s.%s", name, didYouMean(name, optionNames(c), "-"))
	}
	return refuse("Invalid option", "%s See %s -h.", detail, strings.Join(path, " "))
}

// unknownCommand says that there is no such command, and which one was meant.
func unknownCommand(c *cli.Command, path []string, name string) error {
	if instead := terraformCommand(append(slices.Clone(path[1:]), name)); instead != "" {
		return refuse("Not a command here", "%s", instead)
	}
	var names []string
	for _, sub := range c.Commands {
		names = append(names, sub.Name)
	}
	return refuse("Unknown command", "There is no command %q.%s See %s -h.",
		name, didYouMean(name, names, ""), strings.Join(path, " "))
}

// didYouMean ends a sentence about an unknown command, option or name.
func didYouMean(name string, among []string, dash string) string {
	close := spec.Closest(name, among)
	if close == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %s%s?", dash, close)
}

func optionNames(c *cli.Command) []string {
	var names []string
	for _, f := range c.Flags {
		names = append(names, f.Names()...)
	}
	return names
}

// printHelp writes a command's help: what it does, how it is called, its
// commands and options with a line each, and an example.
func printHelp(w io.Writer, c *cli.Command, path []string, l lang.Language) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s%s%s", strings.Join(path, " "), l.Whole(c.Usage), l.Word("Usage:"), l.Gap(), strings.Join(path, " "))
	if len(c.Commands) > 0 {
		b.WriteString(" [options] COMMAND")
	} else {
		b.WriteString(" [options]")
	}
	if c.ArgsUsage != "" {
		b.WriteString(" " + c.ArgsUsage)
	}
	b.WriteString("\n")
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", l.Whole(strings.TrimSpace(c.Description)))
	}
	if len(c.Commands) > 0 {
		b.WriteString("\n" + l.Word("Commands:") + "\n")
		for _, sub := range c.Commands {
			if !sub.Hidden {
				fmt.Fprintf(&b, "  %-14s %s\n", sub.Name, l.Whole(sub.Usage))
			}
		}
	}
	b.WriteString("\n" + l.Word("Options:") + "\n")
	for _, f := range c.Flags {
		b.WriteString(optionLine(f, l))
	}
	if len(path) > 1 {
		b.WriteString(optionLine(&cli.StringFlag{Name: langOption, Usage: langUsage}, l))
	}
	fmt.Fprintf(&b, "  %-26s %s\n", "-h", l.Word("show this help"))
	if len(path) == 1 {
		b.WriteString(environmentHelp(l))
	}
	if c.UsageText != "" {
		fmt.Fprintf(&b, "\n%s\n  %s\n", l.Word("Example:"), strings.ReplaceAll(c.UsageText, "\n", "\n  "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// environmentHelp is what of the environment counts for every command.
func environmentHelp(l lang.Language) string {
	var b strings.Builder
	b.WriteString("\n" + l.Word("Environment:") + "\n")
	for _, v := range [][2]string{
		{"CARDFLEET_VAR_name", "set a variable of the configuration"},
		{langEnv, "the language of what people read, as -lang"},
		{logVariable, "log what happens (info), the calls too (debug), or the wire too (trace)"},
		{logFileVariable, "append the log to this file, as JSON; else to standard error, as text"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "send traces and metrics there, see docs/observability.md"},
		{"NO_COLOR, CI", "no colour and no progress bars"},
		{"HTTPS_PROXY, NO_PROXY", "a proxy for calls to carriers"},
	} {
		fmt.Fprintf(&b, "  %-26s %s\n", v[0], l.Word(v[1]))
	}
	return b.String()
}

// optionLine is "  -out=FILE   save the plan": the value's name is what the
// usage has in back quotes.
func optionLine(f cli.Flag, l lang.Language) string {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	usage, value := doc.GetUsage(), ""
	if i := strings.IndexByte(usage, '`'); i >= 0 {
		if j := strings.IndexByte(usage[i+1:], '`'); j >= 0 {
			value = "=" + usage[i+1:i+1+j]
			usage = strings.ReplaceAll(usage, "`", "")
		}
	}
	return fmt.Sprintf("  %-26s %s\n", "-"+f.Names()[0]+value, l.Whole(usage))
}

// oneArgument checks that a command got exactly one argument.
func oneArgument(cmd *cli.Command, what string) (string, error) {
	if cmd.Args().Len() != 1 {
		return "", refuse("Wrong number of arguments", "%s takes one %s. See %s -h.", nameOf(cmd), what, cmd.FullName())
	}
	return cmd.Args().First(), nil
}

// nameOf is a command as it is typed after the program's name: "runs show".
func nameOf(cmd *cli.Command) string {
	_, name, _ := strings.Cut(cmd.FullName(), " ")
	return name
}

func noArguments(cmd *cli.Command) error {
	if cmd.Args().Present() {
		return refuse("Unexpected argument", "%s takes no argument, but got %q. See %s -h.", nameOf(cmd), cmd.Args().First(), cmd.FullName())
	}
	return nil
}

func iccidArgument(s string) (spec.ICCID, error) {
	iccid, err := spec.ParseICCID(s)
	if err != nil {
		return "", refuse("Invalid ICCID", "%s.", err)
	}
	return iccid, nil
}
