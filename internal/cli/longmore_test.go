//go:build !race

package cli_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// times writes n texts, each with its number.
func times(n int, text func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(text(i))
	}
	return b.String()
}

var lastLabel = regexp.MustCompile(`"([a-z]\w*)"( \{)$`)

// numberedBlock is a block's header and settings with a name, a card and a device of its own.
func numberedBlock(text string, i int) string {
	text = strings.ReplaceAll(text, kiosk, string(benchICCID(i)))
	lines := strings.Split(text, "\n")
	if m := lastLabel.FindStringSubmatch(lines[0]); m != nil && !strings.HasPrefix(lines[0], "provider") && !strings.Contains(lines[0], "backend") {
		lines[0] = lastLabel.ReplaceAllString(lines[0], fmt.Sprintf(`"%s%d"$2`, m[1], i))
	}
	if strings.HasPrefix(lines[0], "provider") {
		lines[0] += fmt.Sprintf("\n  alias = \"a%d\"", i)
	}
	return strings.Join(lines, "\n")
}

// longBlocks are all blocks, many of them beside each other, and many of those
// that stand in another one within one.
func longBlocks(t *testing.T) []long {
	blocks := allBlocks(t)
	var list []long
	for _, title := range slices.Sorted(maps.Keys(blocks)) {
		b := blocks[title]
		lay := func(text func(n int) string) func(r *rig, n int) []string {
			return func(r *rig, n int) []string {
				r.write("provider.fleet.hcl", provider)
				r.write("main.fleet.hcl", text(n))
				return []string{"validate", "-json"}
			}
		}
		var settings strings.Builder
		for _, name := range slices.Sorted(maps.Keys(b.settings)) {
			fmt.Fprintf(&settings, "  %s = %s\n", name, b.settings[name])
		}
		whole := b.before + "\n" + settings.String() + b.after
		list = append(list, long{name: "many of " + title, always: true, lay: lay(func(n int) string {
			return times(n, func(i int) string { return numberedBlock(whole, i) })
		})})
		if at := strings.LastIndex(b.before, "\n"); at >= 0 && strings.HasSuffix(b.before, "{") {
			inner := b.before[at+1:] + "\n" + settings.String() + "}\n"
			list = append(list, long{name: "many of " + title + " in one", always: true, lay: lay(func(n int) string {
				return b.before[:at+1] + times(n, func(i int) string { return inner }) + strings.TrimPrefix(b.after, "}\n")
			})})
		}
	}
	return list
}

// longReferences are many of whatever a name leads to, each referred to.
func longReferences() []long {
	var list []long
	add := func(name, once string, each func(i int) string) {
		list = append(list, long{name: name, always: true, lay: func(r *rig, n int) []string {
			r.write("main.fleet.hcl", provider+once+times(n, each))
			return []string{"validate", "-json"}
		}})
	}
	card := func(i int, rest string) string {
		return fmt.Sprintf("card \"c%d\" {\n  iccid = %q\n%s}\n", i, benchICCID(i), rest)
	}
	add("variables, each referred to", "", func(i int) string {
		return fmt.Sprintf("variable \"v%d\" { default = \"x\" }\n", i) + card(i, fmt.Sprintf("  labels = { a = var.v%d }\n", i))
	})
	add("local values, each referred to", "", func(i int) string {
		return fmt.Sprintf("locals {\n  l%d = \"x\"\n}\n", i) + card(i, fmt.Sprintf("  labels = { a = local.l%d }\n", i))
	})
	add("a chain of local values", "locals {\n  l0 = \"x\"\n}\n", func(i int) string { return fmt.Sprintf("locals {\n  l%d = local.l%d\n}\n", i+1, i) })
	add("outputs, each of a card", "", func(i int) string {
		return card(i, "") + fmt.Sprintf("output \"o%d\" { value = card.c%d.iccid }\n", i, i)
	})
	add("local values for outputs, each of a card", "", func(i int) string {
		return card(i, "") + fmt.Sprintf("locals {\n  l%d = card.c%d.live.active\n}\noutput \"o%d\" { value = local.l%d }\n", i, i, i, i)
	})
	add("outputs, each of a number", "", func(i int) string {
		return fmt.Sprintf("privacy_number \"n%d\" {\n  pool_key = \"p\"\n  subs_id = \"s%d\"\n}\noutput \"o%d\" { value = privacy_number.n%d.live.number }\n", i, i, i, i)
	})
	add("names that lead nowhere", "", func(i int) string { return card(i, fmt.Sprintf("  labels = { a = var.v%d, b = local.l%d }\n", i, i)) })
	return list
}

// longTables are tables of many rows, of many columns, and of many mistakes.
func longTables() []long {
	row := func(i int) string { return fmt.Sprintf("%s,%s,true\n", benchICCID(i), benchIMEI(i)) }
	tables := map[string]func(n int) string{
		"rows":          func(n int) string { return "iccid,imei,active\n" + times(n, row) },
		"one row again": func(n int) string { return "iccid,imei,active\n" + times(n, func(int) string { return row(1) }) },
		"wrong rows": func(n int) string {
			return "iccid,imei,active\n" + times(n, func(i int) string { return fmt.Sprintf("x%d,y,z,\n", i) })
		},
		"wrong cells": func(n int) string {
			return "iccid,imei,active\n" + times(n, func(i int) string { return fmt.Sprintf("x%d,y,z\n", i) })
		},
		"lines in a cell": func(n int) string {
			return "iccid,imei,active\n" + row(1) + fmt.Sprintf("%s,%q,true\n", benchICCID(2), strings.Repeat("a\n", n))
		},
		"columns": func(n int) string {
			return "iccid,imei,active" + times(n, func(i int) string { return fmt.Sprintf(",c%d", i) }) + "\n" + strings.TrimSpace(row(1)) + strings.Repeat(",x", n) + "\n"
		},
		"columns of one name": func(n int) string {
			return "iccid,imei,active" + strings.Repeat(",c", n) + "\n" + strings.TrimSpace(row(1)) + strings.Repeat(",x", n) + "\n"
		},
	}
	readers := map[string]func(r *rig) []string{
		"from_csv": func(r *rig) []string {
			r.write("main.fleet.hcl", provider+"card \"c\" {\n  from_csv = \"cards.csv\"\n  iccid = each.value.iccid\n  imei = each.value.imei\n  active = each.value.active\n}\n")
			return []string{"validate", "-json"}
		},
		"for_each": func(r *rig) []string {
			r.write("main.fleet.hcl", provider+"card \"c\" {\n  for_each = { for row in csvdecode(file(\"cards.csv\")) : row.iccid => row }\n  iccid = each.value.iccid\n  imei = each.value.imei\n  active = each.value.active\n}\n")
			return []string{"validate", "-json"}
		},
		"an approval": func(r *rig) []string {
			r.write("main.fleet.hcl", provider+"approval \"a\" {\n  action = \"unbind\"\n  from_csv = \"cards.csv\"\n}\n")
			return []string{"validate", "-json"}
		},
		"table": func(*rig) []string { return []string{"table", "cards.csv", "-out=out.csv"} },
	}
	var list []long
	for _, reader := range slices.Sorted(maps.Keys(readers)) {
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			list = append(list, long{name: reader + ", " + table, always: true, lay: func(r *rig, n int) []string {
				r.write("cards.csv", tables[table](n))
				return readers[reader](r)
			}})
		}
	}
	return append(list, long{name: "a workbook", always: true, lay: func(r *rig, n int) []string {
		r.write("cards.xlsx", workbook(r.t, n))
		return []string{"table", "cards.xlsx", "-out=out.csv"}
	}})
}

// workbook is a sheet of n cards.
func workbook(t testing.TB, n int) string {
	t.Helper()
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	require.NoError(t, err)
	require.NoError(t, w.SetRow("A1", []any{"iccid", "imei", "date"}))
	for i := range n {
		require.NoError(t, w.SetRow(fmt.Sprintf("A%d", i+2), []any{string(benchICCID(i)), string(benchIMEI(i)), 45000 + i%1000}))
	}
	require.NoError(t, w.Flush())
	out, err := f.WriteToBuffer()
	require.NoError(t, err)
	return out.String()
}

// valuesOfOptions are what an option takes, by what its help calls it.
var valuesOfOptions = map[string]func(i int) string{
	"NAME=VALUE":    func(i int) string { return fmt.Sprintf("carrier_url=http://127.0.0.1:%d", i%60000+1) },
	"FILE":          func(int) string { return "vars.fleetvars.hcl" },
	"KIND:N":        func(i int) string { return fmt.Sprintf("stop:%d", i) },
	"ADDR|ICCID":    func(i int) string { return string(benchICCID(i)) },
	"KEY=VALUE":     func(i int) string { return fmt.Sprintf("k%d=v", i) },
	"ICCID=IMEI":    func(i int) string { return string(benchICCID(i)) + "=" + string(benchIMEI(i)) },
	"NAME=THEIRS,…": func(i int) string { return fmt.Sprintf("n%d=t%d", i, i) },
}

// argumentsOfCommands are what the commands take that take any number, by what
// their help calls it.
var argumentsOfCommands = map[string]func(i int) string{
	"[FILE…]":                           func(int) string { return "vars.fleetvars.hcl" },
	"FILE…":                             func(int) string { return "one.csv" },
	"[ICCID|PROVIDER/ICCID|ADDR|GLOB…]": func(i int) string { return string(benchICCID(i)) },
	"ICCID|PROVIDER/ICCID|ADDR|GLOB…":   func(i int) string { return string(benchICCID(i)) },
	"[CARD…]":                           func(i int) string { return string(benchICCID(i)) },
	"CARD…":                             func(i int) string { return string(benchICCID(i)) },
}

// needed are what commands are given besides.
var needed = map[string][]string{
	"plan": {"-refresh=false"}, "apply": {"-refresh=false", "-auto-approve"}, "table": {"one.csv", "-out=out.csv"}, "import": {"-iccids=cards.csv", "-out=out.fleet.hcl"},
	"state pull": {}, "state list": {}, "resolve": {string(benchICCID(0)), "-done"},
}

// longCommandLines are the options and arguments that may be given any number of
// times, as the help of each command has them, on a fleet of as many cards.
func longCommandLines(t *testing.T) []long {
	r := newRig(t, describe())
	var list []long
	for _, command := range commandsBelow(r, nil) {
		help := r.run(append(slices.Clone(command), "-h")...).out
		title := strings.Join(command, " ")
		for _, m := range regexp.MustCompile(`(?m)^  -(\S+?)=(\S+) .*(?:may be repeated|…)`).FindAllStringSubmatch(help, -1) {
			value, ok := valuesOfOptions[m[2]]
			if title == "import" && m[1] == "columns" {
				continue // of one column
			}
			require.True(t, ok, "%s -%s may be repeated, and this test doesn't know what %s is", title, m[1], m[2])
			list = append(list, long{name: title + " -" + m[1], always: true, lay: func(r *rig, n int) []string {
				return append(commandOnCards(r, n, command), strings.Fields(times(n, func(i int) string { return "-" + m[1] + "=" + value(i) + " " }))...)
			}})
		}
		if m := regexp.MustCompile(`(?m)^Usage: .* (\S*…\S*)$`).FindStringSubmatch(help); m != nil {
			argument, ok := argumentsOfCommands[m[1]]
			require.True(t, ok, "%s takes %s, and this test doesn't know what that is", title, m[1])
			list = append(list, long{name: title + " " + m[1], always: true, lay: func(r *rig, n int) []string {
				return append(commandOnCards(r, n, command), strings.Fields(times(n, func(i int) string { return argument(i) + " " }))...)
			}})
		}
	}
	require.Greater(t, len(list), 20)
	return list
}

// commandsBelow are the commands below one, those of more words included.
func commandsBelow(r *rig, path []string) (commands [][]string) {
	help := r.run(append(slices.Clone(path), "-h")...).out
	_, list, ok := strings.Cut(help, "\nCommands:\n")
	if !ok {
		return [][]string{path}
	}
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		if name := strings.Fields(line)[0]; name != "completion" {
			commands = append(commands, commandsBelow(r, append(slices.Clone(path), name))...)
		}
	}
	return commands
}

// commandOnCards is a command, in a folder of n cards that are managed as they
// are declared.
func commandOnCards(r *rig, n int, command []string) []string {
	r.write("cards.csv", "iccid,imei,active\n"+times(n, func(i int) string { return fmt.Sprintf("%s,%s,true\n", benchICCID(i), benchIMEI(i)) }))
	r.write("main.fleet.hcl", provider+"card \"c\" {\n  from_csv = \"cards.csv\"\n  iccid = each.value.iccid\n  imei = each.value.imei\n  active = each.value.active\n}\n")
	r.write("one.csv", fmt.Sprintf("iccid,imei,active\n%s,%s,true\n", benchICCID(0), benchIMEI(0)))
	r.write("vars.fleetvars.hcl", "carrier_url = \"http://127.0.0.1:1\"\n")
	require.NoError(r.t, managed(r.dir, n))
	return append(slices.Clone(command), needed[strings.Join(command, " ")]...)
}

// longStates are what reads and writes a state of many cards.
func longStates() []long {
	commands := map[string][]string{
		"pull": {"state", "pull"}, "verify": {"state", "verify"}, "list": {"state", "list"}, "show": {"show"}, "history": {"state", "history"}, "push": {"state", "push", "-force", "pulled.json"},
		"plan, no change": {"plan", "-refresh=false"}, "plan, all change": {"plan", "-refresh=false", "-out=p.fleetplan", "-var-file=stop.fleetvars.hcl"},
		"import, all known": {"import", "-iccids=cards.csv", "-out=out.fleet.hcl"}, "a card": {"state", "show", string(benchICCID(0))}, "rm all": {"state", "rm", "card.c"},
	}
	var list []long
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		list = append(list, long{name: "state, " + name, always: true, lay: func(r *rig, n int) []string {
			commandOnCards(r, n, nil)
			text, err := os.ReadFile(r.dir + "/main.fleet.hcl")
			require.NoError(r.t, err)
			r.write("main.fleet.hcl", strings.Replace(string(text), "active = each.value.active", "active = var.on && each.value.active == \"true\"", 1)+"variable \"on\" { default = true }\n")
			r.write("stop.fleetvars.hcl", "on = false\n")
			if name == "push" {
				r.write("pulled.json", r.want(0, r.run("state", "pull")).out)
			}
			return commands[name]
		}})
	}
	return list
}

// longApprovals are files of approvals and of signers: with many actions, many
// signatures and many people.
func longApprovals() []long {
	unbinds := func(r *rig, n int) {
		commandOnCards(r, n, nil)
		r.person("alice")
		r.write("main.fleet.hcl", provider+"card \"c\" {\n  from_csv = \"cards.csv\"\n  iccid = each.value.iccid\n  bound = false\n}\nfleet {\n  policy {\n    allowed_signers = \"allowed_signers\"\n    limit \"unbind\" { percent = 100 }\n  }\n}\n")
		r.write("allowed_signers", "alice@example.com "+r.person("alice").public+"\n")
		r.want(0, r.run("plan", "-refresh=false", "-out=p.fleetplan"))
	}
	approved := func(r *rig, n int) string {
		unbinds(r, n)
		r.want(0, r.run("approve", "p.fleetplan", "-key=alice"))
		return r.read("p.fleetplan.approvals")
	}
	return []long{
		{name: "approvals, approve many actions", always: true, lay: func(r *rig, n int) []string {
			unbinds(r, n)
			return []string{"approve", "p.fleetplan", "-key=alice"}
		}},
		{name: "approvals, many actions", always: true, lay: func(r *rig, n int) []string {
			approved(r, n)
			return []string{"plan", "-refresh=false", "-approvals=p.fleetplan.approvals"}
		}},
		{name: "approvals, many signatures", always: true, lay: func(r *rig, n int) []string {
			r.write("many", strings.Repeat(approved(r, 1), min(n, 5000)))
			return []string{"plan", "-refresh=false", "-approvals=many"}
		}},
		{name: "approvals, many signers", always: true, lay: func(r *rig, n int) []string {
			approved(r, 1)
			key := r.person("alice").public
			r.write("allowed_signers", times(n, func(i int) string { return fmt.Sprintf("a%d@example.com %s\n", i, key) }))
			return []string{"show", "p.fleetplan"}
		}},
		{name: "a saved plan, show", always: true, lay: func(r *rig, n int) []string {
			unbinds(r, n)
			return []string{"show", "-json", "p.fleetplan"}
		}},
		{name: "a saved plan, markdown", always: true, lay: func(r *rig, n int) []string {
			unbinds(r, n)
			return []string{"show", "-markdown", "p.fleetplan"}
		}},
		{name: "a saved plan, html", always: true, lay: func(r *rig, n int) []string {
			unbinds(r, n)
			return []string{"show", "-html", "p.fleetplan"}
		}},
		{name: "a saved plan, check", always: true, lay: func(r *rig, n int) []string {
			unbinds(r, n)
			return []string{"plan", "-refresh=false", "-check=p.fleetplan"}
		}},
	}
}
