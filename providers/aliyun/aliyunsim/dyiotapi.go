package aliyunsim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
	"github.com/cardfleet/cardfleet/spec"
)

// dyiotapi lists the 16 actions of Dyiotapi, with their parameters as JAVA
// (aliyun-openapi-java-sdk, dyiotapi 2017-11-11) has them. Which of them are
// mandatory is the documents' of the actions that this program calls, and a GUESS
// of the others.
func dyiotapi() map[string]alirpcsim.Action {
	card := []string{"Iccid"}
	return map[string]alirpcsim.Action{
		"QueryCardStatus":      {Required: card, Do: queryCardStatus},
		"QueryCardInfo":        {Required: card, Do: queryCardInfo},
		"QueryCardsInfo":       {Required: card, Do: queryCardsInfo},
		"QueryCardFlowInfo":    {Required: card, Do: queryCardFlowInfo},
		"QueryIotCardOfferDtl": {Required: card, Do: queryIotCardOfferDtl},
		"QueryPersonalInfo":    {Required: card, Do: queryPersonalInfo},
		"QueryCardHistoryFlowInfo": {
			Required: []string{"Iccid", "StartTime", "EndTime"}, Do: queryCardHistoryFlowInfo,
		},
		"DoIotChgBindOrUnBind": {
			Required: []string{"Iccid", "OpionType", "Imei"}, Optional: []string{"NewImei", "MidChannelId"}, Do: doIotChgBindOrUnBind,
		},
		"DoIotIsImeiExist":    {Required: []string{"Imei"}, Do: doIotIsImeiExist},
		"DoIotPostImei":       {Required: []string{"Imei", "DeviceType"}, Optional: []string{"Comments"}, Do: doIotPostImei},
		"DoIotUnbindResume":   {Required: card, Do: doIotUnbindResume},
		"DoIotUserStopResume": {Required: []string{"Iccid", "OptionType"}, Do: doIotUserStopResume},
		"DoIotRecharge": {
			Required: []string{"Iccid", "OfferIds", "EffCode", "OutId", "Amount"}, Optional: []string{"OrderNum"}, Do: doIotRecharge,
		},
		"DoIotSetRemindConfig":         {Required: []string{"BizId", "BizType", "ConfigInfo", "OperationType"}, Do: forgotten},
		"DoIotSetAbsoluteRemindConfig": {Required: []string{"BizId", "BizType", "ConfigInfo"}, Do: forgotten},
		"DoSendIotSms": {
			Required: []string{"PhoneNumbers", "SignName", "TemplateCode"}, Optional: []string{"TemplateParam"}, Do: doSendIotSms,
		},
	}
}

func queryCardStatus(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	card, no := cards().Find(q, w.Read)
	if no != nil {
		return nil, false, no
	}
	return alirpcsim.Answer{"CardStatus": alirpcsim.Answer{"Iccid": card.ICCID, "Msisdn": card.MSISDN, "UserStatus": userStatus(card)}}, false, nil
}

// queryIotCardOfferDtl answers with the packages in force ("当前时间有效套餐列表",
// ALIDOC 64525), the list inside an object as the SDK has it.
func queryIotCardOfferDtl(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	card, no := cards().Find(q, w.Read)
	if no != nil {
		return nil, false, no
	}
	offers := []alirpcsim.Answer{}
	for _, p := range card.InForce(w.Clock()) {
		offers = append(offers, alirpcsim.Answer{
			"OfferId": p.ID, "OfferName": p.Name, "OrderTime": alirpcsim.Date(p.Effective),
			"EffectiveTime": alirpcsim.Date(p.Effective), "ExpireTime": alirpcsim.Date(p.Expires),
		})
	}
	return alirpcsim.Answer{"CardOfferDetail": alirpcsim.Answer{"detail": offers}}, false, nil
}

func doIotChgBindOrUnBind(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	imei, newIMEI := spec.IMEI(q.Get("Imei")), spec.IMEI(q.Get("NewImei"))
	change := q.Get("OpionType") == "chgBind"
	switch {
	case !change && q.Get("OpionType") != "unBind":
		return nil, false, invalid("OpionType is chgBind or unBind")
	case change && newIMEI == "":
		return nil, false, invalid("NewImei is mandatory for chgBind")
	case !change && newIMEI != "":
		return nil, false, invalid("NewImei has no place in unBind")
	case malformed(imei), change && (malformed(newIMEI) || !w.Registered(newIMEI)):
		return nil, false, coded("isv.ERROR_IMEI_ERROR")
	}
	holder := w.Holder(newIMEI)
	if change && w.ExclusiveIMEI && holder != "" && holder != alirpcsim.ICCID(q) {
		return nil, false, coded("isv.ERROR_IOT_CHGBINDED_ERROR")
	}
	no := cards().Alter(w, q, func(c *carriersim.Card) *alirpcsim.Refusal {
		if c.Status.Ended() || !c.BoundTo(imei) {
			return coded("isv.ERROR_BIND_NOT_EXIST")
		}
		c.IMEI = newIMEI
		if !change {
			c.Status = spec.Closing // 解绑操作会导致销户
		}
		return nil
	})
	return alirpcsim.Answer{"IotModBind": alirpcsim.Answer{"IsModSuccess": true}}, no == nil, no
}

func doIotIsImeiExist(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	imei := spec.IMEI(q.Get("Imei"))
	if malformed(imei) {
		return nil, false, coded("isv.ERROR_IMEI_ERROR")
	}
	return alirpcsim.Answer{"IotImeiExist": alirpcsim.Answer{"IsImeiExist": w.Registered(imei)}}, false, nil
}

func doIotPostImei(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	imei := spec.IMEI(q.Get("Imei"))
	if malformed(imei) {
		return nil, false, coded("isv.ERROR_IMEI_ERROR")
	}
	if w.Register(imei) != nil {
		return nil, false, coded("isv.SYSTEM_ERROR")
	}
	return alirpcsim.Answer{"IotPostImei": alirpcsim.Answer{"IsPostSuccess": true}}, true, nil
}

// doIotUserStopResume: the values of OptionType are a GUESS, as in the client.
// A card that is already so is answered like one that was changed, and one that
// can't be changed by ControlResult false: no document says otherwise.
func doIotUserStopResume(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	target := map[string]spec.Lifecycle{"MANAGE_STOP": spec.SuspendedByOwner, "MANAGE_RESUME": spec.Active}[q.Get("OptionType")]
	if target == "" {
		return nil, false, invalid("OptionType is MANAGE_STOP or MANAGE_RESUME")
	}
	able, changed := false, false
	no := cards().Alter(w, q, func(c *carriersim.Card) *alirpcsim.Refusal {
		able = c.Status == spec.Active || c.Status == spec.SuspendedByOwner
		if able {
			changed, c.Status = c.Status != target, target
		}
		return nil
	})
	return alirpcsim.Answer{"Result": alirpcsim.Answer{"ControlResult": able}}, changed && no == nil, no
}

// doIotUnbindResume puts a card back into service that was stopped for another
// device than its own, and no other card: GUESS, Data is false for those.
func doIotUnbindResume(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	able := false
	no := cards().Alter(w, q, func(c *carriersim.Card) *alirpcsim.Refusal {
		able = c.Status == spec.SuspendedByCarrier && (strings.Contains(c.Words, "机卡分离") || strings.Contains(c.Words, "换绑"))
		if able {
			c.Status, c.Words = spec.Active, ""
		}
		return nil
	})
	return alirpcsim.Answer{"Data": able}, able && no == nil, no
}

// doIotRecharge orders packages. A repeated OutId is answered with the first
// order and orders nothing: a GUESS, which is what a caller's serial is for.
func doIotRecharge(w *carriersim.World, q url.Values) (alirpcsim.Answer, bool, *alirpcsim.Refusal) {
	if code := q.Get("EffCode"); code != "1000" && code != "AUTO_ORD" {
		return nil, false, invalid("EffCode is 1000 or AUTO_ORD")
	}
	if _, err := strconv.Atoi(q.Get("Amount")); err != nil {
		return nil, false, invalid("Amount is no number")
	}
	offers := strings.Split(q.Get("OfferIds"), ",")
	for _, offer := range offers {
		if len(w.Offers) > 0 && !slices.Contains(w.Offers, offer) {
			return nil, false, invalid("there is no offer " + offer)
		}
	}
	if first, ok := w.Ordered(q.Get("OutId")); ok {
		return recharged(first), false, nil
	}
	no := cards().Alter(w, q, func(c *carriersim.Card) *alirpcsim.Refusal {
		for _, offer := range offers {
			now := w.Clock()
			c.AddPackage(spec.Package{ID: offer, Name: offer, Effective: now, Expires: now.AddDate(0, 1, 0)})
		}
		return nil
	})
	if no != nil {
		return nil, false, no
	}
	order := carriersim.Order{Key: q.Get("OutId"), Number: strconv.Itoa(100000 + w.Serial()), ICCID: alirpcsim.ICCID(q), Package: q.Get("OfferIds")}
	if w.Order(order) != nil {
		return nil, true, coded("isv.SYSTEM_ERROR")
	}
	return recharged(order), true, nil
}

func recharged(o carriersim.Order) alirpcsim.Answer {
	return alirpcsim.Answer{"IotRecharge": alirpcsim.Answer{"OrderNo": o.Number, "DoneCode": o.Number, "OrderResult": "true"}}
}

// cards looks cards up with Dyiotapi's codes.
func cards() alirpcsim.Cards {
	return alirpcsim.Cards{Coded: coded, Missing: "isv.IOT_RES_NOT_EXIST", Denied: "isv.RAM_PERMISSION_DENY", Failed: "isv.SYSTEM_ERROR"}
}

func malformed(imei spec.IMEI) bool {
	_, err := spec.ParseIMEI(string(imei))
	return err != nil
}

// userStatus: 正常, 营业预销 and 未激活状态 are the document's, the others a GUESS.
func userStatus(c carriersim.Card) string {
	if c.Words != "" {
		return c.Words
	}
	switch c.Status {
	case spec.Active, spec.Testing:
		return "正常"
	case spec.Closing:
		return "营业预销"
	case spec.Pending, spec.Inventory:
		return "未激活状态"
	case spec.SuspendedByOwner:
		return "申请停机"
	case spec.SuspendedByCarrier:
		return "欠费停机"
	case spec.Closed:
		return "销户"
	case spec.Dormant:
		return "休眠"
	case spec.Transferred:
		return "过户"
	default:
		return "数据异常"
	}
}
