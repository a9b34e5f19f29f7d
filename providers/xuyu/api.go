package xuyu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// gateway is the carrier's API with what each call to it needs.
type gateway struct {
	*carriercall.Client
	endpoint       *url.URL
	keyHeader, key string
	tokens         *carriercall.Tokens
	codes          map[string]carriercall.Meaning
	answers        map[int]carriercall.Meaning
}

// call is one call of an operation.
type call struct {
	operation
	values   map[string]string // for its placeholders
	changing bool
}

// named is the call without its request.
func (c call) named() carriercall.Call {
	return carriercall.Call{Name: c.name, Changing: c.changing, Card: spec.ICCID(c.values["iccid"])}
}

// read makes a call that changes nothing. take reads the reply below the
// operation's result.
func (g *gateway) read(ctx context.Context, c call, take func(result json.RawMessage) error) (requestID string, err error) {
	return g.send(ctx, c, func(root json.RawMessage) error {
		result, ok := at(root, c.result)
		if !ok {
			return fmt.Errorf("the answer has nothing at %q", c.result)
		}
		return take(result)
	})
}

// send makes a call, with the token and, where that is refused, with new ones:
// the access_token may have run out early ("业务服务器在API调用获知access_token已超时的情况下", S003).
func (g *gateway) send(ctx context.Context, c call, take func(root json.RawMessage) error) (id string, err error) {
	read := func(got carriercall.Answer) error {
		id = g.RequestID(c.named(), got.Header)
		return g.outcome(c, got.Status, got.Body, take)
	}
	err = g.Repeat(ctx, c.named(), func(named carriercall.Call) error {
		return g.tokens.Attempt(ctx, func(take carriercall.Take) error {
			return g.Send(ctx, named, func(ctx context.Context) (*http.Request, error) { return g.request(ctx, c, take) }, read)
		})
	})
	return id, err
}

// outcome reads an answer: the carrier's own code decides where it has one,
// else the HTTP status, else what take finds.
func (g *gateway) outcome(c call, status int, body []byte, take func(json.RawMessage) error) error {
	root, odd := parse(body)
	if odd == nil {
		var head head
		head.read(root)
		if head.Code != "" && head.Code != codeOK {
			return g.explain(c, head)
		}
	}
	if status < 200 || status > 299 {
		return g.explainHTTP(c, status)
	}
	if odd != nil {
		return odd
	}
	return take(root)
}

// request carries both credentials. That the token is a bearer's is how RFC
// 6750 puts token_type "Bearer" (S003 响应示例); S003 itself shows no call.
func (g *gateway) request(ctx context.Context, c call, take carriercall.Take) (*http.Request, error) {
	token, err := take()
	if err != nil {
		return nil, err
	}
	u, err := c.url(g.endpoint, c.values)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	content := c.content(c.values)
	if content != nil {
		body = bytes.NewReader(content)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set(g.keyHeader, g.key)
	req.Header.Set("Accept", "application/json")
	if content != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return req, nil
}

// requestHeaders are GUESSES: no document says where the carrier names a
// request. Gateways use these, Azure's among them.
func requestHeaders() []string {
	return []string{"X-Request-Id", "Request-Id", "Apim-Request-Id", "X-Ms-Request-Id"}
}

// isCode reports whether the API answered with one of the codes. The token
// endpoint's are other words.
func isCode(err error, codes ...string) bool {
	var e *providers.Error
	return providers.IsCode(err, codes...) && errors.As(err, &e) && e.Call != callToken
}

func isUnauthorised(err error) bool {
	return isCode(err, codeUnauthorised, httpCode(http.StatusUnauthorized))
}
