package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec/config"
)

func (prog *program) consoleCommand() *cli.Command {
	o := &struct {
		viewOptions
		inputOptions
	}{}
	return &cli.Command{
		Name:  "console",
		Usage: "evaluate expressions over the configuration, its tables and the state",
		Description: `Reads an expression a line and writes its value: var, local, card, privacy_number, path and every
function. What live says of a card is what the state remembers of its last reading; no carrier is
asked, and no credential is needed. Sensitive values are hidden. exit or the end of the input
(Ctrl-D) ends it; from a pipe the exit code is 1 where a line before that has a mistake.`,
		UsageText: `cardfleet console
echo 'length(card.bike)' | cardfleet console
echo '[for c in card.bike : c.iccid if !c.live.active]' | cardfleet console`,
		Flags: append([]cli.Flag{&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor}}, o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			prog.open(o.viewOptions)
			c, live, err := prog.remembered(ctx, o.inputOptions, loadOptions{expressions: true})
			if err != nil {
				return err
			}
			return prog.runConsole(ctx, c.Console(live))
		},
	}
}

// runConsole evaluates line by line. A mistake is told, and doesn't end it.
func (prog *program) runConsole(ctx context.Context, console *config.Console) error {
	wrong := false
	lines := linesOf(prog.env.In)
	for {
		if prog.env.InTTY {
			prog.out.put(prog.env.Out, "> ")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case line, more := <-lines:
			text := strings.TrimSpace(line.text)
			if isLeaving := text == "exit" || text == "quit"; isLeaving {
				return prog.consoleLeft(wrong)
			} else if text != "" {
				wrong = !prog.evaluate(console, text) || wrong
			}
			if !more || line.err != nil {
				return prog.consoleEnded(line.err, wrong)
			}
		}
	}
}

// consoleLeft is how a console ends that was told to.
func (prog *program) consoleLeft(wrong bool) error {
	if wrong && !prog.env.InTTY {
		return exit(exitFailed)
	}
	return nil
}

// consoleEnded is how a console ends whose input did.
func (prog *program) consoleEnded(err error, wrong bool) error {
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case prog.env.InTTY:
		prog.out.put(prog.env.Out, "\n")
		return nil
	}
	return prog.consoleLeft(wrong)
}

// evaluate writes the value of an expression, or what is wrong with it.
func (prog *program) evaluate(console *config.Console, text string) (ok bool) {
	value, diags := console.Eval(text)
	prog.out.diagnostics(diags)
	if diags.HasErrors() {
		return false
	}
	prog.out.put(prog.env.Out, prog.screened(value)+"\n")
	return true
}

// typedLine is a line of input; the last has the error that ended it.
type typedLine struct {
	text string
	err  error
}

// linesOf reads lines by a goroutine of its own, so that an interrupt needn't wait
// for the next one: a read of a terminal can't be called off. It ends with the
// input, or with the process.
func linesOf(in io.Reader) <-chan typedLine {
	lines := make(chan typedLine)
	go func() {
		defer close(lines)
		reader := bufio.NewReader(in)
		for {
			text, err := reader.ReadString('\n')
			lines <- typedLine{text, err}
			if err != nil {
				return
			}
		}
	}()
	return lines
}
