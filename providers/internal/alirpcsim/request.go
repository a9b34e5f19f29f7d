package alirpcsim

import (
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// call is a request as the gateway reads it, before it believes any of it.
type call struct {
	method string
	header http.Header
	host   string     // that the caller named, with its port
	query  url.Values // of the address
	body   []byte
	// q is every parameter: of the address, and of a form in the body. What a
	// caller with ACS3 says in headers is added under the names of the RPC style.
	q url.Values
	// acs3 reports whether the call is in the newer style, which has action,
	// version and signature in its headers.
	acs3 bool
}

// most is how much of a body the gateway reads.
const most = 1 << 20

// read takes a request apart. Parameters may stand in the address and in a
// form, as the SDKs send them, but each in one place.
func read(r *http.Request) (*call, *Refusal) {
	c := &call{method: r.Method, header: r.Header, host: r.Host, q: url.Values{}}
	var err error
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return c, invalidParameter("The query string is malformed.")
	}
	if no := c.take(c.query); no != nil {
		return c, no
	}
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		return c, &Refusal{Status: 405, Code: "UnsupportedHTTPMethod", Message: "This http method is not supported."}
	}
	if r.URL.Path != "" && r.URL.Path != "/" {
		return c, notFound()
	}
	if c.body, err = io.ReadAll(io.LimitReader(r.Body, most+1)); err != nil || len(c.body) > most {
		return c, invalidParameter("The body can't be read, or is too long.")
	}
	no := c.readForm()
	// The SDKs of the RPC style send some of the newer style's headers too.
	c.acs3 = c.header.Get("Authorization") != "" || !c.q.Has("Action") && !c.q.Has("Signature") && c.header.Get("x-acs-action") != ""
	return c, no
}

// readForm adds the parameters of a form. A body that is none has no place in a
// call, and nothing of it would be signed: the gateway refuses it.
func (c *call) readForm() *Refusal {
	if len(c.body) == 0 {
		return nil
	}
	kind, _, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return invalidParameter("The body is no form (application/x-www-form-urlencoded), so its parameters are not signed.")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return invalidParameter("The form in the body is malformed.")
	}
	return c.take(form)
}

// take adds parameters, each of which may be given once.
func (c *call) take(more url.Values) *Refusal {
	for _, name := range slices.Sorted(maps.Keys(more)) {
		values := more[name]
		if c.q.Has(name) || len(values) > 1 {
			return invalidParameter("The parameter " + name + " is given twice.")
		}
		c.q[name] = values
	}
	return nil
}

func invalidParameter(message string) *Refusal {
	return &Refusal{Status: 400, Code: "InvalidParameter", Message: message}
}

// missing is how the gateway refuses a call without a parameter: the code has
// its name (公共错误码: MissingXxx, "Xxx is mandatory for this action").
func missing(name string) *Refusal {
	return &Refusal{Status: 400, Code: "Missing" + name, Message: name + " is mandatory for this action."}
}

// public are the parameters that every call in the RPC style has (公共请求参数),
// but for Format, which may be left out.
func public() []string {
	return []string{"Action", "Version", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp", "Signature"}
}

// format is what the caller wants: JSON or XML in any case, as the SDKs spell
// it both ways. Without it the RPC style answers in XML (公共请求参数: Format, 默认
// XML), and ACS3, whose callers say what they accept, in JSON.
func (c *call) format() string {
	if named := strings.ToUpper(c.q.Get("Format")); named != "" {
		return named
	}
	if c.acs3 && !strings.Contains(c.header.Get("Accept"), "xml") {
		return "JSON"
	}
	return "XML"
}

// shown is what the world keeps of the parameters: no credentials, no signature.
func (c *call) shown() map[string]string {
	params := map[string]string{}
	for name := range c.q {
		if name != "Format" && !slices.Contains(public(), name) {
			params[name] = c.q.Get(name)
		}
	}
	return params
}

// hostID is the name of the host that was called, as answers have it.
func (c *call) hostID() string {
	if host, _, err := net.SplitHostPort(c.host); err == nil {
		return host
	}
	return c.host
}
