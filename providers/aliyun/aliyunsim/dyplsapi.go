package aliyunsim

import (
	"net/url"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
)

func dyplsapi() map[string]alirpcsim.Action {
	return map[string]alirpcsim.Action{
		// The document writes callNo, the SDK CallNo.
		"QueryCallStatus": {Required: []string{"PoolKey", "SubsId"}, Optional: []string{"CallNo", "callNo"}, Do: queryCallStatus},
		// PoolKey may be left out for the old Alidayu's ProductType, which nobody here has.
		"QuerySubscriptionDetail": {Required: []string{"PoolKey", "SubsId", "PhoneNoX"}, Do: querySubscriptionDetail},
	}
}

// queryCallStatus answers in the spelling of the SDKs, which are made from the
// product's own description: Status and CalledNo, the latter null where there is
// no number. The document's text has status and calledNo, which the SDK of its
// time (alibaba-cloud-sdk-go v1.61.112, dyplsapi) doesn't read.
func queryCallStatus(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	n, ok := w.Number(q.Get("PoolKey"), q.Get("SubsId"))
	if !ok {
		return nil, false, codedOfNumbers("isv.NO_NOT_EXIST")
	}
	status := alirpcsim.Answer{"Status": n.Status, "CalledNo": nil}
	if n.Number != "" {
		status["CalledNo"] = n.Number
	}
	return alirpcsim.Answer{"SecretCallStatusDTO": status}, false, nil
}

// querySubscriptionDetail is about the binding, which ends (0 失效) where
// QueryCallStatus says expired, and is in force (1 生效) otherwise (ALIDOC
// 63174). GUESS: an X number that isn't the subscription's does not exist.
func querySubscriptionDetail(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	const normal, expired = 1, 4
	n, ok := w.Number(q.Get("PoolKey"), q.Get("SubsId"))
	own := n.Status == normal || n.Status == expired // otherwise the world's number is a temporary one, or none
	if !ok || own && n.Number != "" && n.Number != q.Get("PhoneNoX") {
		return nil, false, codedOfNumbers("isv.NO_NOT_EXIST")
	}
	status := 1
	if n.Status == expired {
		status = 0
	}
	return alirpcsim.Answer{"SecretBindDetailDTO": alirpcsim.Answer{
		"Status": status, "SubsId": n.Subs, "PhoneNoX": q.Get("PhoneNoX"), "GmtCreate": "2018-10-30 19:53:00", "ExpireDate": "",
	}}, false, nil
}
