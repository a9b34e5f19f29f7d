package cli

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
)

func (prog *program) versionCommand() *cli.Command {
	asJSON := false
	return &cli.Command{
		Name:      "version",
		Usage:     "print the version",
		UsageText: "cardfleet version -json",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON", Destination: &asJSON}},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			platform := runtime.GOOS + "_" + runtime.GOARCH
			if asJSON {
				enc := json.NewEncoder(prog.env.Out)
				enc.SetIndent("", "  ")
				return enc.Encode(map[string]string{"cardfleet_version": Version, "platform": platform})
			}
			prog.open(viewOptions{})
			prog.out.result("cardfleet v%s\non %s\n", Version, platform)
			return nil
		},
	}
}

func (prog *program) providersCommand() *cli.Command {
	return &cli.Command{
		Name:      "providers",
		Usage:     "show what each provider can read and change",
		UsageText: "cardfleet providers",
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			prog.open(viewOptions{})
			if _, err := prog.definitions(true); err != nil {
				return err
			}
			text, err := providerTable(prog.types(), prog.providerEnv(), prog.out.style.Lang)
			if err != nil {
				return err
			}
			prog.out.result("%s", text)
			return nil
		},
	}
}

// providerTable is a table of what each provider type can do. A type that needs
// settings to be opened says what it can with made-up ones: it makes no call.
func providerTable(types []providers.Type, env providers.Env, l lang.Language) (string, error) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(toldRow(l, "provider", "reads", "changes", "binds by value", "calls a card", "lists cards", "privacy numbers", "facts"))
	for _, typ := range types {
		p, diags := typ.Open(example(typ.Schema), env)
		if p == nil {
			return "", mistakes(diags)
		}
		able := p.Capabilities()
		t.AppendRow(table.Row{
			typ.Schema.Type, l.Word(attributes(able)), l.Word(kinds(able.Changes)), l.Word(yesNo(able.CanChange(spec.ChangeBind))), able.CallsToRead(told(able)),
			l.Word(yesNo(able.Lists)), l.Word(yesNo(able.Numbers)), l.Word(typ.Facts),
		})
	}
	return t.Render() + "\n", nil
}

// toldRow is a row of a table, told in the language.
func toldRow(l lang.Language, cells ...string) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = l.Word(cell)
	}
	return row
}

// example is a block with made-up credentials.
func example(schema spec.Schema) spec.ProviderConfig {
	config := spec.ProviderConfig{Name: spec.ProviderName(schema.Type), Settings: map[string]any{}}
	for _, s := range schema.Settings {
		if s.Env != "" || schema.Defined {
			config.Settings[s.Name] = "example"
		}
	}
	if schema.Defined && schema.Endpoint == "" {
		config.Settings["endpoint"] = "https://carrier.example"
	}
	return config
}

// told are the attributes that a reading may tell. The device in use is told in the
// binding's place.
func told(able spec.Capabilities) spec.Attr {
	if able.ObservesIMEI {
		return able.Reads | spec.AttrBinding
	}
	return able.Reads
}

func attributes(able spec.Capabilities) string {
	names := []string{"status"}
	switch {
	case able.Reads.Has(spec.AttrBinding):
		names = append(names, spec.AttrBinding.String())
	case able.ObservesIMEI:
		names = append(names, spec.AttrBinding.String()+" in use")
	}
	if able.Reads.Has(spec.AttrPackages) {
		names = append(names, spec.AttrPackages.String())
	}
	return strings.Join(names, ", ")
}

func kinds(list []spec.Kind) string {
	names := make([]string, 0, len(list))
	for _, k := range list {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
