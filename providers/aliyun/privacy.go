package aliyun

import (
	"context"
	"strconv"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// ReadNumber implements [providers.NumberReader] with Dyplsapi's
// QueryCallStatus. Alibaba's newer SDKs no longer have that action.
func (p *provider) ReadNumber(ctx context.Context, n *spec.PrivacyNumber) (spec.NumberReading, error) {
	const action = "QueryCallStatus"
	params := map[string]string{"PoolKey": n.PoolKey, "SubsId": n.SubsID}
	if n.CallNo != "" {
		params["CallNo"] = n.CallNo // the document's table has callNo, every SDK sends CallNo
	}
	r, err := read[callStatusReply](ctx, p.numbers, action, params)
	if err != nil {
		return spec.NumberReading{}, err
	}
	status, err := strconv.Atoi(string(r.SecretCallStatusDTO.Status))
	if err != nil {
		return spec.NumberReading{}, &providers.Error{
			Call: action, RequestID: string(r.RequestID), Effect: providers.EffectNone, Cause: providers.Unavailable,
			Message: "the answer's status is no number",
		}
	}
	return spec.NumberReading{
		Address: n.Address(), At: p.now(), Status: status, Number: string(r.SecretCallStatusDTO.CalledNo),
	}, nil
}
