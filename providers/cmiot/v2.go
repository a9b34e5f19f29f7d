package cmiot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// The functions of v2 that are called.
const (
	callStatusV2   = "userstatusrealsingle" // CMIOT_API2002
	callPackagesV2 = "querycardprodinfo"    // CMIOT_API2037
)

// v2 is the legacy API, which has no call that changes a card (PHP-V2, CMIOT2:
// of its whole list, smsstatusreset alone is no reading).
type v2 struct {
	*account
	ebids map[string]string // by function
}

// Capabilities implements [providers.Provider].
func (p *v2) Capabilities() spec.Capabilities {
	return spec.Capabilities{
		Reads:     spec.AttrActive | spec.AttrPackages,
		ReadCalls: map[spec.Attr]int{spec.AttrPackages: 1},
	}
}

// Read implements [providers.Provider].
func (p *v2) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	params := p.card(iccid)
	status, err := read[rows[statusV2]](ctx, p, callStatusV2, iccid, params)
	if providers.IsCode(err, codeNoCard, codeNotThere) {
		return p.notFound(iccid, ""), nil
	}
	if err != nil {
		return spec.Reading{}, err
	}
	stands, shown := readV2(string(status.Result[0].Status))
	if stands == spec.NotFound {
		return p.notFound(iccid, shown), nil
	}
	reading := spec.Reading{ICCID: iccid, At: p.env.Now(), Status: shown, Lifecycle: stands, Has: spec.AttrActive}
	if !attrs.Has(spec.AttrPackages) {
		return reading, nil
	}
	offers, err := read[rows[packagesV2]](ctx, p, callPackagesV2, iccid, params)
	if err != nil {
		return spec.Reading{}, err
	}
	if err := p.CheckCard(carriercall.Call{Name: callPackagesV2}, "", iccid, string(offers.Result[0].ICCID)); err != nil {
		return spec.Reading{}, err
	}
	reading.Packages = offers.Result[0].packages()
	reading.Has |= spec.AttrPackages
	return reading, nil
}

// Do implements [providers.Provider].
func (p *v2) Do(_ context.Context, c providers.Change) (providers.Receipt, error) {
	return providers.Receipt{}, providers.Refuse(string(c.Kind), `API v2 changes no card; api_version = "v5" stops and resumes`)
}

func (a *account) notFound(iccid spec.ICCID, status string) spec.Reading {
	return spec.Reading{ICCID: iccid, At: a.env.Now(), Status: status, Lifecycle: spec.NotFound}
}

// attempt sends a function's parameters in the query string, as the carrier's
// samples do for GET and POST alike (CMIOT_API2002, API请求URL示例).
func (p *v2) attempt(ctx context.Context, c call, r reply) error {
	return p.exchange(ctx, c.Call, func(ctx context.Context, t transaction) (*http.Request, string, error) {
		token := tokenV2(p.appid, p.password, t.id)
		q := url.Values{"appid": {p.appid}, "transid": {t.id}, "ebid": {p.ebids[c.Name]}, "token": {token}}
		for name, v := range c.params {
			q.Set(name, v)
		}
		u := p.url("/v2/" + c.Name)
		u.RawQuery = q.Encode()
		req, err := post(ctx, u, nil)
		return req, token, err
	}, r)
}

// tokenV2 is "appid+password+transid … 使用64位SHA-256算法": 64 digits of lower-case
// hex (CMIOT_API2002, whose sample token has a blank in it by mistake).
func tokenV2(appid, password, transid string) string {
	sum := sha256.Sum256([]byte(appid + password + transid))
	return hex.EncodeToString(sum[:])
}
