package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// TestApprovalsAndPolicyHoldWhatStandsInTheFile walks what could say something
// else tomorrow, or on another machine.
func TestApprovalsAndPolicyHoldWhatStandsInTheFile(t *testing.T) {
	frame := "variable \"x\" {\n  default = \"1\"\n}\nlocals {\n  x = \"1\"\n}\n"
	block := func(attributes string) string {
		return "approval \"a\" {\n  action = \"unbind\"\n" + attributes + "\n}\n"
	}
	policy := func(attributes string) string { return "fleet {\n  policy {\n" + attributes + "\n  }\n}\n" }
	const cards = "  cards = {}\n"
	for config, underlines := range map[string]string{
		block("  cards = var.x"):   "var.x",
		block("  cards = local.x"): "local.x",
		block("  cards = { for k in [var.x] : k => \"861536030196001\" }"):       "var.x",
		block("  cards = csvdecode(file(\"a.csv\"))"):                            "csvdecode",
		block("  cards = { \"" + iccidA + "\" = env(\"IMEI\") }"):                "env",
		block("  cards = { (lower(\"" + iccidA + "\")) = \"861536030196001\" }"): "lower",
		block(cards + "  expires = timeadd(timestamp(), \"24h\")"):               "timeadd",
		block(cards + "  expires = \"2026-12-0${var.x}T00:00:00Z\""):             "var.x",
		block(cards + "  reason = path.cwd"):                                     "path.cwd",
		block(cards + "  reason = \"${path.cwd}\""):                              "path.cwd",
		block("  from_csv = \"${path.root}/a.csv\""):                             "\"${path.root}/a.csv\"",
		policy("    guard = [var.x]"):                                            "var.x",
		policy("    on_remove = local.x"):                                        "local.x",
		policy("    required_approvals = var.x"):                                 "var.x",
		policy("    required_approvals = max(1, 2)"):                             "max",
		policy("    allowed_signers = \"${env(\"HOME\")}/signers\""):             "env",
		policy("    approval_max_age = var.x"):                                   "var.x",
		policy("    limit \"stop\" {\n      count = var.x\n    }"):               "var.x",
		policy("    limit \"stop\" {\n      percent = 1 + local.x\n    }"):       "local.x",
	} {
		diags := mistakes(t, map[string]string{"main.fleet.hcl": frame + config})
		require.Len(t, diags, 1, "%s: %v", config, texts(diags))
		assert.Equal(t, "Value is not constant", diags[0].Summary, config)
		assert.True(t, strings.HasPrefix(underlined(diags[0]), underlines), "%s: %q", config, underlined(diags[0]))
	}
}

func TestJSONHoldsConstantsToo(t *testing.T) {
	for approval, summary := range map[string]string{
		`{"action": "unbind", "cards": "${var.x}"}`:                                        "Value is not constant",
		`{"action": "unbind", "cards": {}, "expires": "${timeadd(timestamp(), \"24h\")}"}`: "Value is not constant",
	} {
		diags := mistakes(t, map[string]string{"main.fleet.json": `{"variable": {"x": {"default": {}}}, "approval": {"a": ` + approval + `}}`})
		require.Len(t, diags, 1, "%v", texts(diags))
		assert.Equal(t, summary, diags[0].Summary)
	}
	c := mustLoad(t, map[string]string{"main.fleet.json": `{"approval": {"a": {"action": "unbind", "cards": {"` + iccidA + `": "861536030196001"}}}}`})
	assert.Len(t, c.Fleet.Approvals[0].Cards, 1)
}

func TestConstantsOfOtherShapesAreConstants(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.hcl": `
fleet {
  policy {
    allowed_signers    = "${path.root}/signers"
    required_approvals = 1 + 1
    approval_max_age   = "48h"
    limit "stop" { percent = 3 * 10 }
  }
}
approval "a" {
  action = "unbind"
  cards  = { for k in ["` + iccidA + `"] : k => "861536030196001" }
  reason = <<-EOT
    returned
  EOT
}
`})
	p := c.Fleet.Policy
	assert.Equal(t, "./signers", p.AllowedSigners)
	assert.Equal(t, 2, p.RequiredApprovals)
	assert.Equal(t, 48*time.Hour, p.ApprovalMaxAge)
	assert.InDelta(t, 30, *p.Limits[0].Percent, 0)
	assert.Equal(t, []spec.ApprovedCard{{ICCID: iccidA, IMEI: "861536030196001"}}, c.Fleet.Approvals[0].Cards)
}

func TestAnApprovalIsReadFromATable(t *testing.T) {
	const block = "approval \"a\" {\n  action = \"unbind\"\n  from_csv = \"rma/cards.csv\"\n}\n"
	c := mustLoad(t, map[string]string{"main.fleet.hcl": block, "rma/cards.csv": "note,imei,iccid\nlost,861536030196019," + strings.ToLower(iccidB) + "\n,861536030196001," + iccidA + "\n"})
	cards := []spec.ApprovedCard{{ICCID: iccidA, IMEI: "861536030196001"}, {ICCID: iccidB, IMEI: "861536030196019"}}
	assert.ElementsMatch(t, cards, c.Fleet.Approvals[0].Cards)
	assert.Less(t, c.Fleet.Approvals[0].Cards[0].ICCID, c.Fleet.Approvals[0].Cards[1].ICCID)
	other := mustLoad(t, map[string]string{"main.fleet.hcl": block, "rma/cards.csv": "iccid,imei\n" + iccidA + ",861536030196001\n"})
	assert.NotEqual(t, c.Fleet.Digest, other.Fleet.Digest, "the table is part of the configuration")

	for table, want := range map[string]string{
		"":                                   "The file is empty",
		"iccid,imei\n":                       "rma/cards.csv has no row, so the approval names no card",
		"iccid,device\n":                     `There is no column "imei"`,
		"imei\n861536030196001\n":            `There is no column "iccid"`,
		"iccid,imei\n8986,861536030196001\n": `rma/cards.csv row 2, column "iccid": `,
		"iccid,imei\n" + iccidA + ",12\n":    `rma/cards.csv row 2, column "imei", ICCID ` + iccidA + `: `,
		"iccid,imei\n" + iccidA + ",\n":      `column "imei", ICCID ` + iccidA,
		"iccid,imei\n" + iccidA + "\n":       "The row has 1 field, and the header names 2 columns",
		"iccid,imei\n" + iccidA + ",861536030196001\n" + strings.ToLower(iccidA) + ",861536030196019\n": "The card stands in row 2 too",
	} {
		diags := mistakes(t, map[string]string{"main.fleet.hcl": block, "rma/cards.csv": table})
		require.Len(t, diags, 1, "%q: %v", table, texts(diags))
		assert.Contains(t, diags[0].Detail, want, "%q", table)
	}
}

func TestAnApprovalsTableLiesBelowTheConfiguration(t *testing.T) {
	outside := writeFiles(t, map[string]string{"rma.csv": "iccid,imei\n" + iccidA + ",861536030196001\n"})
	for _, path := range []string{filepath.Join(outside, "rma.csv"), "../rma.csv", "link.csv", "none.csv"} {
		dir := writeFiles(t, map[string]string{"main.fleet.hcl": "approval \"a\" {\n  action = \"unbind\"\n  from_csv = \"" + path + "\"\n}\n"})
		require.NoError(t, os.Symlink(filepath.Join(outside, "rma.csv"), filepath.Join(dir, "link.csv")))
		c, diags := Load(testOptions(dir))
		require.Nil(t, c)
		require.Len(t, diags, 1, "%v", texts(diags))
		assert.Equal(t, "File cannot be read", diags[0].Summary, path)
		assert.Contains(t, diags[0].Detail, "so that it is reviewed with it", path)
	}
}

// What says a thing twice, or says no reason, is a warning: it may be meant.
func TestDoubtfulApprovalsAndRemovalsAreWarnings(t *testing.T) {
	bare := iccidA[:19]
	approves := func(cards, reason string) string {
		return "approval \"a\" {\n  action = \"unbind\"\n  " + cards + "\n" + reason + "}\n"
	}
	const device, said = `= "861536030196001"`, "  reason = \"returned\"\n"
	one := `cards = { "` + iccidA + `" ` + device + ` }`
	for name, row := range map[string]struct {
		text, summary, detail string
		line                  int
	}{
		"no reason":             {approves(one, ""), "Approval without a reason", "The approval says no reason", 1},
		"a null":                {approves(one, "  reason = null\n"), "Approval without a reason", "The approval says no reason", 1},
		"a blank reason":        {approves(one, "  reason = \" \"\n"), "Approval without a reason", "The approval says no reason", 1},
		"the plan's own block":  {approves(one, "  reason = \"…\"\n"), "Approval without a reason", "The approval says no reason", 1},
		"a card, spelled twice": {approves(`cards = { "`+iccidA+`" `+device+`, "`+bare+`" `+device+` }`, said), "Perhaps one card twice", "The ICCIDs " + bare + " and " + iccidA + " agree in 19 characters", 3},
		"a table's card":        {approves(`from_csv = "rma.csv"`, said), "Perhaps one card twice", "It and the ICCID " + iccidA + " of row 2 agree in 19 characters", 3},
		"removed twice":         {"removed {\n  iccids = [\"" + iccidA + "\"]\n}\nremoved {\n  iccids = [\"" + iccidA + "\"]\n}\n", "Card is removed twice", iccidA + " is removed here and at main.fleet.hcl line 2. Delete one of the two.", 5},
		"removed, spelled twice": {"removed {\n  iccids = [\n    \"" + iccidA + "\",\n    \"" + bare + "\",\n    \"" + iccidA + "\",\n  ]\n}\n", "Perhaps one card twice",
			"The ICCIDs " + iccidA + ", removed at main.fleet.hcl line 3, and " + bare + " agree in 19 characters", 4},
	} {
		dir := writeFiles(t, map[string]string{"main.fleet.hcl": row.text, "rma.csv": "iccid,imei\n" + iccidA + ",861536030196001\n" + bare + ",861536030196001\n"})
		c, diags := Load(testOptions(dir))
		if assert.NotEmpty(t, diags, name) && assert.False(t, diags.HasErrors(), "%s: %v", name, diags) {
			assert.Equal(t, row.summary, diags[0].Summary, name)
			assert.Contains(t, diags[0].Detail, row.detail, name)
			assert.Equal(t, spec.Warning, diags[0].Severity, name)
			if diags[0].Subject.File != "rma.csv" {
				assert.Equal(t, row.line, diags[0].Subject.Start.Line, name)
			}
			for _, of := range c.Fleet.Removed {
				assert.Contains(t, []spec.ICCID{iccidA, spec.ICCID(bare)}, of.ICCID, name)
			}
			assert.LessOrEqual(t, len(c.Fleet.Removed), 2, name)
		}
	}
}
