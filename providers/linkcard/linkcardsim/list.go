package linkcardsim

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
	"github.com/cardfleet/cardfleet/spec"
)

// filters are ListCardInfo's parameters beside the page (ALIDOC 425529, META and
// the SDKs), each with how a card is told that fits it. Those without are about
// what the world doesn't know of a card, and are refused, so that no list is
// taken for filtered that isn't.
func filters() map[string]func(card carriersim.Card, want string) bool {
	status := func(card carriersim.Card) [2]string {
		status, osStatus := statusOf(card)
		return [2]string{status, osStatus}
	}
	return map[string]func(carriersim.Card, string) bool{
		"Iccid":           func(card carriersim.Card, want string) bool { return card.ICCID == spec.ICCID(strings.ToUpper(want)) },
		"Msisdn":          func(card carriersim.Card, want string) bool { return card.MSISDN == want },
		"Imsi":            func(card carriersim.Card, want string) bool { return card.IMSI() == want },
		"Vendor":          func(card carriersim.Card, want string) bool { return vendor(card) == want },
		"Status":          func(card carriersim.Card, want string) bool { return status(card)[0] == want },
		"OsStatus":        func(card carriersim.Card, want string) bool { return status(card)[1] == want },
		"CredentialNo":    func(card carriersim.Card, want string) bool { return ownPackage(card).ID == want },
		"Period":          func(_ carriersim.Card, want string) bool { return want == monthly },
		"ActiveTimeStart": func(card carriersim.Card, want string) bool { return notBefore(ownPackage(card).Effective, want) },
		"ActiveTimeEnd":   func(card carriersim.Card, want string) bool { return notAfter(ownPackage(card).Effective, want) },
		"ExpireTimeStart": func(card carriersim.Card, want string) bool { return notBefore(ownPackage(card).Expires, want) },
		"ExpireTimeEnd":   func(card carriersim.Card, want string) bool { return notAfter(ownPackage(card).Expires, want) },
		"AliFee":          nil, "AliyunOrderId": nil, "ApnName": nil, "CertifyType": nil, "DataLevel": nil, "DataType": nil, "DirectionalGroupId": nil,
		"IsAutoRecharge": nil, "MaxFlow": nil, "MaxRestFlowPercentage": nil, "MinFlow": nil, "NetworkType": nil, "NotifyId": nil, "PoolId": nil, "SimType": nil, "TagName": nil,
	}
}

// notBefore and notAfter compare times as they are written, of which the latest sorts
// last. A card without the time doesn't fit.
func notBefore(t time.Time, want string) bool { return !t.IsZero() && alirpcsim.Date(t) >= want }
func notAfter(t time.Time, want string) bool  { return !t.IsZero() && alirpcsim.Date(t) <= want }

// monthly is the Period of every simulated package.
const monthly = "1101"

// listCardInfo pages through the described cards: an open world lists those
// that were changed. Rows have no IMEI. Another account's cards are left out of
// the page that they would be on.
func listCardInfo(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	page, err := strconv.Atoi(q.Get("PageNo"))
	if err != nil || page < 1 {
		return nil, false, invalid("PageNo counts from 1")
	}
	size, err := strconv.Atoi(q.Get("PageSize"))
	if err != nil || !slices.Contains([]int{10, 15, 25, 40}, size) {
		return nil, false, invalid("PageSize is 10, 15, 25 or 40")
	}
	found, total, no := listed(w, q, (page-1)*size, size)
	if no != nil {
		return nil, false, no
	}
	rows := []answer{}
	for _, card := range found {
		if owned(card, q) {
			rows = append(rows, row(card))
		}
	}
	return answer{"Data": answer{
		"List": rows, "PageNo": page, "PageSize": size, "PageCount": (total + size - 1) / size, "Total": total,
	}}, false, nil
}

func owned(card carriersim.Card, q url.Values) bool {
	return card.Account == "" || card.Account == q.Get("AccessKeyId")
}

// listed is size of the cards that fit the filters, after leaving out the first
// from; total is how many there are. With a filter it looks at every card.
func listed(w *carriersim.World, q url.Values, from, size int) (page []carriersim.Card, total int, no *refusal) {
	fits, no := wanted(q)
	if no != nil || fits == nil {
		page, total = w.Page(from, size)
		return page, total, no
	}
	all, _ := w.Page(0, math.MaxInt32)
	all = slices.DeleteFunc(all, func(card carriersim.Card) bool { return !owned(card, q) || !fits(card) })
	from = min(from, len(all))
	return all[from:min(from+size, len(all))], len(all), nil
}

// wanted is whether a card fits every filter of the call; nil without any.
func wanted(q url.Values) (fits func(carriersim.Card) bool, no *refusal) {
	known := filters()
	given := slices.DeleteFunc(slices.Sorted(maps.Keys(known)), func(name string) bool { return q.Get(name) == "" })
	for _, name := range given {
		if known[name] == nil {
			return nil, invalid("the simulated cards have no " + name + ", though the carrier's do")
		}
	}
	if len(given) == 0 {
		return nil, nil
	}
	return func(card carriersim.Card) bool {
		return !slices.ContainsFunc(given, func(name string) bool { return !known[name](card, q.Get(name)) })
	}, nil
}
