package cli

import (
	"context"
	"errors"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/docs"
	"github.com/cardfleet/cardfleet/internal/cli/lsp"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/editor"
	"github.com/cardfleet/cardfleet/spec/safe"
)

func (prog *program) lspCommand() *cli.Command {
	o := &inputOptions{}
	return &cli.Command{
		Name:  "lsp",
		Usage: "answer an editor over the Language Server Protocol",
		Description: `Editors start it, and speak with it over standard input and output: completion, hover, mistakes while you type,
definitions, references, formatting. docs/editor.md has the set-up for VS Code, Neovim and Helix.`,
		UsageText: "cardfleet lsp",
		Flags:     o.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return prog.runLSP(ctx, *o)
		},
	}
}

// runLSP serves one editor. What an editor has open is the configuration; nothing
// that the check of one version kept is there for the next.
func (prog *program) runLSP(ctx context.Context, in inputOptions) error {
	prog.open(viewOptions{})
	e := editor.New(editor.Options{Providers: schemas(), Backends: backendSchemas(), Pages: docs.Pages})
	err := lsp.Serve(ctx, prog.env.In, prog.env.Out, lsp.Options{
		Editor: e, Sleep: prog.env.Sleep, Version: Version,
		Check: func(ctx context.Context, dir string, open map[string][]byte) spec.Diagnostics {
			return prog.checkOpen(ctx, in, dir, open)
		},
	})
	if errors.Is(err, lsp.ErrNoShutdown) {
		return exit(exitFailed) // the protocol's own code, of which an editor's log tells
	}
	return err
}

// checkOpen is what validate would say of the configuration in dir, were it saved
// as an editor has it open.
func (prog *program) checkOpen(ctx context.Context, in inputOptions, dir string, open map[string][]byte) spec.Diagnostics {
	env := *prog.env
	env.Out, env.Err = io.Discard, io.Discard // they are the protocol's
	one := &program{env: &env, chdir: dir, unsaved: open, seen: prog.seen}
	one.open(viewOptions{})
	defer one.loads.Wait() // one that is given up ends before the next begins
	diags, err := one.findMistakes(ctx, in)
	if err != nil {
		diags = append(diags, spec.Diagnostic{Summary: "Configuration cannot be checked", Detail: spec.Sentence(err)})
	}
	for i := range diags {
		d := &diags[i]
		d.Summary, d.Detail = one.shownInEditor(d.Summary), one.shownInEditor(d.Detail)
	}
	return diags
}

// shownInEditor is a text in the language of whoever reads it, with no secret in it
// and nothing that can't be seen.
func (prog *program) shownInEditor(text string) string {
	return safe.Lines(prog.env.lang.Lines(prog.out.redact(text)))
}
