package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// underlined is the part of the source that a diagnostic marks.
func underlined(d spec.Diagnostic) string {
	if d.Snippet == nil {
		return ""
	}
	return d.Snippet.Code[d.Snippet.From:d.Snippet.To]
}

const (
	iccidA = "898600D6991330004146"
	iccidB = "898602B0011430000544"
)

// Each row is a mistake in a configuration that is right otherwise: where it
// is shown, and what is said. The provider stands in a file of its own.
func TestMistakes(t *testing.T) {
	card := func(lines string) string { return "card \"bike\" {\n  iccid = \"" + iccidA + "\"\n" + lines + "\n}\n" }
	for _, row := range []struct {
		name, config string
		summary      string
		line         int
		underlined   string
		detail       string
	}{
		{"misspelt block", "crad \"bike\" {}", "Unsupported block type", 1, `crad`, `Did you mean "card"?`},
		{"misspelt attribute", card(`  ime = "861536030196001"`), "Unsupported argument", 3, `ime`, `An argument named "ime" is not expected here. Did you mean "imei"?`},
		{"no iccid", "card \"bike\" {\n}", "Missing required argument", 1, `{`, `The argument "iccid" is required`},
		{"null iccid", "card \"bike\" {\n  iccid = null\n}", "Missing ICCID", 2, `null`, `every card needs its ICCID`},
		{"bad iccid", "card \"bike\" {\n  iccid = \"8986\"\n}", "Invalid ICCID", 2, `"8986"`, `"8986" has 4 characters; an ICCID has 19 or 20.`},
		{"number iccid", "card \"bike\" {\n  iccid = 89860617030017300390\n}", "Number in place of text", 2, `89860617030017300390`, `write it in quotes`},
		{"list iccid", "card \"bike\" {\n  iccid = []\n}", "Unsuitable value", 2, `[]`, `An ICCID is a text`},
		{"blank imei", card(`  imei = ""`), "Blank IMEI", 3, `""`, `omit imei or make it null; where the card must have no device, write bound = false`},
		{"white imei", card(`  imei = " "`), "Blank IMEI", 3, `" "`, `never means unbind`},
		{"bad imei", card(`  imei = "86153603019600x"`), "Invalid IMEI", 3, `"86153603019600x"`, `digits only`},
		{"blank current_imei", card(`  current_imei = ""`), "Blank IMEI", 3, `""`, `omit current_imei`},
		{"number msisdn", card(`  msisdn = 1064633113571`), "Number in place of text", 3, `1064633113571`, `write it in quotes`},
		{"bad msisdn", card(`  msisdn = "+8614765004176"`), "Invalid MSISDN", 3, `"+8614765004176"`, `digits only`},
		{"rounded msisdn", card(`  msisdn = "1.06463E+12"`), "Invalid MSISDN", 3, `"1.06463E+12"`, `a spreadsheet rounded`},
		{"short msisdn", card(`  msisdn = "1064"`), "Invalid MSISDN", 3, `"1064"`, `has 4 digits; an MSISDN has 5 to 15`},
		{"bound and imei", card("  bound = false\n  imei = \"86153603019600\""), "Contradiction", 3, `bound = false`, `Delete one of the two`},
		{"bad bool", card(`  active = "yes"`), "Unsuitable value", 3, `"yes"`, `takes true and false in any case, 1 and 0`},
		{"bad packages", card(`  packages = "10002"`), "Unsuitable value", 3, `"10002"`, `list of package ids`},
		{"blank package", card(`  packages = ["a", ""]`), "Blank package", 3, `["a", ""]`, `an empty list means no packages`},
		{"bad labels", card(`  labels = "x"`), "Unsuitable value", 3, `"x"`, `map of texts`},
		{"unknown variable", "variable \"city\" { default = \"x\" }\n" + card(`  labels = { city = var.ctiy }`), "Undeclared variable", 4, `var.ctiy`, `There is no variable named "ctiy". Did you mean "city"?`},
		{"unknown local", "locals { city = \"x\" }\n" + card(`  labels = { city = local.ctiy }`), "Undeclared local value", 4, `local.ctiy`, `Did you mean "city"?`},
		{"unknown function", card(`  labels = { city = uper("x") }`), "Call to unknown function", 3, `uper`, `Did you mean "upper"?`},
		{"unknown root", card(`  active = yes`), "Unknown name", 3, `yes`, `a text needs quotes: "yes"`},
		{"bare var", card(`  active = var`), "Incomplete reference", 3, `var`, `such as var.NAME`},
		{"unknown path", card(`  labels = { a = path.rot }`), "Unknown name", 3, `path.rot`, `Did you mean "root"?`},
		{"each outside", card(`  labels = { a = each.key }`), "No each here", 3, `each.key`, `for_each or from_csv`},
		{"unknown provider", card(`  provider = aliyun.hangzou`), "Unknown provider", 3, `aliyun.hangzou`, `Did you mean "aliyun.hangzhou"? There are: aliyun.hangzhou.`},
		{"quoted provider", card(`  provider = "aliyun.hangzhou"`), "Invalid provider reference", 3, `"aliyun.hangzhou"`, `without quotes`},
		{"card in a card", "card \"a\" { iccid = \"" + iccidB + "\" }\n" + card(`  imei = card.a.imei`), "Value known too late", 4, `card.a.imei`, `card.a can't be used here`},
		{"live in for_each", "card \"a\" { iccid = \"" + iccidB + "\" }\ncard \"b\" {\n  for_each = toset(card.a.live.packages)\n  iccid = each.key\n}", "Value known too late", 3, `card.a.live.packages`, `known only after the configuration was read`},
		{"late local", "card \"a\" { iccid = \"" + iccidB + "\" }\nlocals {\n  x = local.y\n  y = card.a.live.imei\n}\n" + card(`  imei = local.x`), "Value known too late", 8, `local.x`, `local.x refers to card.a`},
		{"unknown card", "output \"x\" { value = card.bik.iccid }\n" + card(``), "Undeclared card", 1, `card.bik.iccid`, `Did you mean "bike"?`},
		{"unknown number", "output \"x\" { value = privacy_number.y.live }", "Undeclared privacy_number", 1, `privacy_number.y.live`, `privacy_number "y" { … }`},
		{"unknown card attribute", "output \"x\" { value = card.bike.imai }\n" + card(``), "Unsupported attribute", 1, `.imai`, `imai`},
		{"sensitive output", "output \"x\" { value = sensitive(\"abcdef\") }", "Output refers to sensitive values", 1, `sensitive("(sensitive value)")`, `sensitive = true`},
		{"sensitive card", card(`  labels = { a = sensitive("abcdef") }`), "Sensitive value", 3, `{ a = sensitive("(sensitive value)") }`, `nonsensitive(…)`},
		{"notify type", "fleet {\n  notify \"feshu\" { url = \"https://x\" }\n}", "Unknown type of notification", 2, `"feshu"`, `Did you mean "feishu"?`},
		{"notify without a url", "fleet {\n  notify \"slack\" {}\n}", "Missing required argument", 2, `{`, `"url" is required`},
		{"notify url", "fleet {\n  notify \"slack\" { url = \"hooks.slack.com/services/x\" }\n}", "Invalid URL", 2, `"(sensitive value)"`, `beginning with https://`},
		{"notify event", "fleet {\n  notify \"slack\" {\n    url = \"https://x\"\n    on  = [\"drfit\"]\n  }\n}", "Unknown event", 4, `["drfit"]`, `Did you mean "drift"?`},
		{"notify of nothing", "fleet {\n  notify \"slack\" {\n    url = \"https://x\"\n    on  = []\n  }\n}", "Empty list", 4, `[]`, `leave it out for all`},
		{"notify secret", "fleet {\n  notify \"wecom\" {\n    url    = \"https://x\"\n    secret = \"abcdef\"\n  }\n}", "Unsuitable attribute", 4, `"(sensitive value)"`, `Leave secret out`},
		{"ignore_changes", card("  lifecycle {\n    ignore_changes = [package]\n  }"), "Unknown attribute", 4, `package`, `Did you mean "packages"?`},
		{"prevent_unbind", card("  lifecycle {\n    prevent_unbind = 7\n  }"), "Unsuitable value", 4, `7`, `prevent_unbind must be true or false`},
		{"two lifecycles", card("  lifecycle {}\n  lifecycle {}"), "Duplicate lifecycle block", 4, `lifecycle`, `main.fleet.hcl line 3`},
		{"two cards of a name", card("") + "card \"bike\" { iccid = \"" + iccidB + "\" }", "Duplicate name", 5, `card "bike"`, `card "bike" is declared twice: here and at main.fleet.hcl line 1`},
		{"duplicate iccid", card("") + "card \"b\" {\n  iccid = \"" + strings.ToLower(iccidA) + "\"\n}", "Duplicate ICCID", 6, `iccid = "` + strings.ToLower(iccidA) + `"`, `in card.b (main.fleet.hcl line 6), and in card.bike (main.fleet.hcl line 2)`},
		{"one device in two spellings", card(`  imei = "861536000000100"`) + "card \"b\" {\n  iccid = \"" + iccidB + "\"\n  imei = \"861536000000101\"\n}", "Duplicate IMEI", 7, `imei = "861536000000101"`,
			`The IMEIs 861536000000101 in card.b (main.fleet.hcl line 7) and 861536000000100 in card.bike (main.fleet.hcl line 3) name one device: the first 14 digits are the device's, 86153600000010 in both.`},
		{"duplicate imei", card(`  imei = "86153603019600"`) + "card \"b\" {\n  iccid = \"" + iccidB + "\"\n  imei = \"8615360301960012\"\n  shared_imei = true\n}", "Duplicate IMEI", 7, `imei = "8615360301960012"`, `shared_imei = true in both`},
		{"both sources", "card \"a\" {\n  for_each = {}\n  from_csv = \"x.csv\"\n  iccid = each.key\n}", "Contradiction", 3, `from_csv`, `not both`},
		{"null for_each", "card \"a\" {\n  for_each = null\n  iccid = each.key\n}", "Invalid for_each", 2, `null`, `write an empty map: {}`},
		{"list for_each", "card \"a\" {\n  for_each = [\"x\"]\n  iccid = each.key\n}", "Invalid for_each", 2, `["x"]`, `toset(…)`},
		{"text for_each", "card \"a\" {\n  for_each = \"x\"\n  iccid = each.key\n}", "Invalid for_each", 2, `"x"`, `this is string`},
		{"sensitive for_each", "card \"a\" {\n  for_each = sensitive({})\n  iccid = each.key\n}", "Invalid for_each", 2, `sensitive({})`, `for_each is sensitive`},
		{"sensitive element", "card \"a\" {\n  for_each = toset([sensitive(\"abcdef\")])\n  iccid = each.key\n}", "Invalid for_each", 2, `toset([sensitive("(sensitive value)")])`, `sensitive`},
		{"set of numbers", "card \"a\" {\n  for_each = toset([1])\n  iccid = each.key\n}", "Invalid for_each", 2, `toset([1])`, `set of number`},
		{"null in set", "card \"a\" {\n  for_each = toset([\"a\", null])\n  iccid = each.key\n}", "Invalid for_each", 2, `toset(["a", null])`, `holds a null`},
		{"duplicate keys", "card \"a\" {\n  for_each = {for r in [{k = \"x\"}, {k = \"x\"}] : r.k => r}\n  iccid = each.key\n}", "Duplicate object key", 2, `r.k`, `x`},
		{"no such csv", "card \"a\" {\n  from_csv = \"no.csv\"\n  iccid = each.key\n}", "File cannot be read", 2, `"no.csv"`, `No file exists at "no.csv"`},
		{"null csv", "card \"a\" {\n  from_csv = null\n  iccid = each.key\n}", "Missing file", 2, `null`, `Name a CSV file`},
		{"number with no pool", "privacy_number \"a\" {\n  subs_id = \"1\"\n}", "Missing required argument", 1, `{`, `pool_key`},
		{"number with null pool", "privacy_number \"a\" {\n  pool_key = null\n  subs_id = \"1\"\n}", "Missing value", 2, `null`, `pool_key is null`},
		{"sensitive number", "privacy_number \"a\" {\n  pool_key = sensitive(\"pool\")\n  subs_id = \"1\"\n  number = sensitive(\"1234567\")\n}", "Sensitive value", 4, `sensitive("(sensitive value)")`, `number is shown`},
		{"approval of a forgetting", "approval \"a\" {\n  action = \"forget\"\n  cards = {}\n}", "Unknown kind of action", 2, `"forget"`, `it can be "resume"`},
		{"approval of a bad card", "approval \"a\" {\n  action = \"unbind\"\n  cards = { \"8986\" = \"86153603019600\" }\n}", "Invalid ICCID", 3, `{ "8986" = "86153603019600" }`, `has 4 characters`},
		{"approval of a bad imei", "approval \"a\" {\n  action = \"unbind\"\n  cards = { \"" + iccidA + "\" = \"12\" }\n}", "Invalid IMEI", 3, `{ "` + iccidA + `" = "12" }`, `of the card ` + iccidA},
		{"approval of no device", "approval \"a\" {\n  action = \"unbind\"\n  cards = { \"" + iccidA + "\" = null }\n}", "Invalid IMEI", 3, `{ "` + iccidA + `" = null }`, `null`},
		{"approval twice", "approval \"a\" {\n  action = \"unbind\"\n  cards = { \"" + iccidA + "\" = \"86153603019600\", \"" + strings.ToLower(iccidA) + "\" = \"86153603019600\" }\n}", "Duplicate ICCID", 3, `{ "` + iccidA + `" = "86153603019600", "` + strings.ToLower(iccidA) + `" = "86153603019600" }`, `twice`},
		{"number of letters", "privacy_number \"a\" {\n  pool_key = \"1\"\n  subs_id = \"1\"\n  number = \"abc\"\n}", "Invalid number", 4, `"abc"`, `digits only`},
		{"approval until when", "approval \"a\" {\n  action = \"unbind\"\n  cards = {}\n  expires = \"tomorrow\"\n}", "Invalid time", 4, `"tomorrow"`, `2026-12-01T00:00:00Z`},
		{"removed nonsense", "removed {\n  iccids = [\"" + iccidA + "\", \"12\"]\n}", "Invalid ICCID", 2, `"12"`, `has 2 characters`},
		{"removed and declared", card("") + "removed {\n  iccids = [\"" + iccidA + "\"]\n}", "Removed card is declared", 6, `"` + iccidA + `"`, `declared as card.bike (main.fleet.hcl line 2)`},
		{"removed and declared in another spelling", card("") + "removed {\n  iccids = [\"" + iccidA[:19] + "\"]\n}", "Removed card is declared", 6, `"` + iccidA[:19] + `"`, `declared in another spelling, ` + iccidA + `, as card.bike (main.fleet.hcl line 2)`},
		{"removed null", "removed {\n  iccids = null\n}", "Missing value", 2, `null`, `iccids is null`},
		{"version", "fleet {\n  required_version = \">= 9\"\n}", "Unsupported version", 2, `">= 9"`, `needs cardfleet >= 9, and this is 0.3.1`},
		{"version constraint", "fleet {\n  required_version = \"nine\"\n}", "Invalid version constraint", 2, `"nine"`, `"~> 1.2"`},
		{"backend", "fleet {\n  backend \"postgre\" {}\n}", "Unknown backend type", 2, `"postgre"`, `Did you mean "postgres"?`},
		{"backend value", "fleet {\n  backend \"local\" {\n    path = [1]\n  }\n}", "Unsuitable value", 3, `[1]`, `path must be a text`},
		{"two backends", "fleet {\n  backend \"local\" {}\n}\nfleet {\n  backend \"s3\" {}\n}", "Duplicate name", 5, `backend "s3"`, `The backend block is declared twice`},
		{"two encryptions", "fleet {\n  encryption {\n    recipients = [\"age1\"]\n    passphrase = \"open sesame\"\n  }\n}", "Two kinds of encryption", 2, `encryption`, `not both`},
		{"no key", "fleet {\n  encryption {}\n}", "Encryption without a key", 2, `encryption`, `either recipients`},
		{"nobody to read", "fleet {\n  encryption {\n    recipients = [\"age1\"]\n  }\n}", "Encryption that nobody here could open", 2, `encryption`, `identities = [env("STATE_KEY")]`},
		{"no recipients", "fleet {\n  encryption {\n    recipients = []\n    identities = [\"k\"]\n  }\n}", "Empty recipients", 3, `[]`, `names nobody`},
		{"blank passphrase", "fleet {\n  encryption {\n    passphrase = \" \"\n  }\n}", "Blank value", 3, `"(sensitive value)"`, `passphrase is blank`},
		{"previous seals nothing", "fleet {\n  encryption {\n    passphrase = \"open sesame\"\n    previous { recipients = [] }\n  }\n}", "Unsupported argument", 4, `recipients`, `not expected here`},
		{"guard", "fleet {\n  policy {\n    guard = [\"unbnd\"]\n  }\n}", "Unknown kind of action", 3, `["unbnd"]`, `Did you mean "unbind"?`},
		{"on_remove", "fleet {\n  policy {\n    on_remove = \"resume\"\n  }\n}", "Unknown kind of action", 3, `"resume"`, `it can be "unbind", "stop" or "forget"`},
		{"limit kind", "fleet {\n  policy {\n    limit \"stp\" { count = 1 }\n  }\n}", "Unknown kind of action", 3, `"stp"`, `Did you mean "stop"?`},
		{"limit percent", "fleet {\n  policy {\n    limit \"stop\" { percent = 101 }\n  }\n}", "Value out of range", 3, `101`, `from 0 to 100`},
		{"limit count", "fleet {\n  policy {\n    limit \"any\" { count = -1 }\n  }\n}", "Value out of range", 3, `-1`, `at least 0`},
		{"limit nothing", "fleet {\n  policy {\n    limit \"any\" {}\n  }\n}", "Empty limit", 3, `limit "any"`, `how many`},
		{"limit twice", "fleet {\n  policy {\n    limit \"any\" { count = 1 }\n    limit \"any\" { count = 2 }\n  }\n}", "Duplicate name", 4, `limit "any"`, `line 3`},
		{"approval for two years", "approval \"a\" {\n  action = \"unbind\"\n  cards = {}\n  expires = \"2027-11-20T08:30:01Z\"\n}", "Too far ahead", 4, `"2027-11-20T08:30:01Z"`, `2027-11-20T08:30:00Z at the latest`},
		{"approval of nothing", "approval \"a\" {\n  action = \"unbind\"\n}", "No cards", 1, `approval "a"`, `from_csv = "rma.csv"`},
		{"approval of two lists", "approval \"a\" {\n  action = \"unbind\"\n  cards = {}\n  from_csv = \"a.csv\"\n}", "Contradiction", 4, `from_csv`, `one of the two`},
		{"approval max age", "fleet {\n  policy {\n    approval_max_age = \"30d\"\n  }\n}", "Invalid duration", 3, `"30d"`, `"720h"`},
		{"approvals", "fleet {\n  policy {\n    required_approvals = 0\n  }\n}", "Value out of range", 3, `0`, `at least 1`},
		{"signers", "fleet {\n  policy {\n    allowed_signers = \"\"\n  }\n}", "Blank value", 3, `""`, `allowed_signers is blank`},
		{"provider type", "provider \"aliyn\" {}", "Unknown provider type", 1, `"aliyn"`, `Did you mean "aliyun"? There are "aliyun" and "cmiot".`},
		{"provider twice", "provider \"aliyun\" {\n  alias = \"hangzhou\"\n}", "Duplicate name", 1, `provider "aliyun"`, `provider aliyun.hangzhou is declared twice`},
		{"alias", "provider \"cmiot\" {\n  alias = \"a b\"\n}", "Invalid name", 2, `"a b"`, `An alias is a quoted name`},
		{"alias of a variable", "variable \"x\" { default = \"a\" }\nprovider \"cmiot\" {\n  alias = var.x\n}", "Variables not allowed", 3, `var`, ``},
		{"provider setting", "provider \"cmiot\" {\n  pasword = \"x\"\n}", "Unsupported argument", 2, `pasword`, `Did you mean "password"?`},
		{"rate", "provider \"cmiot\" {\n  requests_per_second = 0\n}", "Value out of range", 2, `0`, `must be more than 0`},
		{"rate type", "provider \"cmiot\" {\n  requests_per_second = \"fast\"\n}", "Unsuitable value", 2, `"fast"`, `must be a number`},
		{"rate without an end", "provider \"cmiot\" {\n  requests_per_second = \"inf\"\n}", "Value out of range", 2, `"inf"`, `infinite, or too large`},
		{"rate beyond a float", "provider \"cmiot\" {\n  requests_per_second = 1e400\n}", "Value out of range", 2, `1e400`, `infinite, or too large`},
		{"in flight", "provider \"cmiot\" {\n  max_in_flight = 0\n}", "Value out of range", 2, `0`, `at least 1`},
		{"half a call", "provider \"cmiot\" {\n  max_in_flight = 1.5\n}", "Value out of range", 2, `1.5`, `whole number`},
		{"timeout", "provider \"cmiot\" {\n  timeout = \"25\"\n}", "Invalid duration", 2, `"25"`, `"25s"`},
		{"timeout zero", "provider \"cmiot\" {\n  timeout = \"0s\"\n}", "Value out of range", 2, `"0s"`, `more than 0`},
		{"retries", "provider \"cmiot\" {\n  retries = -1\n}", "Value out of range", 2, `-1`, `at least 0`},
		{"parking", "provider \"cmiot\" {\n  parking_imeis = [\"1\"]\n}", "Invalid IMEI", 2, `["1"]`, `14, 15 or 16`},
		{"parking twice", "provider \"cmiot\" {\n  parking_imeis = [\"86153603019600\", \"861536030196001\"]\n}", "Duplicate IMEI", 2, `["86153603019600", "861536030196001"]`, `one device`},
		{"endpoint", "provider \"cmiot\" {\n  endpoint = \"\"\n}", "Blank value", 2, `""`, `leave the attribute out`},
		{"syntax", "card \"a\" {\n  iccid = \n}", "Invalid expression", 2, ` `, `expression`},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{
				"main.fleet.hcl": row.config, "z.fleet.hcl": "provider \"aliyun\" {\n  alias = \"hangzhou\"\n}\n",
			})
			var d *spec.Diagnostic
			for i := range diags {
				if diags[i].Summary == row.summary {
					d = &diags[i]
					break
				}
			}
			require.NotNil(t, d, "%v", texts(diags))
			if row.summary != "Duplicate name" {
				assert.Equal(t, "main.fleet.hcl", d.Subject.File)
				assert.Equal(t, row.line, d.Subject.Start.Line)
				assert.Equal(t, row.underlined, underlined(*d))
			}
			assert.Contains(t, d.Detail, row.detail)
			for _, other := range diags {
				if other.Severity == spec.Error {
					assert.Equal(t, row.summary, other.Summary, "another mistake: %s", other.Detail)
				}
			}
		})
	}
}

func TestOneMistakeIsNotReportedAsSeveral(t *testing.T) {
	for _, row := range []struct{ name, config, summary string }{
		{"a card that is wrong, in an output", "provider \"aliyun\" {}\ncard \"a\" { iccid = \"8\" }\noutput \"x\" { value = card.a.imei }\n", "Invalid ICCID"},
		{"a key that is wrong, in an output", "provider \"aliyun\" {}\ncard \"a\" {\n  for_each = toset([\"8\"])\n  iccid = each.key\n}\noutput \"x\" { value = card.a[\"8\"].imei }\n", "Invalid ICCID"},
		{"a local that is wrong", "provider \"aliyun\" { timeout = local.a }\nlocals {\n  a = local.b\n  b = nofunction()\n}\noutput \"x\" { value = local.a }\n", "Call to unknown function"},
		{"a variable without value", "variable \"x\" {}\nprovider \"aliyun\" { timeout = var.x }\noutput \"x\" { value = var.x }\n", "No value for required variable"},
		{"an alias that is wrong", "provider \"aliyun\" { alias = 7 }\ncard \"a\" {\n  provider = aliyun.hangzhou\n  iccid = \"" + iccidA + "\"\n}\n", "Invalid name"},
		{"a provider type that is wrong", "provider \"alyun\" {}\ncard \"a\" { iccid = \"" + iccidA + "\" }\n", "Unknown provider type"},
		{"a syntax error above a declaration", "locals { x = [1 }\nprovider \"aliyun\" {}\n", "Missing item separator"},
		{"a contradiction of all rows", "provider \"aliyun\" {}\ncard \"a\" {\n  for_each = toset([\"" + iccidA + "\", \"" + iccidB + "\"])\n  iccid = each.key\n  imei = \"86153603019600\"\n  bound = false\n  shared_imei = true\n}\n", "Contradiction"},
		{"a csv that is missing", "provider \"aliyun\" {}\ncard \"a\" {\n  from_csv = \"no.csv\"\n  iccid = each.value.iccid\n}\noutput \"x\" { value = card.a }\n", "File cannot be read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{
				"main.fleet.hcl": row.config,
				"z.fleet.hcl":    "output \"z\" { value = 1 }\n",
			})
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Equal(t, row.summary, diags[0].Summary)
		})
	}
}

func TestSnippetsOfEndlessLinesAreCut(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	diags := mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"a\" {\n  labels = { a = \"" + long + "\", b = nope, c = \"" + long + "\" }\n  iccid = \"" + iccidA + "\"\n}\n"})
	require.Len(t, diags, 1)
	assert.LessOrEqual(t, len(diags[0].Snippet.Code), 1000)
	assert.Equal(t, "nope", underlined(diags[0]))
}

func TestOneNumberInTwoCardsIsAnErrorWithBothPlaces(t *testing.T) {
	diags := mistakes(t, map[string]string{
		"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"a\" {\n  iccid = \"898600D6991330004146\"\n  msisdn = \"14765004176\"\n}\n" +
			"card \"b\" {\n  from_csv = \"b.csv\"\n  iccid = each.value.iccid\n  msisdn = each.value.msisdn\n}\n",
		"b.csv": "iccid,msisdn\n898602B0011430000544,14765004176\n898602B0011430000545,\n898602B0011430000546,\n",
	})
	require.Len(t, diags, 1, "blank cells are no number: %v", diags)
	assert.Equal(t, "Duplicate MSISDN", diags[0].Summary)
	assert.Contains(t, diags[0].Detail, "b.csv row 2")
	assert.Contains(t, diags[0].Detail, "card.a (main.fleet.hcl line 4)")
}
