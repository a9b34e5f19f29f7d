package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
)

type validateOptions struct {
	viewOptions
	inputOptions
}

func (prog *program) validateCommand() *cli.Command {
	o := &validateOptions{}
	return &cli.Command{
		Name:      "validate",
		Usage:     "read the configuration; no calls, no state",
		UsageText: "cardfleet validate",
		Flags: append(o.inputOptions.flags(),
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
			&cli.BoolFlag{Name: "json", Usage: "the diagnostics as one JSON object", Destination: &o.json}),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return prog.runValidate(ctx, *o)
		},
	}
}

func (prog *program) runValidate(ctx context.Context, o validateOptions) error {
	if o.json {
		return prog.validateJSON(ctx, o)
	}
	prog.open(o.viewOptions)
	c, err := prog.checkConfig(ctx, o.inputOptions)
	if err != nil {
		return err
	}
	prog.out.result("Success! The configuration is valid: %s.\n", countCards(len(c.fleet.Cards)))
	return c.close()
}

// checkConfig reads the configuration and what it names, without any call: what
// it finds is what plan would say before its first call.
func (prog *program) checkConfig(ctx context.Context, in inputOptions) (*configuration, error) {
	c, err := prog.openConfig(ctx, in, false)
	if err != nil {
		return nil, err
	}
	if _, err := c.signers(signersOption{}); err != nil {
		return nil, errors.Join(err, c.close())
	}
	prog.out.diagnostics(prog.unionMerges(c.config.Tables()))
	checks, diags := c.config.Checks(spec.Live{})
	if diags.HasErrors() {
		return nil, errors.Join(mistakes(diags), c.close())
	}
	prog.sayChecks(checks)
	return c, nil
}

// findMistakes is what checkConfig has to say, warnings included. The error is of
// what kept it from looking.
func (prog *program) findMistakes(ctx context.Context, in inputOptions) (spec.Diagnostics, error) {
	var diags spec.Diagnostics
	prog.out.collect = &diags
	c, err := prog.checkConfig(ctx, in)
	var failed *mistaken
	if errors.As(err, &failed) {
		return append(diags, failed.diags...), nil
	}
	if err != nil {
		return nil, err
	}
	return diags, c.close()
}

// validateJSON writes one object, as terraform validate -json does.
func (prog *program) validateJSON(ctx context.Context, o validateOptions) error {
	prog.open(viewOptions{})
	collected := []map[string]any{}
	errorCount, warningCount := 0, 0
	diags, err := prog.findMistakes(ctx, o.inputOptions)
	if err != nil {
		return err
	}
	for i := range diags {
		if severity(&diags[i]) == "error" {
			errorCount++
		} else {
			warningCount++
		}
		collected = append(collected, diagnosticJSON(&diags[i]))
	}
	if err := prog.env.writeJSON(func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{
			"format_version": "1.0", "valid": errorCount == 0, "error_count": errorCount, "warning_count": warningCount, "diagnostics": collected,
		})
	}); err != nil {
		return err
	}
	if errorCount > 0 {
		return exit(exitFailed)
	}
	return nil
}
