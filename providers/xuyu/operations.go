package xuyu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/agext/levenshtein"

	"github.com/cardfleet/cardfleet/providers"
)

// The operations, as the configuration names them.
const (
	opList      = "list"
	opStatus    = "status"
	opStop      = "stop"
	opResume    = "resume"
	opPackages  = "packages"
	opSubscribe = "subscribe"
)

// operation is a request with placeholders, and where its answer holds what matters.
type operation struct {
	name   string
	method string
	path   string // below the endpoint, with its query
	body   string // JSON; "" for none
	// result is a dotted path into the reply: to the list of list and packages,
	// to the card of status ("" is the reply itself), and for changes to the
	// value that says whether it was done.
	result string
}

// modelled are the requests where the configuration says nothing: GUESSES, all
// of them. S003 names the operations (流量卡: 列表, 查状态, 停复机; 充值套餐: 列表;
// 支付网关: 创建支付请求) and has nothing of their paths, verbs and fields. That
// subscribe sends the action's key as outId is a GUESS too.
func modelled() map[string]operation {
	return map[string]operation{
		opList:      {opList, "GET", "/cardservice/flowcard?page={page}&size={size}", "", "items"},
		opStatus:    {opStatus, "GET", "/cardservice/flowcard/{iccid}/status", "", ""},
		opStop:      {opStop, "POST", "/cardservice/flowcard/{iccid}/network", `{"action":"stop"}`, "code"},
		opResume:    {opResume, "POST", "/cardservice/flowcard/{iccid}/network", `{"action":"resume"}`, "code"},
		opPackages:  {opPackages, "GET", "/cardservice/flowcard/{iccid}/packages", "", "items"},
		opSubscribe: {opSubscribe, "POST", "/paymentservice/order", `{"iccid":"{iccid}","package":"{package}","outId":"{key}"}`, "code"},
	}
}

// placeholders are what an operation's request may hold, and what it must.
func placeholders(name string) (may, must []string) {
	switch name {
	case opList:
		return []string{"page", "size"}, []string{"page"}
	case opSubscribe:
		return []string{"iccid", "package", "key"}, []string{"iccid", "package"}
	default:
		return []string{"iccid"}, []string{"iccid"}
	}
}

// placeholder can't be taken for JSON: an object's brace is followed by a quote.
var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([A-Za-z_]+)\}`) })

// fill puts the values into a text, each escaped for where it stands.
func fill(text string, values map[string]string, escape func(string) string) string {
	return placeholder().ReplaceAllStringFunc(text, func(p string) string { return escape(values[p[1:len(p)-1]]) })
}

// url is the request's address.
func (o operation) url(endpoint *url.URL, values map[string]string) (*url.URL, error) {
	path, query, asked := strings.Cut(o.path, "?")
	text := strings.TrimSuffix(endpoint.String(), "/") + fill(path, values, url.PathEscape)
	if asked {
		text += "?" + fill(query, values, url.QueryEscape)
	}
	return url.Parse(text)
}

// content is the request's body; nil for none.
func (o operation) content(values map[string]string) []byte {
	if o.body == "" {
		return nil
	}
	return []byte(fill(o.body, values, quoted))
}

// quoted is text as it stands between the quotes of JSON.
func quoted(text string) string {
	data := marshal(text)
	return string(data[1 : len(data)-1])
}

// marshal is JSON without the escapes for HTML, which would hide nothing and
// make bodies hard to compare.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // the configuration's values are texts, numbers, booleans, lists and maps
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// operationsOf is the modelled operations with what the setting says of them.
func operationsOf(s *providers.Settings) map[string]operation {
	operations := modelled()
	setting := s.Any("operations")
	if setting == nil {
		return operations
	}
	said, ok := setting.(map[string]any)
	if !ok {
		s.Mistake("operations", "Invalid operations", "operations is a map, such as { status = { path = \"/cards/{iccid}\" } }.")
		return operations
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		o, known := operations[name]
		if !known {
			s.Mistake("operations", "Unknown operation", unknown("operations", name, slices.Sorted(maps.Keys(operations))))
			continue
		}
		w := &writer{settings: s, operation: o}
		operations[name] = w.read(said[name])
	}
	return operations
}

// writer reads what the configuration says of one operation.
type writer struct {
	settings *providers.Settings
	operation
	broken bool
}

func (w *writer) read(said any) operation {
	fields, ok := said.(map[string]any)
	if !ok {
		if said != nil { // null is as good as nothing
			w.wrong("", "is an object: { method = …, path = …, body = …, result = … }, each of which may be left out.")
		}
		return w.operation
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if fields[field] == nil {
			continue
		}
		w.field(field, fields[field])
	}
	if w.method = strings.ToUpper(w.method); w.method == "GET" && fields["body"] == nil {
		w.body = "" // the modelled one went with another method
	}
	if !w.broken {
		w.check()
	}
	return w.operation
}

func (w *writer) field(name string, value any) {
	targets := map[string]*string{"method": &w.method, "path": &w.path, "result": &w.result}
	if name == "body" {
		w.setBody(value)
		return
	}
	target := targets[name]
	if target == nil {
		w.broken = true
		w.settings.Mistake("operations", "Unknown field of an operation", unknown("operations."+w.name, name, []string{"body", "method", "path", "result"}))
		return
	}
	text, ok := value.(string)
	if !ok {
		w.wrong(name, "must be a text.")
		return
	}
	*target = text
}

// setBody takes a body as a value, whose texts may hold placeholders, or as
// the text of JSON, where a placeholder may stand for a bare number as well.
func (w *writer) setBody(value any) {
	switch v := value.(type) {
	case string:
		w.body = v
	case map[string]any, []any:
		w.body = string(marshal(v))
	default:
		w.wrong("body", `must be an object, a list, or the text of JSON ("" for no body).`)
	}
}

// check looks at the operation as a whole.
func (w *writer) check() {
	if !slices.Contains([]string{"DELETE", "GET", "PATCH", "POST", "PUT"}, w.method) {
		w.wrong("method", `must be "GET", "POST", "PUT", "PATCH" or "DELETE".`)
	}
	if w.method == "GET" && w.body != "" {
		w.wrong("body", "must be left out: a GET carries no body.")
	}
	w.checkPlaceholders()
	values := map[string]string{"iccid": "89860617030017300390", "page": "1", "size": "1", "package": "p", "key": "0"}
	sample := &url.URL{Scheme: "https", Host: "carrier.test"}
	u, err := w.url(sample, values)
	if !strings.HasPrefix(w.path, "/") || err != nil || u.Fragment != "" || strings.ContainsFunc(w.path, func(r rune) bool { return r <= ' ' }) {
		w.wrong("path", `must be a path that begins with "/", with a query where one is needed, such as "/cards/{iccid}?full=1".`)
	}
	if w.body != "" && !json.Valid(w.content(values)) {
		w.wrong("body", "is a text, so it must be JSON once its placeholders are filled in; it isn't.")
	}
	w.checkResult()
}

// checkResult: a change's result is a value, so it can't be the reply itself.
func (w *writer) checkResult() {
	whole := w.result == ""
	changes := slices.Contains([]string{opStop, opResume, opSubscribe}, w.name)
	switch {
	case whole && changes:
		w.wrong("result", `must name the value that says whether it was done, such as "code" or "data.success".`)
	case !whole && slices.Contains(strings.Split(w.result, "."), ""):
		w.wrong("result", `must be a dotted path such as "data.items"; "" is the reply itself.`)
	}
}

// checkPlaceholders says a misspelt one once: that the right one is then
// missing needs no words.
func (w *writer) checkPlaceholders() {
	may, must := placeholders(w.name)
	var found []string
	misspelt := false
	for _, m := range placeholder().FindAllStringSubmatch(w.path+" "+w.body, -1) {
		found = append(found, m[1])
		if !slices.Contains(may, m[1]) {
			misspelt = true
			w.settings.Mistake("operations", "Unknown placeholder", unknown("The request of operations."+w.name, "{"+m[1]+"}", braced(may)))
		}
	}
	for _, name := range must {
		if !misspelt && !slices.Contains(found, name) {
			w.settings.Mistake("operations", "Missing placeholder", fmt.Sprintf(
				"operations.%s has no {%s} in its path or body, so its request would not say which %s is meant.", w.name, name, name))
		}
	}
}

func (w *writer) wrong(field, rule string) {
	w.broken = true
	place := "operations." + w.name
	if field != "" {
		place += "." + field
	}
	w.settings.Mistake("operations", "Invalid operation", place+" "+rule)
}

func braced(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "{" + n + "}"
	}
	return out
}

// unknown says that a name is none of those there are.
func unknown(where, name string, names []string) string {
	best, distance := "", 3
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d < distance {
			best, distance = fmt.Sprintf(" Did you mean %q?", n), d
		}
	}
	return fmt.Sprintf("%s can't have %q.%s There are %s.", where, name, best, strings.Join(names, ", "))
}
