package xuyu

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
)

// gateway is the carrier's API with what each call to it needs.
type gateway struct {
	endpoint       *url.URL
	keyHeader, key string
	env            providers.Env
	transport      *carrierhttp.Transport
	retries        int
	tokens         *tokens
	codes          map[string]meaning
	answers        map[int]meaning
	veil           *veil
}

// call is one call of an operation.
type call struct {
	operation
	values   map[string]string // for its placeholders
	changing bool
}

func (c call) limited() carrierhttp.Call {
	return carrierhttp.Call{Function: c.name, Changing: c.changing}
}

// read makes a call that changes nothing, and repeats it where it failed for a
// passing reason. take reads the reply below the operation's result.
func (g *gateway) read(ctx context.Context, c call, take func(result json.RawMessage) error) (requestID string, err error) {
	return g.send(ctx, c, func(root json.RawMessage) error {
		result, ok := at(root, c.result)
		if !ok {
			return fmt.Errorf("the answer has nothing at %q", c.result)
		}
		return take(result)
	})
}

// send makes a call. A changing one is repeated only where it certainly had no effect.
func (g *gateway) send(ctx context.Context, c call, take func(root json.RawMessage) error) (requestID string, err error) {
	policy := carrierhttp.Policy{
		Retries: g.retries, Judge: judge, Sleep: g.env.Sleep, Random: g.env.Random,
		Throttled: func() { g.transport.Throttled(c.limited()) },
	}
	err = policy.Do(ctx, func() error {
		requestID, err = g.authorised(ctx, c, take)
		return err
	})
	return requestID, err
}

// judge decides from what happened to the card, never from the HTTP status.
func judge(err error) carrierhttp.Verdict {
	var e *providers.Error
	if !errors.As(err, &e) {
		return carrierhttp.Verdict{}
	}
	passing := e.Cause == providers.Throttled || e.Cause == providers.Unavailable
	return carrierhttp.Verdict{
		Again:     passing && e.Effect == providers.EffectNone,
		Throttled: e.Cause == providers.Throttled,
		After:     e.RetryAfter,
	}
}

// authorised makes an attempt with the token, and another with a new one where
// that was refused: the access_token may have run out early ("业务服务器在API调用
// 获知access_token已超时的情况下", S003). A refused call was not carried out.
func (g *gateway) authorised(ctx context.Context, c call, take func(json.RawMessage) error) (string, error) {
	token, err := g.tokens.get(ctx, "")
	if err != nil {
		return "", err
	}
	id, err := g.attempt(ctx, c, token, take)
	if !isUnauthorised(err) {
		return id, err
	}
	if token, err = g.tokens.get(ctx, token); err != nil {
		return "", err
	}
	return g.attempt(ctx, c, token, take)
}

func (g *gateway) attempt(ctx context.Context, c call, token string, take func(json.RawMessage) error) (string, error) {
	req, err := g.request(ctx, c, token)
	if err != nil {
		return "", &providers.Error{Call: c.name, Effect: providers.EffectNone, Err: err}
	}
	resp, err := g.transport.Send(req, c.limited())
	if err != nil {
		return "", unanswered(c, err)
	}
	defer func() { _ = resp.Body.Close() }() // in memory already, so neither this nor reading fails
	body, _ := io.ReadAll(resp.Body)
	id := shorten(g.veil.hide(requestID(resp.Header)))
	if e := g.outcome(c, resp.StatusCode, body, take); e != nil {
		e.RequestID = cmp.Or(e.RequestID, id)
		e.RetryAfter = carrierhttp.RetryAfter(resp.Header, g.env.Now())
		return id, e
	}
	return id, nil
}

// outcome reads an answer: the carrier's own code decides where it has one,
// else the HTTP status, else what take finds.
func (g *gateway) outcome(c call, status int, body []byte, take func(json.RawMessage) error) *providers.Error {
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
	if odd == nil {
		odd = take(root)
	}
	var e *providers.Error
	switch {
	case odd == nil:
		return nil
	case errors.As(odd, &e):
		return e
	default:
		return undecodable(c, fmt.Errorf("HTTP %d: %w", status, odd))
	}
}

// request carries both credentials. That the token is a bearer's is how RFC
// 6750 puts token_type "Bearer" (S003 响应示例); S003 itself shows no call.
func (g *gateway) request(ctx context.Context, c call, token string) (*http.Request, error) {
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

// requestID is the carrier's name for a request. GUESS: no document names one;
// these are the headers that gateways use, Azure's among them.
func requestID(h http.Header) string {
	return cmp.Or(h.Get("X-Request-Id"), h.Get("Request-Id"), h.Get("Apim-Request-Id"), h.Get("X-Ms-Request-Id"))
}

// unanswered is a request to which no whole answer came.
func unanswered(c call, err error) error {
	var failed *carrierhttp.Error
	effect := providers.EffectNone
	if c.changing && (!errors.As(err, &failed) || failed.Sent) {
		effect = providers.EffectUnknown
	}
	return &providers.Error{Call: c.name, Effect: effect, Cause: providers.Unavailable, Err: err}
}

// undecodable is an answer that makes no sense: a proxy's page, half of a
// reply. It says nothing of what happened.
func undecodable(c call, err error) *providers.Error {
	e := &providers.Error{Call: c.name, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: err}
	if c.changing {
		e.Effect = providers.EffectUnknown
	}
	return e
}

// veil hides credentials and tokens in foreign text.
type veil struct {
	mu    sync.RWMutex
	words []string // the longest first, since one may hold another
}

func (v *veil) add(words ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.words = slices.DeleteFunc(append(v.words, words...), func(w string) bool { return w == "" })
	slices.SortStableFunc(v.words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

func (v *veil) hide(s string) string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, w := range v.words {
		s = strings.ReplaceAll(s, w, "[hidden]")
	}
	return s
}

// shorten keeps a foreign text to a length that a line can hold.
func shorten(s string) string {
	const most = 120
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}

func isCode(err error, code string) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Code == code && e.Call != callToken
}

func isUnauthorised(err error) bool {
	return isCode(err, codeUnauthorised) || isCode(err, httpCode(http.StatusUnauthorized))
}
