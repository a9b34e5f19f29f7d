package carriercall

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	// mostShown is how many bytes of a body are shown, and mostOfNoJSON how many of
	// an answer that is no JSON.
	mostShown    = 16 << 10
	mostOfNoJSON = 200
)

// concealer hides the account's secrets, and the call's own.
func (c *Client) concealer(call Call) spec.Concealer {
	secrets := c.Veil.all()
	if call.Secret != "" {
		secrets = append(secrets, call.Secret)
	}
	if call.Sending != nil {
		secrets = append(secrets, call.Sending.Secrets...)
	}
	return spec.Conceal(secrets...)
}

// sentID is what a request calls itself.
func (c *Client) sentID(call Call, req *http.Request) string {
	if call.Sending != nil && call.Sending.ID != "" {
		return Shorten(c.concealer(call).Text(call.Sending.ID))
	}
	if call.RequestID != "" {
		return c.Clean(call, call.RequestID)
	}
	for _, values := range []map[string][]string{req.Header, req.URL.Query()} {
		for name, value := range values {
			if spec.NamesRequest(name) && len(value) > 0 && value[0] != "" {
				return Shorten(c.concealer(call).Text(value[0]))
			}
		}
	}
	return ""
}

// shownRequest is a request as it leaves.
func (c *Client) shownRequest(call Call, req *http.Request) providers.Wire {
	hide := c.concealer(call)
	w := providers.Wire{Line: req.Method + " " + hide.URL(req.URL), Headers: hide.Headers(req.Header)}
	if req.Body == nil || req.Body == http.NoBody || req.GetBody == nil {
		return w
	}
	body, err := req.GetBody()
	if err != nil {
		return w
	}
	if text, err := io.ReadAll(body); err == nil { // it is in memory
		w.Body = start(hide.Text(string(text)), mostShown, len(text))
	}
	return w
}

// shownAnswer is an answer. That of a request for a token is a secret as a whole,
// unless it is the page of a proxy.
func (c *Client) shownAnswer(call Call, a Answer) providers.Wire {
	hide := c.concealer(call)
	w := providers.Wire{Line: fmt.Sprintf("HTTP %d", a.Status), Headers: hide.Headers(a.Header)}
	switch {
	case len(a.Body) == 0:
	case call.Awaited && !isPage(a):
		w.Body = fmt.Sprintf("[%d bytes, hidden: what gives a token is shown of no answer]", len(a.Body))
	case json.Valid(a.Body):
		w.JSON = true
		w.Body = start(hide.Text(string(a.Body)), mostShown, len(a.Body))
	default:
		w.Body = start(hide.Text(string(a.Body)), mostOfNoJSON, len(a.Body))
	}
	return w
}

// isPage reports whether an answer is a page for a browser.
func isPage(a Answer) bool {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")) // "" where it makes no sense
	start := strings.ToLower(strings.TrimSpace(string(a.Body[:min(len(a.Body), 64)])))
	return kind == "text/html" && (strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html"))
}

// start is the beginning of a text that was size bytes long. It is cut after its
// secrets are hidden, so that none of them is parted.
func start(text string, most, size int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:most], ""), size)
}
