package described

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

const callToken = "token"

// errTokenRefused is a call that only reads, and whose token is no longer good.
var errTokenRefused = errors.New("the carrier refuses the token")

func tokenRefused(err error) bool { return errors.Is(err, errTokenRefused) }

// tokenValues holds the values of the tokens in use, by the text that
// [carriercall.Tokens] knows a token by.
type tokenValues struct {
	mu     sync.Mutex
	values map[string]cty.Value
}

// mostTokens is how many tokens are remembered: the one in use, and those that
// calls under way still have.
const mostTokens = 8

func (t *tokenValues) keep(token string, v cty.Value) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.values == nil || len(t.values) >= mostTokens {
		t.values = map[string]cty.Value{}
	}
	t.values[token] = v
}

func (t *tokenValues) of(token string) cty.Value {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, ok := t.values[token]; ok {
		return v
	}
	return cty.EmptyObjectVal
}

// fetchToken asks for a token. All of its reply is secret.
func (p *provider) fetchToken(ctx context.Context, _ string) (carriercall.Token, error) {
	var got carriercall.Token
	t := p.def.token
	call := carriercall.Call{Name: callToken, Awaited: true, Sending: p.Sending()}
	err := p.Repeat(ctx, call, func(call carriercall.Call) error {
		at := p.Now()
		return p.Send(ctx, call, func(ctx context.Context) (*http.Request, error) {
			m, err := p.def.make(p.scope(nil), t.request, true)
			if err != nil {
				return nil, err
			}
			if err := p.inClear(m); err != nil {
				return nil, err
			}
			p.shown(callToken, m)
			m.tell(call.Sending)
			return m.http(ctx, p.endpoint)
		}, func(a carriercall.Answer) error {
			r := p.def.replyOf(a)
			p.answered(callToken, nil, r, nil)
			var err error
			got, err = p.tokenOf(r, at)
			return err
		})
	})
	return got, err
}

// inClear is why a token isn't asked for at a URL of its own: credentials would go
// in clear to another machine. The endpoint was looked at when the block was opened.
func (p *provider) inClear(m *made) error {
	if m.url == "" || p.plaintext {
		return nil
	}
	u, err := url.Parse(m.url)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("the url of the token's request must be one that begins with https://")
	case spec.PlainHTTP(u):
		return fmt.Errorf("the token's request goes by http to %s, which isn't this machine, and nothing was sent. Write https; where the way is safe all the same, write allow_plaintext = true in the provider block", p.hide(u.Hostname(), m))
	}
	return nil
}

// tokenOf reads a token from its reply.
func (p *provider) tokenOf(r *reply, at time.Time) (carriercall.Token, error) {
	t := p.def.token
	v, carriers := r.read(&t.takes)
	ctx := p.scope(map[string]cty.Value{rootReply: v, rootNow: cty.StringVal(timeText(at))})
	p.hideAll(v)
	if j := p.def.judge(ctx, r, at, nil); j.label != labelDone {
		return carriercall.Token{}, p.tokenDenied(&j)
	}
	values, texts := map[string]cty.Value{}, []string(nil)
	for _, n := range t.values {
		v, err := n.expr.value(ctx)
		text, ok := "", false
		if err == nil {
			text, ok = textOf(v)
		}
		switch {
		case !carriers:
			return carriercall.Token{}, errors.New("the answer is none of the carrier's")
		case !ok || blank(text):
			return carriercall.Token{}, &providers.Error{Proof: providers.NeverSeen, Cause: providers.Refused, Message: fmt.Sprintf("the reply has no token.%s", n.name)}
		}
		values[n.name] = cty.StringVal(text)
		texts = append(texts, text)
		p.Veil.Add(spec.SecretForms(text)...)
	}
	token := carriercall.Token{Value: strings.Join(texts, "\x00")}
	p.token.keep(token.Value, cty.ObjectVal(values))
	if t.expires != nil {
		token.Due = p.due(t.expires, ctx, at)
	}
	return token, nil
}

// tokenDenied is a login that was refused: no call will pass without it.
func (p *provider) tokenDenied(j *judgement) error {
	p.cover(j, nil)
	if j.code == hidden {
		j.code = ""
	}
	if strings.Contains(j.message, hidden) {
		j.message = "the carrier gives no token for these settings; what it says of it is hidden, as all of a token's reply is. Compare the settings with the carrier's console"
	}
	e := j.err(false)
	if e.Cause == providers.Refused && j.status >= 400 && j.status < 500 {
		e.Cause = providers.Denied
	}
	return e
}

// hideAll hides every text of a token's reply.
func (p *provider) hideAll(v cty.Value) {
	for _, text := range textsIn(v) {
		if len(text) >= shortestOfToken {
			p.Veil.Add(text)
		}
	}
}

// shortestOfToken is the length from which a text beside a token is hidden: it
// may be another secret, and shorter ones are words.
const shortestOfToken = 8

// due is when a token is renewed: what the definition says is a duration, a number
// of seconds, or a time.
func (p *provider) due(e *expression, ctx *hcl.EvalContext, at time.Time) time.Time {
	text := e.text(ctx)
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return carriercall.Due(at, d)
	}
	const longestLife = 10 * 365 * 24 * 3600 // in seconds; more is a time since 1970
	if n, err := strconv.ParseFloat(text, 64); err == nil && n > 0 && n < longestLife {
		return carriercall.Due(at, time.Duration(n*float64(time.Second)))
	}
	if t, err := timeOf(text); err == nil && t.After(at) {
		return carriercall.Due(at, t.Sub(at))
	}
	return time.Time{}
}
