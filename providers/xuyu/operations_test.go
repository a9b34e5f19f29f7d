package xuyu

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// overridden reads the setting operations, which stands in line 9.
func overridden(setting any) (map[string]operation, spec.Diagnostics) {
	config := spec.ProviderConfig{
		Name: "xuyu", Settings: map[string]any{"operations": setting},
		Ranges: map[string]spec.Range{"operations": {File: "main.fleet.hcl", Start: spec.Pos{Line: 9}}},
	}
	s := providers.NewSettings(config, schema(), func(string) string { return "" })
	return operationsOf(s), s.Diagnostics()
}

func TestModelledOperationsPassTheirOwnChecks(t *testing.T) {
	setting := map[string]any{}
	for name, o := range modelled() {
		fields := map[string]any{"method": o.method, "path": o.path, "result": o.result}
		if o.body != "" {
			fields["body"] = o.body
		}
		setting[name] = fields
	}
	got, diagnostics := overridden(setting)
	assert.Empty(t, diagnostics)
	assert.Equal(t, modelled(), got)
	unset := providers.NewSettings(spec.ProviderConfig{}, schema(), nil)
	assert.Equal(t, modelled(), operationsOf(unset))
	assert.Empty(t, unset.Diagnostics())
}

func TestWhatIsLeftOutStaysModelled(t *testing.T) {
	got, diagnostics := overridden(map[string]any{
		"status": map[string]any{"path": "/x/{iccid}", "body": nil}, "packages": nil, "list": map[string]any{},
		"stop":      map[string]any{"method": "get", "path": "/stop?card={iccid}"},
		"subscribe": map[string]any{"path": "/buy/{iccid}/{package}", "body": ""},
	})
	require.Empty(t, diagnostics)
	want := modelled()
	want["status"] = operation{"status", "GET", "/x/{iccid}", "", ""}
	want["stop"] = operation{"stop", "GET", "/stop?card={iccid}", "", "code"} // a GET carries no body
	want["subscribe"] = operation{"subscribe", "POST", "/buy/{iccid}/{package}", "", "code"}
	assert.Equal(t, want, got)
}

func TestMistakesInOperationsAreNamedAtTheirPlace(t *testing.T) {
	for name, row := range map[string]struct {
		setting any
		summary string
		detail  string
	}{
		"no map":              {"status", "Invalid operations", "operations is a map"},
		"unknown operation":   {map[string]any{"stauts": map[string]any{}}, "Unknown operation", `"stauts". Did you mean "status"? There are list, packages, resume, status, stop, subscribe.`},
		"no object":           {map[string]any{"status": "/x"}, "Invalid operation", "operations.status is an object"},
		"unknown field":       {map[string]any{"status": map[string]any{"methd": "GET"}}, "Unknown field of an operation", `operations.status can't have "methd". Did you mean "method"?`},
		"far from any field":  {map[string]any{"status": map[string]any{"headers": "x"}}, "Unknown field of an operation", `"headers". There are body, method, path, result.`},
		"a method of no kind": {map[string]any{"status": map[string]any{"method": "FETCH"}}, "Invalid operation", `operations.status.method must be "GET"`},
		"a number as path":    {map[string]any{"status": map[string]any{"path": 1.0}}, "Invalid operation", "operations.status.path must be a text"},
		"a whole URL":         {map[string]any{"status": map[string]any{"path": "https://x/{iccid}"}}, "Invalid operation", `operations.status.path must be a path that begins with "/"`},
		"a fragment":          {map[string]any{"status": map[string]any{"path": "/x/{iccid}#a"}}, "Invalid operation", "operations.status.path"},
		"a space":             {map[string]any{"status": map[string]any{"path": "/x/{iccid} "}}, "Invalid operation", "operations.status.path"},
		"a bad escape":        {map[string]any{"status": map[string]any{"path": "/x/{iccid}/%zz"}}, "Invalid operation", "operations.status.path"},
		"no card":             {map[string]any{"status": map[string]any{"path": "/x"}}, "Missing placeholder", "operations.status has no {iccid}"},
		"no page":             {map[string]any{"list": map[string]any{"path": "/x"}}, "Missing placeholder", "operations.list has no {page}"},
		"no package":          {map[string]any{"subscribe": map[string]any{"body": map[string]any{"card": "{iccid}"}}}, "Missing placeholder", "operations.subscribe has no {package}"},
		"a misspelt one":      {map[string]any{"status": map[string]any{"path": "/x/{icicd}"}}, "Unknown placeholder", `"{icicd}". Did you mean "{iccid}"?`},
		"another's":           {map[string]any{"status": map[string]any{"path": "/x/{iccid}?p={page}"}}, "Unknown placeholder", `"{page}". There are {iccid}.`},
		"in a body":           {map[string]any{"stop": map[string]any{"body": map[string]any{"a": []any{"{card}"}}}}, "Unknown placeholder", `"{card}"`},
		"a body for GET":      {map[string]any{"status": map[string]any{"body": map[string]any{"a": 1.0}}}, "Invalid operation", "a GET carries no body"},
		"a body of no JSON":   {map[string]any{"stop": map[string]any{"body": "action=stop"}}, "Invalid operation", "operations.stop.body is a text, so it must be JSON"},
		"a number as body":    {map[string]any{"stop": map[string]any{"body": 1.0}}, "Invalid operation", "operations.stop.body must be an object"},
		"an empty name":       {map[string]any{"status": map[string]any{"result": "data..card"}}, "Invalid operation", "operations.status.result must be a dotted path"},
		"no result to judge":  {map[string]any{"stop": map[string]any{"result": ""}}, "Invalid operation", "operations.stop.result"},
	} {
		_, diagnostics := overridden(row.setting)
		if assert.Len(t, diagnostics, 1, name) {
			assert.Equal(t, row.summary, diagnostics[0].Summary, name)
			assert.Contains(t, diagnostics[0].Detail, row.detail, name)
			assert.Equal(t, 9, diagnostics[0].Subject.Start.Line, name)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, diagnostics := overridden(map[string]any{
		"bogus": map[string]any{}, "status": map[string]any{"method": "A", "path": "b"}, "stop": map[string]any{"bdy": 1.0, "result": 2.0},
	})
	var details []string
	for _, d := range diagnostics {
		details = append(details, d.Detail)
	}
	assert.Len(t, diagnostics, 6, strings.Join(details, "\n")) // bogus; status: method, {iccid}, path; stop: bdy, result
}

// Values end where they should, whatever they hold.
func TestValuesAreEscapedForWhereTheyStand(t *testing.T) {
	endpoint, _ := url.Parse("https://carrier.localhost/base/")
	o := operation{path: "/a/{package}/b?p={package}", body: `{"p":"<{package}>","n":{page}}`}
	values := map[string]string{"package": `a/b?c&d="e" 停`, "page": "7"}
	u, err := o.url(endpoint, values)
	require.NoError(t, err)
	assert.Equal(t, `/base/a/a/b?c&d="e" 停/b`, u.Path)
	assert.Equal(t, "/base/a/a%2Fb%3Fc&d=%22e%22%20%E5%81%9C/b", u.EscapedPath())
	assert.Equal(t, values["package"], u.Query().Get("p"))
	var body struct {
		P string
		N int
	}
	require.NoError(t, json.Unmarshal(o.content(values), &body))
	assert.Equal(t, `<a/b?c&d="e" 停>`, body.P)
	assert.Equal(t, 7, body.N)
}

// FuzzOperations: no path, body or package brings about a panic, a request to
// another host, or a body that isn't JSON.
func FuzzOperations(f *testing.F) {
	f.Add("/cards/{iccid}?p={package}&k={key}", `{"p":"{package}"}`, "data.items", "100M")
	f.Add("//evil.test/{iccid}/{package}", `["{package}"]`, "", `"},{"`)
	f.Add("/{iccid}/{package}\x00", `{package}`, ".", "1")
	f.Fuzz(func(t *testing.T, path, body, result, pack string) {
		operations, diagnostics := overridden(map[string]any{"subscribe": map[string]any{"path": path, "body": body, "result": result}})
		if diagnostics.HasErrors() {
			return
		}
		o := operations["subscribe"]
		values := map[string]string{"iccid": "89860617030017300390", "package": pack, "key": "0"}
		endpoint, _ := url.Parse("https://carrier.localhost")
		u, err := o.url(endpoint, values)
		if err == nil && u.Host != "carrier.localhost" {
			t.Errorf("%q leads to %q", path, u.Host)
		}
		if strings.Contains(body, `"{package}"`) && !strings.Contains(strings.ReplaceAll(body, `"{package}"`, ""), "{") && !json.Valid(o.content(values)) {
			t.Errorf("%q with %q is no JSON: %s", body, pack, o.content(values))
		}
	})
}
