package aliyunsim

import (
	"net/url"
	"strconv"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
	"github.com/cardfleet/cardfleet/spec"
)

// The rest of Dyiotapi's actions, which this program never calls and others do.
// Their members and types are those of the SDKs (JAVA; npm
// @alicloud/dyiotapi20171111 1.0.0). The world keeps no usage, no reminders and
// no messages: a card has used nothing, and what is set or sent is forgotten.

// queryCardInfo is what S000's sample calls, though it is about QueryCardStatus.
func queryCardInfo(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	card, no := cards().Find(q, w.Read)
	if no != nil {
		return nil, false, no
	}
	return alirpcsim.Answer{"CardInfo": info(card)}, false, nil
}

// queryCardsInfo is for cards with several networks, of which the world has
// none: GUESS, any other card is listed alone.
func queryCardsInfo(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	card, no := cards().Find(q, w.Read)
	if no != nil {
		return nil, false, no
	}
	return alirpcsim.Answer{"CardsInfo": []alirpcsim.Answer{info(card)}}, false, nil
}

// info has the services as 1 (on) and 0 (off), which is a GUESS, and no times:
// the world doesn't know when a card was opened or first used.
func info(card carriersim.Card) alirpcsim.Answer {
	service := "0"
	if card.Status == spec.Active || card.Status == spec.Testing {
		service = "1"
	}
	return alirpcsim.Answer{
		"Iccid": card.ICCID, "Msisdn": card.MSISDN, "Imsi": card.IMSI(), "OpenTime": "", "FirstActiveTime": "",
		"GprsStatus": service, "SmsStatus": service, "VoiceStatus": "0",
	}
}

// queryCardFlowInfo has an entry for each package in force. 6700001 is 上网流量
// (TOP); amounts are KB.
func queryCardFlowInfo(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	card, no := cards().Find(q, w.Read)
	if no != nil {
		return nil, false, no
	}
	flows := []alirpcsim.Answer{}
	for _, p := range card.InForce(w.Clock()) {
		flows = append(flows, alirpcsim.Answer{
			"ResourceType": "6700001", "ResName": p.Name, "FlowResource": 0, "RestOfFlow": 0, "FlowUsed": 0,
			"ValidDate": alirpcsim.Date(p.Effective), "ExpireDate": alirpcsim.Date(p.Expires), "SmsUsed": 0, "VoiceUsed": 0, "VoiceTotal": 0,
		})
	}
	return alirpcsim.Answer{"CardFlowInfos": alirpcsim.Answer{"CardFlowInfo": flows}}, false, nil
}

func queryCardHistoryFlowInfo(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	if _, no := cards().Find(q, w.Read); no != nil {
		return nil, false, no
	}
	return alirpcsim.Answer{"Success": true, "Data": []alirpcsim.Answer{}}, false, nil
}

// queryPersonalInfo is about the real name behind a card: GUESS, Module says
// whether there is one.
func queryPersonalInfo(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	if _, no := cards().Find(q, w.Read); no != nil {
		return nil, false, no
	}
	return alirpcsim.Answer{"Module": "true"}, false, nil
}

// forgotten takes what is set, and keeps none of it.
func forgotten(*carriersim.World, url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	return alirpcsim.Answer{}, false, nil
}

// doSendIotSms sends nothing. GUESS: Module is the message's id.
func doSendIotSms(w *carriersim.World, _ url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	return alirpcsim.Answer{"Module": strconv.Itoa(100000 + w.Serial())}, false, nil
}
