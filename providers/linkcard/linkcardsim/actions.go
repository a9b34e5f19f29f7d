package linkcardsim

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
	"github.com/cardfleet/cardfleet/spec"
)

type (
	answer  = alirpcsim.Answer
	refusal = alirpcsim.Refusal
)

// actions lists the actions that the simulated carrier has, with their
// parameters as META and ALIDOC have them.
func actions() map[string]alirpcsim.Action {
	card, numbers := []string{"Iccid"}, listNames("OptMsisdns")
	return map[string]alirpcsim.Action{
		"GetCardDetail":            {Required: card, Optional: []string{"ShowPsim", "InstanceId", "DestroyCard"}, Do: getCardDetail},
		"GetCardFlowInfo":          {Required: card, Optional: dates(), Do: getCardFlowInfo},
		"ListCardInfo":             {Required: []string{"PageNo", "PageSize"}, Optional: slices.Collect(maps.Keys(filters())), Do: listCardInfo},
		"StopSingleCard":           {Required: card, Optional: numbers, Do: stopSingleCard},
		"ResumeSingleCard":         {Required: card, Optional: numbers, Do: resumeSingleCard},
		"RebindResumeSingleCard":   {Required: card, Optional: numbers, Do: rebindResumeSingleCard},
		"ForceActivation":          {Required: card, Optional: []string{"DateType"}, Do: forceActivation},
		"SetCardStopRule":          {Required: []string{"Iccid", "FlowLimit", "AutoRestore"}, Do: setCardStopRule},
		"UpdateAutoRechargeSwitch": {Required: []string{"Iccid", "Open"}, Do: updateAutoRechargeSwitch},
		"AddTagsToCard":            {Required: card, Optional: listNames("TagNameList"), Do: addTagsToCard},
		"Renew": {
			Required: []string{"Iccid", "RechargeType", "SerialNo", "BuyNum"}, Optional: []string{"OfferCode", "ApiProduct", "ApiRevision"}, Do: renew,
		},
	}
}

// dates are the months that GetCardFlowInfo may be asked for: 6 at most (ALIDOC
// api-getcardflowinfo; META says 5).
func dates() (names []string) {
	for n := 1; n <= 6; n++ {
		names = append(names, "DateList."+strconv.Itoa(n))
	}
	return names
}

func cards() alirpcsim.Cards {
	// GUESS: another account's card is as good as none.
	return alirpcsim.Cards{Coded: coded, Missing: "IccidNotExist", Denied: "IccidNotExist", Failed: "InternalError"}
}

// getCardDetail answers with numbers and lists where the documents have them.
func getCardDetail(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	if q.Get("DestroyCard") == "true" && q.Get("InstanceId") == "" {
		return nil, false, coded("InstanceIdCanNotEmpty")
	}
	card, no := cards().Find(q, w.Read)
	if no != nil {
		return nil, false, no
	}
	info := row(card)
	info["DeviceImei"] = card.IMEI
	info["Ip"] = []string{}
	info["AutoRebindReuse"] = false
	return answer{"Data": answer{"ListPsimCards": []answer{}, "VsimCardInfo": info}}, false, nil
}

// row is what a list tells of a card, and a part of its details.
func row(card carriersim.Card) answer {
	status, osStatus := statusOf(card)
	own := ownPackage(card)
	return answer{
		"Iccid": card.ICCID, "Msisdn": []string{card.MSISDN}, "Imsi": []string{card.IMSI()}, "Status": status, "OsStatus": osStatus, "Vendor": vendor(card),
		"CredentialNo": own.ID, "ActiveTime": alirpcsim.Date(own.Effective), "ExpireTime": alirpcsim.Date(own.Expires), "Period": monthly,
	}
}

// ownPackage is the package that the card came with. GUESS: the first.
func ownPackage(card carriersim.Card) spec.Package {
	if len(card.Packages) == 0 {
		return spec.Package{}
	}
	return card.Packages[0]
}

// vendor is the operator in Linkcard's spelling.
func vendor(card carriersim.Card) string {
	return map[string]string{"cmcc": "CMCC", "cucc": "CUCC", "ctcc": "CTCC"}[card.Network()]
}

func getCardFlowInfo(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	card, no := cards().Find(q, w.Read)
	if no != nil {
		return nil, false, no
	}
	packages := []answer{}
	for _, p := range card.Packages {
		packages = append(packages, answer{
			"PackageName": p.ID, "EffectiveTime": alirpcsim.Date(p.Effective), "ExpireTime": alirpcsim.Date(p.Expires), "Remark": p.Name,
		})
	}
	return answer{"Data": answer{"ListPackageDTO": packages, "ListCardMonthFlow": []answer{}, "ListVendorDetail": []answer{}}}, false, nil
}

// stopSingleCard stops a card in use (使用中). GUESS: any other, also one that is
// stopped already, is refused with the general code.
func stopSingleCard(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	return changeStatus(w, q, spec.SuspendedByOwner, "100", "150")
}

// resumeSingleCard resumes one that its owner (主动停用) or its data limit
// (达量停用) stopped, and no other (ALIDOC 374305).
func resumeSingleCard(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	return changeStatus(w, q, spec.Active, "200", "300")
}

// rebindResumeSingleCard accepts the device of a card that was stopped since it
// was moved to it (换绑停用 → 换绑复用, ALIDOC api-rebindresumesinglecard).
func rebindResumeSingleCard(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	return changeStatus(w, q, spec.Active, "500", "130")
}

func changeStatus(w *carriersim.World, q url.Values, to spec.Lifecycle, from ...string) (answer, bool, *refusal) {
	no := cards().Alter(w, q, func(c *carriersim.Card) *refusal {
		if no := checkMsisdns(c, q); no != nil {
			return no
		}
		if _, osStatus := statusOf(*c); !slices.Contains(from, osStatus) {
			return coded("BusinessProcessError")
		}
		c.Status, c.Words = to, ""
		return nil
	})
	return answer{"Data": true}, no == nil, no
}

// renew renews the card's own package, or adds one. A repeated SerialNo is
// answered with the first order and orders nothing (保持幂等性, ALIDOC 425525).
func renew(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	periods, no := checkOrder(w, q)
	if no != nil {
		return nil, false, no
	}
	if first, ok := w.Ordered(q.Get("SerialNo")); ok {
		return ordered(first), false, nil
	}
	var id string
	no = cards().Alter(w, q, func(c *carriersim.Card) (no *refusal) {
		if q.Get("RechargeType") == "STANDARD" {
			id, no = extend(c, w.Clock(), periods)
			return no
		}
		id = q.Get("OfferCode")
		c.AddPackage(spec.Package{ID: id, Name: id, Effective: w.Clock(), Expires: w.Clock().AddDate(0, periods, 0)})
		return nil
	})
	if no != nil {
		return nil, false, no
	}
	order := carriersim.Order{Key: q.Get("SerialNo"), Number: strconv.Itoa(21450000000000 + w.Serial()), ICCID: alirpcsim.ICCID(q), Package: id}
	if w.Order(order) != nil {
		return nil, true, coded("InternalError")
	}
	return ordered(order), true, nil
}

// extend renews the card's own package, from its end or from now.
func extend(c *carriersim.Card, now time.Time, months int) (id string, no *refusal) {
	own := ownPackage(*c)
	if own.ID == "" {
		return "", coded("CredentialInstanceNotExist")
	}
	if own.Expires.After(now) {
		now = own.Expires
	}
	c.Packages[0].Expires = now.AddDate(0, months, 0)
	return own.ID, nil
}

// checkOrder looks at what Renew was told: 续订月套餐 1, 2, 3, 6, 9, 12 and
// 订购叠加包 1, 2, 3 (ALIDOC 425525). Every simulated package is by the month.
func checkOrder(w *carriersim.World, q url.Values) (periods int, no *refusal) {
	periods, err := strconv.Atoi(q.Get("BuyNum"))
	offer := q.Get("OfferCode")
	switch kind := q.Get("RechargeType"); {
	case kind != "STANDARD" && kind != "OVERLAY":
		return 0, invalid("RechargeType is STANDARD or OVERLAY")
	case kind == "OVERLAY" && offer == "":
		return 0, invalid("OfferCode is mandatory for OVERLAY")
	case kind == "STANDARD" && offer != "":
		return 0, invalid("OfferCode has no place in STANDARD")
	case kind == "OVERLAY" && len(w.Offers) > 0 && !slices.Contains(w.Offers, offer):
		return 0, invalid("there is no offer " + offer)
	case err != nil, kind == "OVERLAY" && (periods < 1 || periods > 3), !slices.Contains([]int{1, 2, 3, 6, 9, 12}, periods):
		return 0, invalid("BuyNum is 1, 2 or 3, and for months also 6, 9 or 12")
	}
	return periods, nil
}

func ordered(o carriersim.Order) answer {
	return answer{"Data": answer{"OrderNo": o.Number, "SerialNo": o.Key}}
}

// statusOf is a card's Status and OsStatus (ALIDOC 374328). The world's words,
// where it has some, are the OsStatus.
func statusOf(c carriersim.Card) (status, osStatus string) {
	osStatus = c.Words
	if osStatus == "" {
		osStatus = usual(c.Status)
	}
	for _, s := range statuses() {
		if osStatus == s.words || osStatus == s.osStatus {
			return s.status, s.osStatus
		}
	}
	return "30", osStatus // a word that no document has
}

type status struct{ osStatus, status, words string }

// statuses pairs each OsStatus with the Status that it is a kind of. GUESS: the
// documents list both without saying which belong together; the words do.
func statuses() []status {
	return []status{
		{"10", "10", "测试期"}, {"20", "20", "静默期"}, {"100", "30", "使用中"}, {"150", "30", "部分使用中"},
		{"130", "35", "测试期换绑停用"}, {"200", "35", "主动停用"}, {"300", "35", "达量停用"}, {"400", "35", "信控停用"},
		{"500", "35", "换绑停用"}, {"600", "35", "实名停用"}, {"700", "35", "异常停用"}, {"40", "40", "已停机"}, {"50", "50", "已销户"},
	}
}

// usual is the OsStatus of a card of the world. What Linkcard has no word for
// comes as 999, which no document has.
func usual(l spec.Lifecycle) string {
	switch l {
	case spec.Active, "":
		return "100"
	case spec.Testing:
		return "10"
	case spec.Pending, spec.Inventory, spec.Dormant:
		return "20"
	case spec.SuspendedByOwner:
		return "200"
	case spec.SuspendedByCarrier:
		return "400"
	case spec.Closing, spec.Closed:
		return "50"
	default:
		return "999"
	}
}
