package described_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// small is the smallest definition, with a place for more.
const small = `carrier "x" {
  endpoint = "https://x.example"
  setting "key" {}
  read {
    request = { path = "/${card.iccid}" }
    status  = reply.json.status
%s
  }
  lifecycle = { on = "active" }
%s
}
`

func TestMistakesAreToldAtTheirLine(t *testing.T) {
	for name, row := range map[string]struct{ read, more, says string }{
		"a fallback to none":                  {read: `imei = try(reply.json.imei, "")`, says: "Absence taken for none"},
		"a fallback to no packages":           {read: `packages = try(reply.json.plans, [])`, says: "Absence taken for none"},
		"a bare number beside a reply's":      {more: `outcome "refused" { when = reply.json.code != 0 }`, says: "Comparison that never holds"},
		"a bare bool within try":              {more: `outcome "refused" { when = try(reply.json.ok, null) == false }`, says: "Comparison that never holds"},
		"a bare number beside code":           {more: "code = reply.json.code\n  outcome \"refused\" { when = code == 1 }", says: "Comparison that never holds"},
		"a bare number in a loop":             {read: `packages = [for p in reply.json.plans : p.id if p.on == 1]`, says: "Comparison that never holds"},
		"numbers that contain a reply's":      {more: `outcome "refused" { when = contains([0, 1], reply.json.code) }`, says: "Comparison that never holds"},
		"a rate without an end":               {more: `limits { requests_per_second = "inf" }`, says: "requests_per_second is infinite, or too large"},
		"a name that nothing has":             {read: `reason = replay.json.x`, says: "Unknown name"},
		"a setting that isn't declared":       {more: `every { headers = { A = setting.kee } }`, says: `There is no setting.kee. Did you mean "key"?`},
		"a variable of the fleet":             {more: `every { headers = { A = var.x } }`, says: "A definition refers to nothing of the fleet"},
		"a card in a token":                   {more: "token {\n  request = { path = \"/t/${card.iccid}\" }\n  value = { t = reply.json.t }\n}", says: `"card" isn't known here`},
		"a function that there isn't":         {read: `reason = shout(reply.json.x)`, says: `There is no function named "shout"`},
		"a POST that reads":                   {more: "lookup \"id\" {\n  request = { method = \"POST\", path = \"/q\" }\n  value = reply.json.id\n}", says: "Request may change something"},
		"DELETE for a stop":                   {more: `change "stop" { request = { method = "DELETE", path = "/${card.iccid}" } }`, says: "DELETE takes a card away"},
		"delete for a stop":                   {more: `change "stop" { request = { method = "delete", path = "/${card.iccid}" } }`, says: "DELETE takes a card away"},
		"a constant that makes DELETE":        {more: `change "stop" { request = { method = upper("delete"), path = "/${card.iccid}" } }`, says: "takes a card away"},
		"a setting that may be DELETE":        {more: `change "resume" { request = { method = setting.key, path = "/${card.iccid}" } }`, says: "Method that isn't written out"},
		"a DELETE that is said to read":       {more: "lookup \"id\" {\n  request = { method = \"Delete\", path = \"/q\", reads = true }\n  value = reply.json.id\n}", says: "DELETE takes something away"},
		"a method of a look-up from a card":   {more: "lookup \"id\" {\n  request = { method = card.labels.m, path = \"/q\", reads = true }\n  value = reply.json.id\n}", says: "DELETE takes something away"},
		"a list with two ends":                {more: "list {\n  request = { path = \"/l\" }\n  rows = reply.json\n  iccid = row.iccid\n  next = reply.json.n\n  total = reply.json.t\n}", says: "List without an end"},
		"a list without whose row it is":      {more: "list {\n  request = { path = \"/l\" }\n  rows = reply.json\n  more = reply.json.more\n}", says: `The argument "iccid" is required in list`},
		"done that isn't said":                {more: "outcome \"refused\" { when = reply.json.code == \"1\" }\n  change \"stop\" { request = { method = \"POST\", path = \"/s\" } }", says: "Done isn't said"},
		"a status that can't be":              {more: `outcome "refused" { when = reply.status == 1000 }`, says: "Outcome that can't hold"},
		"a status that is taken before":       {more: "outcome \"denied\" { when = reply.status >= 400 }\n  outcome \"refused\" { when = reply.status == 404 }", says: "is taken by an outcome before it"},
		"an outcome that there isn't":         {more: `outcome "rejected" { when = reply.status == 400 }`, says: `There is no outcome "rejected"`},
		"a change that there isn't":           {more: `change "suspend" { request = { method = "POST", path = "/s" } }`, says: `There is no change "suspend"`},
		"a secret in what people see":         {read: `reason = setting.key`, says: `can't be made of a secret setting`},
		"a limit that there isn't":            {more: `change "stop" { request = { method = "POST", path = "/s", limit = "slow" } }`, says: `There is no limit "slow"`},
		"two bodies":                          {more: `change "stop" { request = { method = "POST", path = "/s", json = {}, text = "x" } }`, says: "Several bodies"},
		"a look-up in a circle":               {more: "lookup \"a\" {\n  request = { path = \"/${card.a}\" }\n  value = reply.json.a\n}", says: "Look-ups in a circle"},
		"request as a block with an equals":   {more: `changes "stop" {}`, says: `A block named "changes" is not expected`},
		"an attribute that there isn't":       {read: `imai = reply.json.imei`, says: `Did you mean "imei"?`},
		"a setting of every provider's block": {more: `setting "endpoint" {}`, says: `"endpoint" can't be the name of a setting`},
		"an encoding that there isn't":        {more: `encoding = "klingon"`, says: "Unknown encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			_, mistakes := compile(t, fmt.Sprintf(small, row.read, row.more))
			assert.Contains(t, strings.Join(mistakes, "\n"), row.says)
		})
	}
}

func TestAllMistakesOfADefinitionAreToldAtOnce(t *testing.T) {
	const more = `change "stop" { request = { method = "DELETE", path = "/${card.iccid}" } }
  outcome "refused" { when = reply.json.code == 0 }`
	for name, text := range map[string]string{
		"a name that nothing has": fmt.Sprintf(small, "reason = replay.json.x", more),
		"no setting":              fmt.Sprintf(small, "reason = setting.kee", more),
		"no read":                 "carrier \"x\" {\n  endpoint = \"https://x.example\"\n" + more + "\n  wait {}\n}\n",
	} {
		_, mistakes := compile(t, text)
		told := strings.Join(mistakes, "\n")
		for _, says := range []string{"DELETE takes a card away", "Comparison that never holds", map[string]string{"no read": "Missing block"}[name]} {
			assert.Contains(t, told, says, name)
		}
		assert.NotContains(t, told, "Secret would be shown", name)
	}
}

func TestLifecyclesAreOurs(t *testing.T) {
	for given, says := range map[string]string{
		`"in-service"`: `There is no lifecycle "in-service"`, `{ word = "suspended-by-carrier", cured_by = "stop" }`: `cured_by is "change-bind"`,
		`{ word = "active", why = "x" }`: "A status says word, cured_by and hint", `"changing"`: "",
	} {
		_, mistakes := compile(t, strings.Replace(fmt.Sprintf(small, "", ""), `"active"`, given, 1))
		if says == "" {
			assert.Empty(t, mistakes, given)
			continue
		}
		assert.Contains(t, strings.Join(mistakes, "\n"), says, given)
	}
}
