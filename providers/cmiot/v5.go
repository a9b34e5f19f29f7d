package cmiot

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// The functions of v5 that are called, below /v5/ec/.
const (
	callStatus      = "query/sim-status"        // CMIOT_API25S04
	callStopReason  = "query/sim-stop-reason"   // CMIOT_API25S02
	callIMEI        = "query/sim-imei"          // CMIOT_API23S04
	callPackages    = "query/ordered-offerings" // CMIOT_API23R00
	callChange      = "change/sim-status"       // CMIOT_API23S03
	callChangeBatch = "change/sim-status/batch" // CMIOT_API23S06
	callNumbers     = "query/sim-card-info/batch"
	callJob         = "query/sim-batch-result" // CMIOT_API23M10
	callGroups      = "query/group-info"       // CMIOT_API23E06
	callMembers     = "query/group-member"     // CMIOT_API23E01
)

// v5 is the current API.
type v5 struct {
	*account
	tokens   *carriercall.Tokens
	cooldown cooldown
	batches  batches
}

func newV5(a *account, period time.Duration) *v5 {
	p := &v5{account: a, cooldown: cooldown{period: period}, batches: batches{sleep: a.env.Sleep}}
	p.tokens = &carriercall.Tokens{
		Call: callToken, Fetch: p.fetchToken, Now: a.Now, Sleep: a.env.Sleep, Random: a.env.Random,
		Refused: func(err error) bool { return providers.IsCode(err, codeTokenExpired) },
	}
	return p
}

// Capabilities implements [providers.Provider]. A binding is neither read nor
// set: sim-imei tells the device in use (its title was 绑定IMEI in 2020, and is
// 使用终端IMEI since 2023), and the binding by bill of 2019's manual takes only
// the first digits of an IMEI and is in no later list.
func (p *v5) Capabilities() spec.Capabilities {
	return spec.Capabilities{
		Reads:        spec.AttrActive | spec.AttrPackages,
		Changes:      []spec.Kind{spec.Resume, spec.Stop},
		ObservesIMEI: true,
		Settle:       settle,
		Cooldown:     p.cooldown.period,
		Lists:        true,
		// Beside its status, a card in service is asked for its device, and a
		// stopped one for who stopped it: one further call for either.
		ReadCalls: map[spec.Attr]int{0: 1, spec.AttrPackages: 1},
		// The change, and a look at the card where it is refused as already so.
		ChangeCalls: map[spec.Kind]int{spec.Resume: 2, spec.Stop: 2},
	}
}

// Read implements [providers.Provider].
func (p *v5) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	reading, err := p.status(ctx, iccid)
	if err != nil || reading.Lifecycle == spec.NotFound {
		return reading, err
	}
	switch reading.Lifecycle.InService() {
	case spec.On:
		reading.Observed, err = p.deviceInUse(ctx, iccid)
	case spec.Off:
		reading.Lifecycle, reading.Reason, err = p.whoStopped(ctx, iccid)
	}
	if err != nil {
		return spec.Reading{}, err
	}
	if !attrs.Has(spec.AttrPackages) {
		return reading, nil
	}
	if reading.Packages, err = p.packages(ctx, iccid); err != nil {
		return spec.Reading{}, err
	}
	reading.Has |= spec.AttrPackages
	return reading, nil
}

func (p *v5) packages(ctx context.Context, iccid spec.ICCID) ([]spec.Package, error) {
	params := p.card(iccid)
	params["queryType"] = "3" // of one card; 1 is the customer's, 2 a group's
	offers, err := read[rows[packagesV5]](ctx, p, callPackages, iccid, params)
	if err != nil {
		return nil, err
	}
	return offers.Result[0].packages(), nil
}

// status is the card's status alone, without who stopped it.
func (p *v5) status(ctx context.Context, iccid spec.ICCID) (spec.Reading, error) {
	answer, err := read[rows[statusV5]](ctx, p, callStatus, iccid, p.card(iccid))
	if providers.IsCode(err, codeNoCard, codeNotThere) {
		return p.notFound(iccid, ""), nil
	}
	if err != nil {
		return spec.Reading{}, err
	}
	status := string(answer.Result[0].CardStatus)
	shown := statusText(status)
	if lifecycle(status) == spec.NotFound {
		return p.notFound(iccid, shown), nil
	}
	return spec.Reading{ICCID: iccid, At: p.env.Now(), Status: shown, Lifecycle: lifecycle(status), Has: spec.AttrActive}, nil
}

// whoStopped asks why a card is stopped. Where the carrier won't say, the stop
// is taken for its own, so that nothing is planned from it.
func (p *v5) whoStopped(ctx context.Context, iccid spec.ICCID) (spec.Lifecycle, string, error) {
	answer, err := read[rows[stopReasonRow]](ctx, p, callStopReason, iccid, p.card(iccid))
	if isRefused(err) {
		return spec.SuspendedByCarrier, "the carrier doesn't say by whom: " + err.Error(), nil
	}
	if err != nil {
		return "", "", err
	}
	l, reason := whoStopped(string(answer.Result[0].StopReason))
	return l, reason, nil
}

// deviceInUse is the device that the card was last seen in, "" where the carrier
// has none. It proves no binding, so a refusal is no reason to leave the card unread.
func (p *v5) deviceInUse(ctx context.Context, iccid spec.ICCID) (spec.IMEI, error) {
	answer, err := read[rows[imeiRow]](ctx, p, callIMEI, iccid, p.card(iccid))
	if isRefused(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	imei, err := spec.ParseIMEI(string(answer.Result[0].IMEI))
	if err != nil {
		return "", nil //nolint:nilerr // what is no IMEI names no device
	}
	return imei, nil
}

// attempt makes one request with the token that all share, and others where the
// carrier doesn't take that one any more.
func (p *v5) attempt(ctx context.Context, c call, r reply) error {
	return p.tokens.Attempt(ctx, func(take carriercall.Take) error {
		return p.exchange(ctx, c.Call, func(ctx context.Context, t transaction) (*http.Request, string, error) {
			token, err := take()
			if err != nil {
				return nil, "", err
			}
			params := map[string]string{"transid": t.id, "token": token}
			maps.Copy(params, c.params)
			req, err := p.request(ctx, c.Name, params)
			return req, token, err
		}, r)
	})
}

// request carries its parameters as JSON in the body (KNOWN*: of the two forms,
// the one that keeps the token and the password out of URLs).
func (p *v5) request(ctx context.Context, name string, params map[string]string) (*http.Request, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	req, err := post(ctx, p.url("/v5/ec/"+name), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json;charset=utf-8")
	return req, nil
}

// join is how batches write lists of numbers (PHP-V5).
func join(numbers []string) string { return strings.Join(numbers, "_") }
