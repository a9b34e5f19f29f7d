package cmiot

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

const (
	callToken = "get/token"
	// defaultTTL is how long a token lasts whose ttl makes no sense: clients hold
	// it for 30 to 55 minutes (PHP-V5, IOTOS).
	defaultTTL = 30 * time.Minute
)

// fetchToken asks for a token. It doesn't ask for another one than the carrier
// has unless that was refused: a new one ends the old one, which somebody else
// may use.
func (p *v5) fetchToken(ctx context.Context, refused string) (carriercall.Token, error) {
	at := p.Now()
	row, err := p.askToken(ctx, nil)
	if err == nil && string(row.Token) == refused {
		row, err = p.askToken(ctx, map[string]string{"refresh": "1"})
	}
	if err != nil {
		return carriercall.Token{}, err
	}
	return carriercall.Token{Value: string(row.Token), Due: carriercall.Due(at, lifetime(row.TTL))}, nil
}

func (p *v5) askToken(ctx context.Context, further map[string]string) (tokenRow, error) {
	var r rows[tokenRow]
	err := p.exchange(ctx, carriercall.Call{Name: callToken, Awaited: true}, func(ctx context.Context, t transaction) (*http.Request, string, error) {
		params := map[string]string{"appid": p.appid, "password": p.password, "transid": t.id}
		maps.Copy(params, further)
		req, err := p.request(ctx, callToken, params)
		return req, "", err
	}, &r)
	if err != nil {
		return tokenRow{}, err
	}
	return r.Result[0], nil
}

// lifetime reads a ttl, in seconds.
func lifetime(ttl text) time.Duration {
	const longest = 24 * 60 * 60
	seconds, err := strconv.Atoi(string(ttl))
	if err != nil || seconds <= 0 {
		return defaultTTL
	}
	return time.Duration(min(seconds, longest)) * time.Second
}
