package cli

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
)

type validateOptions struct {
	viewOptions
	inputOptions
}

func validateCommand(env *Env, root *rootOptions) *cli.Command {
	o := &validateOptions{}
	return &cli.Command{
		Name:      "validate",
		Usage:     "read the configuration; no calls, no state",
		UsageText: "cardfleet validate",
		Flags: append(o.inputOptions.flags(),
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
			&cli.BoolFlag{Name: "json", Usage: "the diagnostics as one JSON object", Destination: &o.json}),
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return runValidate(env, root, *o)
		},
	}
}

func runValidate(env *Env, root *rootOptions, o validateOptions) error {
	if o.json {
		return validateJSON(env, root, o)
	}
	out := root.open(env, o.viewOptions)
	s, err := openConfig(env, out, root.dir(env), o.inputOptions, false)
	if err != nil {
		return err
	}
	out.result("Success! The configuration is valid: %s.\n", countCards(len(s.fleet.Cards)))
	return s.close()
}

// validateJSON writes one object, as terraform validate -json does.
func validateJSON(env *Env, root *rootOptions, o validateOptions) error {
	out := root.open(env, viewOptions{})
	collected := []map[string]any{}
	errorCount, warningCount := 0, 0
	var diags spec.Diagnostics
	out.collect = &diags
	s, err := openConfig(env, out, root.dir(env), o.inputOptions, false)
	var failed *exitError
	switch {
	case errors.As(err, &failed):
		diags = append(diags, failed.diags...)
	case err != nil:
		return err
	default:
		defer s.close() //nolint:errcheck // nothing was opened that could fail to close
	}
	for i := range diags {
		if severity(&diags[i]) == "error" {
			errorCount++
		} else {
			warningCount++
		}
		collected = append(collected, diagnosticJSON(&diags[i]))
	}
	enc := json.NewEncoder(env.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(map[string]any{
		"format_version": "1.0", "valid": errorCount == 0, "error_count": errorCount, "warning_count": warningCount, "diagnostics": collected,
	}); err != nil {
		return err
	}
	if errorCount > 0 {
		return exit(exitFailed)
	}
	return nil
}
