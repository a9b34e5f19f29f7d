package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/spec/table"
)

type initOptions struct {
	viewOptions
	from, sheet, provider, ci string
	columns, labels           []string
}

func (prog *program) initCommand() *cli.Command {
	o := &initOptions{}
	return &cli.Command{
		Name:  "init",
		Usage: "write a first configuration that works: a table, a policy, CI",
		Description: `Writes main.fleet.hcl, the table that it reads, .gitignore and the workflows of a CI. It writes over
nothing: what is there is kept, and said. The provider block has a simulated carrier, so that plan
and apply work at once and without credentials; a comment says how to reach the real one. On a
terminal it asks which carrier, unless -provider says so. It makes no call.`,
		UsageText: `cardfleet init
cardfleet init -provider=aliyun -from=cards.csv
cardfleet init -provider=jasper -from=export.xlsx -labels=city=城市 -ci=gitlab`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the cards in `FILE`, a table as the command table takes it; unless said, two made-up ones", Destination: &o.from},
			&cli.StringFlag{Name: "provider", Usage: "the carrier `P`, such as aliyun, or aliyun.hangzhou for a block with an alias", Destination: &o.provider},
			&cli.StringSliceFlag{Name: "columns", Usage: "with -from: names of ours for names of the file's, such as iccid=卡号: `NAME=THEIRS,…`; may be repeated", Destination: &o.columns},
			&cli.StringSliceFlag{Name: "labels", Usage: "with -from: columns that become labels, such as city=城市: `NAME=THEIRS,…`; may be repeated", Destination: &o.labels},
			&cli.StringFlag{Name: "sheet", Usage: "with -from: sheet `NAME` of a workbook; unless said, the one with ICCIDs", Destination: &o.sheet},
			&cli.StringFlag{Name: "ci", Usage: "workflows for `CI`: github, gitlab or none; unless said, what the folder shows, else github", Destination: &o.ci},
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return prog.runInit(ctx, *o)
		},
	}
}

// runInit writes what isn't there. A folder with a configuration keeps it.
func (prog *program) runInit(ctx context.Context, o initOptions) error {
	prog.open(o.viewOptions)
	if err := o.check(); err != nil {
		return err
	}
	there, err := configurationIn(prog.dir())
	switch {
	case err != nil:
		return err
	case len(there) > 0 && (o.from != "" || o.provider != ""):
		return refuse("The folder has a configuration", "%s is there already, and init writes over nothing. For more cards there are import and table; for another fleet, another folder: -chdir=DIR.", safe.Text(there[0]))
	}
	b := &beginning{dir: prog.dir()}
	if len(there) == 0 {
		if err := prog.firstFleet(ctx, b, o); err != nil {
			return err
		}
	}
	b.addIgnored()
	if err := b.addCI(cmp.Or(o.ci, prog.platform())); err != nil {
		return err
	}
	if err := b.write(); err != nil {
		return err
	}
	prog.sayBegun(b, there)
	if len(there) > 0 {
		return nil
	}
	return prog.looksRight(ctx)
}

// check refuses options that say nothing.
func (o *initOptions) check() error {
	switch {
	case o.ci != "" && !slices.Contains([]string{"github", "gitlab", "none"}, o.ci):
		return refuse("Unknown CI", "-ci=%s: there are workflows for github and gitlab, and there is none.%s", safe.Text(o.ci), didYouMean(o.ci, []string{"github", "gitlab", "none"}, ""))
	case o.from == "" && (len(o.columns)+len(o.labels) > 0 || o.sheet != ""):
		return refuse("No file", "-columns, -labels and -sheet are about the file of -from. Name it.")
	}
	return nil
}

// configurationIn are the files of a configuration that a folder has.
func configurationIn(dir string) ([]string, error) {
	names, err := config.Files(dir)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasSuffix(name, ".fleet.hcl") && !strings.HasSuffix(name, ".fleet.json")
	}), nil
}

// looksRight validates what was written: a list may say what no fleet can.
func (prog *program) looksRight(ctx context.Context) error {
	c, err := prog.checkConfig(ctx, inputOptions{})
	if err != nil {
		prog.out.say("\nThe files are written, and the configuration needs a correction first:\n")
		return err
	}
	prog.out.say("\nNext:\n\n  %s plan\n", prog.command())
	return c.close()
}

// firstFleet adds the configuration and its table.
func (prog *program) firstFleet(ctx context.Context, b *beginning, o initOptions) error {
	name, typ, err := prog.chosenProvider(ctx, o.provider)
	if err != nil {
		return err
	}
	able, err := capabilitiesOf(typ, prog.providerEnv())
	if err != nil {
		return err
	}
	f := firstFleet{provider: name, schema: typ.Schema, able: able}
	if o.from == "" {
		f.sample()
	} else if err := prog.takeList(&f, o); err != nil {
		return err
	}
	text, err := f.hcl()
	if err != nil {
		return err
	}
	b.add("main.fleet.hcl", text, "the configuration: "+string(name)+", a policy, "+countCards(len(f.table.Rows)))
	if f.written {
		b.add(f.tableName, f.csv, countCards(len(f.table.Rows)))
	}
	return nil
}

// chosenProvider is the provider that was named, or that somebody chooses.
func (prog *program) chosenProvider(ctx context.Context, given string) (spec.ProviderName, providers.Type, error) {
	types := all.Types()
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, t.Schema.Type)
	}
	slices.Sort(names)
	if given == "" {
		chosen, err := prog.askFor(ctx, "Which carrier are the cards of? "+strings.Join(names, ", "), "aliyun")
		if err != nil {
			return "", providers.Type{}, err
		}
		given = chosen
	}
	typ, alias, aliased := strings.Cut(given, ".")
	at := slices.IndexFunc(types, func(t providers.Type) bool { return t.Schema.Type == typ })
	switch {
	case at < 0:
		return "", providers.Type{}, refuse("Unknown provider", "There is no provider %q.%s There are: %s. A carrier that isn't among them may be described: docs/carriers.md.", safe.Text(typ), didYouMean(typ, names, ""), strings.Join(names, ", "))
	case aliased && !config.ValidName(alias):
		return "", providers.Type{}, refuse("Invalid name", "-provider=%s: an alias is a letter, then letters, digits, underscores and dashes, such as aliyun.hangzhou.", safe.Text(given))
	}
	return spec.ProviderName(given), types[at], nil
}

// askFor asks on a terminal; no answer is the one that is offered.
func (prog *program) askFor(ctx context.Context, question, offered string) (string, error) {
	if !prog.env.InTTY {
		return offered, nil
	}
	prog.out.say("%s\n\n  Enter a name, or nothing for %s: ", question, offered)
	line, err := prog.env.answer(ctx)
	return cmp.Or(line, offered), err
}

// capabilitiesOf is what a type of provider can do, whatever its credentials are.
func capabilitiesOf(typ providers.Type, env providers.Env) (spec.Capabilities, error) {
	p, diags := typ.Open(example(typ.Schema), env)
	if p == nil {
		return spec.Capabilities{}, mistakes(diags)
	}
	return p.Capabilities(), nil
}

// takeList takes the cards of a list that somebody handed over.
func (prog *program) takeList(f *firstFleet, o initOptions) error {
	columns, err := parseColumns("columns", o.columns)
	if err != nil {
		return err
	}
	labels, err := parseColumns("labels", o.labels)
	if err != nil {
		return err
	}
	for name, theirs := range labels {
		if _, twice := columns[name]; twice || slices.Contains(ownColumns(), name) {
			return refuse("Invalid option", "-labels=%s: that name is a column of ours.", safe.Text(name))
		}
		columns[name] = theirs
		f.labels = append(f.labels, name)
	}
	slices.Sort(f.labels)
	f.table, err = readTable(prog.out, prog.dir(), []string{o.from}, o.sheet, table.Options{Columns: columns})
	if err != nil {
		return err
	}
	var canonical bytes.Buffer
	if err := f.table.Write(&canonical); err != nil {
		return err
	}
	f.csv = canonical.Bytes()
	return prog.placeTable(f, o.from)
}

// placeTable names the table of the fleet: the list itself, where that is one.
func (prog *program) placeTable(f *firstFleet, from string) error {
	source := within(prog.dir(), from)
	inside := filepath.Dir(source) == filepath.Clean(prog.dir())
	text, err := file.Read(source)
	if err != nil {
		return err
	}
	if inside && bytes.Equal(text, f.csv) {
		f.tableName = filepath.Base(source)
		prog.out.say("%s is read as it is: %s.\n", safe.Text(f.tableName), countCards(len(f.table.Rows)))
		return prog.sayColumns(f)
	}
	f.tableName, f.written = "cards.csv", true
	if inside && filepath.Base(source) == f.tableName {
		f.tableName = "fleet.csv"
	}
	if _, err := os.Lstat(within(prog.dir(), f.tableName)); !errors.Is(err, fs.ErrNotExist) {
		return refuse("File exists", "%s would be written from %s, and is there already. Move it away, or take it with -from=%s.", f.tableName, safe.Text(from), f.tableName)
	}
	notesOf(prog.out, f.table)
	return prog.sayColumns(f)
}

// sayColumns says of each column what becomes of it.
func (prog *program) sayColumns(f *firstFleet) error {
	var used, unable, unknown []string
	for _, c := range f.table.Columns {
		switch {
		case slices.Contains(f.labels, c):
			used = append(used, c+" (a label)")
		case !slices.Contains(ownColumns(), c):
			unknown = append(unknown, safe.Text(c))
		case f.manages(c):
			used = append(used, c)
		default:
			unable = append(unable, c)
		}
	}
	prog.out.say("Columns: %s.\n", safe.Text(strings.Join(used, ", ")))
	if len(unable) > 0 {
		prog.out.say("Left out, since %s can neither read nor change it: %s.\n", f.provider.Type(), strings.Join(unable, ", "))
	}
	if len(unknown) > 0 {
		prog.out.say("Unknown columns, which stay in %s and mean nothing: %s. -labels=NAME=COLUMN makes a label of one, -columns=NAME=COLUMN one of ours.\n", f.tableName, strings.Join(unknown, ", "))
	}
	return nil
}

// sayBegun says what was written and what was kept.
func (prog *program) sayBegun(b *beginning, there []string) {
	for _, name := range there {
		b.kept = append(b.kept, begun{name: name, what: "the configuration"})
	}
	list := func(title string, files []begun) {
		if len(files) == 0 {
			return
		}
		prog.out.result("%s\n", title)
		for _, f := range folded(files) {
			l := prog.out.style.Lang
			prog.out.result("  %s %s\n", padded(l.Text(safe.Text(f.name)), 32), l.Word(safe.Text(f.what)))
		}
	}
	list("Written:", b.wrote)
	list("Kept, as it was there already:", b.kept)
	if len(b.lacks) > 0 {
		prog.out.result("Add to .gitignore: %s\n", strings.Join(b.lacks, " "))
	}
	if b.repository != "" {
		prog.out.result("%s is the repository: workflows are only found there, so move .github or .gitlab-ci.yml and ci/ to it, and set CARDFLEET_DIR in them.\n", safe.Text(b.repository))
	}
	if len(b.wrote) == 0 {
		prog.out.result("Nothing to write.\n")
	}
}

// platform is the CI that a folder is likely for.
func (prog *program) platform() string {
	remotes, _ := os.ReadFile(filepath.Join(prog.dir(), ".git", "config")) // without one, nothing is known
	_, err := os.Lstat(filepath.Join(prog.dir(), ".gitlab-ci.yml"))
	if err == nil || prog.env.getenv("GITLAB_CI") != "" || strings.Contains(string(remotes), "gitlab") {
		return "gitlab"
	}
	return "github"
}

// begun is a file that was written or kept.
type begun struct{ name, what string }
