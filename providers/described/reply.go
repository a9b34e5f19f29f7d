package described

import (
	"cmp"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

// reply is an answer, with its body in UTF-8.
type reply struct {
	status int
	header http.Header
	body   []byte
	// strange is the encoding of a body that can't be read, since nobody knows that
	// encoding; "" for a body that may be read.
	strange string
}

// replyOf takes an answer. Its charset is the definition's, else what its header
// says, else what its XML declares. A body that isn't what it claims stays as it is,
// and then reads as nothing.
func (d *Definition) replyOf(a carriercall.Answer) *reply {
	r := &reply{status: a.Status, header: a.Header, body: a.Body}
	charset := d.encoding
	if charset == "" {
		_, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
		if err == nil {
			charset = params["charset"]
		}
	}
	declared := charset == ""
	if declared {
		charset = declaredCharset(a.Body)
	}
	if charset == "" || strings.EqualFold(charset, "utf-8") {
		return r
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		if declared && !isASCII(a.Body) {
			r.strange = charset
		}
		return r
	}
	text, err := enc.NewDecoder().Bytes(a.Body)
	if err == nil && utf8.Valid(text) {
		r.body = text
	}
	return r
}

// overTheWire is an answer whose body is in the charset of the definition, or of its
// XML, as its carrier sends it. A text that the charset lacks stays as it is.
func (d *Definition) overTheWire(a carriercall.Answer) carriercall.Answer {
	charset := cmp.Or(d.encoding, declaredCharset(a.Body))
	if charset == "" {
		return a
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return a
	}
	if text, err := enc.NewEncoder().Bytes(a.Body); err == nil {
		a.Body = text
	}
	return a
}

// time is the carrier's time, where the reply tells it; else now. A time that the
// carrier names is of the carrier's clock.
func (r *reply) time(now time.Time) time.Time {
	if at, err := http.ParseTime(r.header.Get("Date")); err == nil {
		return at
	}
	return now
}

// encoding reports a charset that there isn't.
func (c *compiler) encoding(b block) {
	if c.def.encoding == "" {
		return
	}
	if _, err := htmlindex.Get(c.def.encoding); err != nil {
		c.report.ErrorAt(b.attribute("encoding").Range(), "Unknown encoding", `There is no encoding %q. Write one like "gb18030" or "gbk".`, c.def.encoding)
	}
}

// read is the reply as expressions see it: what they need of it. A body that doesn't
// read as JSON has no json, so that whatever takes it fails. It reports whether the
// body reads as what the expressions take it for: it is then the carrier's, and no
// page of a proxy.
func (r *reply) read(n *needs) (v cty.Value, carriers bool) {
	attrs := map[string]cty.Value{"status": cty.NumberIntVal(int64(r.status))}
	carriers = !n.asJSON && !n.asXML
	if n.asJSON {
		if doc, err := decodeJSON(r.body, &n.json); err == nil {
			attrs["json"] = doc
			carriers = carriers || r.compound()
		}
	}
	if n.asXML && r.strange == "" {
		if doc, err := decodeXML(r.body); err == nil && !isPage(doc) {
			attrs["xml"], carriers = doc, true
		}
	}
	if n.headers {
		headers := make(map[string]cty.Value, len(r.header))
		for name, values := range r.header {
			if len(values) > 0 {
				headers[strings.ToLower(name)] = cty.StringVal(values[0])
			}
		}
		attrs["headers"] = cty.ObjectVal(headers)
	}
	if n.text && r.strange == "" && utf8.Valid(r.body) {
		attrs["text"] = cty.StringVal(string(r.body))
	}
	return cty.ObjectVal(attrs), carriers
}

// compound reports whether the JSON is an object that says something, or an array:
// a proxy's "null", 0 or {} is no carrier's reply. An expression that goes over a
// list would find as little in {} as in an empty list, which may say "no such card".
func (r *reply) compound() bool {
	text := strings.Trim(string(r.body[:min(len(r.body), 64)]), " \t\r\n")
	object, isObject := strings.CutPrefix(text, "{")
	return strings.HasPrefix(text, "[") || isObject && !strings.HasPrefix(strings.TrimLeft(object, " \t\r\n"), "}")
}

// isPage reports whether a document is a page for people, which may be well-formed.
func isPage(doc cty.Value) bool {
	for name := range doc.Type().AttributeTypes() {
		if strings.EqualFold(name, "html") {
			return true
		}
	}
	return false
}
