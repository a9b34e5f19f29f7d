package carriercall

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	// mostShown is how many bytes of a body are shown, and mostOfNoJSON how many of
	// an answer that is no JSON.
	mostShown    = 16 << 10
	mostOfNoJSON = 200
)

// What is hidden by its name, whatever it is: parameters, members, headers and
// elements whose names end so. What a request calls itself isn't hidden.
var names = sync.OnceValue(func() (n struct{ secret, id, pair, element *regexp.Regexp }) {
	const secret = `(?:authorization|cookie|signature|sign|sig|hmac|digest|token|secret|passw(?:or)?d|pwd|passphrase|credentials?|(?:api|access|auth|subscription|private|app)[-_]?key(?:[-_]?id)?)`
	n.secret = regexp.MustCompile(`(?i)` + secret + `$`)
	n.id = regexp.MustCompile(`(?i)(?:nonce|transid|(?:request|trace|correlation|transaction)[-_]?id|idempotency[-_]?key|client[-_]?token)$`)
	// name="value", "name":"value", name: value, name=value
	n.pair = regexp.MustCompile(`(?i)([\w.$-]*` + secret + `\\?["']?\s*[:=]\s*(?:basic |bearer |digest )?)(\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*'|[^\s"'&,;<>{}\[\]]+)`)
	n.element = regexp.MustCompile(`(?i)(<(?:[\w.-]+:)?[\w.-]*` + secret + `(?:\s[^>]*)?>)[^<]+`)
	return n
})

// secretName reports whether what has this name is hidden.
func secretName(name string) bool {
	return names().secret.MatchString(name) && !names().id.MatchString(name)
}

// conceal is a text of any form and length as an observer may see it: without the
// account's secrets in any spelling, what the request alone carries, and what its
// name says to be secret.
func (c *Client) conceal(call Call, text string) string {
	for _, secret := range c.secretsOf(call) {
		for _, form := range spec.SecretForms(secret) {
			text = strings.ReplaceAll(text, form, blot)
		}
	}
	n := names()
	text = n.pair.ReplaceAllStringFunc(text, func(found string) string {
		part := n.pair.FindStringSubmatch(found)
		if name := strings.TrimRight(part[1], " \t:='\"\\"); !secretName(name) {
			return found
		}
		return part[1] + quotedLike(part[2])
	})
	return n.element.ReplaceAllString(text, "${1}"+blot)
}

// quotedLike is the blot in the quotes that a value has.
func quotedLike(value string) string {
	for _, quote := range []string{`\"`, `"`, `'`} {
		if strings.HasPrefix(value, quote) {
			return quote + blot + quote
		}
	}
	return blot
}

// secretsOf are the account's secrets and the call's own, the longest first.
func (c *Client) secretsOf(call Call) []string {
	secrets := c.Veil.all()
	if call.Secret != "" {
		secrets = append(secrets, call.Secret)
	}
	if call.Sending != nil {
		secrets = append(secrets, call.Sending.Secrets...)
	}
	slices.SortFunc(secrets, spec.LongestFirst)
	return slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
}

// sentID is what a request calls itself.
func (c *Client) sentID(call Call, req *http.Request) string {
	if call.Sending != nil && call.Sending.ID != "" {
		return Shorten(c.conceal(call, call.Sending.ID))
	}
	if call.RequestID != "" {
		return c.Clean(call, call.RequestID)
	}
	for _, values := range []map[string][]string{req.Header, req.URL.Query()} {
		for name, value := range values {
			if names().id.MatchString(name) && len(value) > 0 && value[0] != "" {
				return Shorten(c.conceal(call, value[0]))
			}
		}
	}
	return ""
}

// shownRequest is a request as it leaves.
func (c *Client) shownRequest(call Call, req *http.Request) providers.Wire {
	u := *req.URL
	u.RawQuery = c.shownQuery(call, u.RawQuery)
	w := providers.Wire{Line: c.conceal(call, req.Method+" "+unescaped(&u)), Headers: c.shownHeaders(call, req.Header)}
	if req.Body == nil || req.Body == http.NoBody || req.GetBody == nil {
		return w
	}
	body, err := req.GetBody()
	if err != nil {
		return w // of bytes in memory it can't fail
	}
	text, err := io.ReadAll(io.LimitReader(body, 4*mostShown))
	if err != nil {
		return w
	}
	w.Body = c.shownBody(call, string(text), max(req.ContentLength, int64(len(text))))
	return w
}

// unescaped is a URL whose query is as it was written.
func unescaped(u *url.URL) string {
	bare := *u
	bare.RawQuery = ""
	if u.RawQuery == "" {
		return bare.String()
	}
	return bare.String() + "?" + u.RawQuery
}

// shownQuery is a query string whose secret values are hidden by their names.
func (c *Client) shownQuery(call Call, query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err != nil || secretName(plain) {
			parts[i] = name + "=" + blot
		}
	}
	return c.conceal(call, strings.Join(parts, "&"))
}

func (c *Client) shownHeaders(call Call, h http.Header) []string {
	var lines []string
	for name, values := range h {
		for _, v := range values {
			if secretName(name) {
				v = blot
			}
			lines = append(lines, name+": "+c.conceal(call, v))
		}
	}
	slices.Sort(lines)
	return lines
}

// shownAnswer is an answer. That of a request for a token is a secret as a whole,
// unless it is the page of a proxy.
func (c *Client) shownAnswer(call Call, a Answer) providers.Wire {
	w := providers.Wire{Line: fmt.Sprintf("HTTP %d", a.Status), Headers: c.shownHeaders(call, a.Header)}
	switch {
	case len(a.Body) == 0:
	case call.Awaited && !isPage(a):
		w.Body = fmt.Sprintf("[%d bytes, hidden: what gives a token is shown of no answer]", len(a.Body))
	case json.Valid(a.Body):
		w.JSON = true
		w.Body = c.shownBody(call, string(a.Body), int64(len(a.Body)))
	default:
		w.Body = c.shownStart(call, string(a.Body))
	}
	return w
}

// isPage reports whether an answer is a page for a browser.
func isPage(a Answer) bool {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")) // "" where it makes no sense
	start := strings.ToLower(strings.TrimSpace(string(a.Body[:min(len(a.Body), 64)])))
	return kind == "text/html" && (strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html"))
}

// shownStart is the beginning of an answer that is no JSON.
func (c *Client) shownStart(call Call, body string) string {
	text := c.conceal(call, body[:min(len(body), 8*mostOfNoJSON)])
	if len(text) <= mostOfNoJSON && len(body) <= 8*mostOfNoJSON {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:min(len(text), mostOfNoJSON)], len(body))
}

// shownBody is a body, cut where it is long. A secret that the cut would part is
// hidden with it: more is looked at than is shown.
func (c *Client) shownBody(call Call, body string, size int64) string {
	text := c.conceal(call, body[:min(len(body), 4*mostShown)])
	if len(text) <= mostShown {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:mostShown], size)
}
