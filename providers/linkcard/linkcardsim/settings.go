package linkcardsim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// The actions that set what the world keeps nothing of: they look at the card
// and at what they are told, and answer as if they had.

// forceActivation starts a card's service before its silent period ends (静默期 →
// 使用中). DateType is no concern of the world's.
func forceActivation(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	return changeStatus(w, q, spec.Active, "20")
}

func setCardStopRule(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	if limit, err := strconv.Atoi(q.Get("FlowLimit")); err != nil || limit < 0 {
		return nil, false, invalid("FlowLimit is a number of MB")
	}
	return settled(w, q, "AutoRestore")
}

func updateAutoRechargeSwitch(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	return settled(w, q, "Open")
}

// addTagsToCard takes 4 tags at most (META).
func addTagsToCard(w *carriersim.World, q url.Values) (answer, bool, *refusal) {
	tags, no := list(q, "TagNameList")
	if no == nil && len(tags) > 4 {
		no = invalid("TagNameList has 4 tags at most")
	}
	if no != nil {
		return nil, false, no
	}
	return settled(w, q)
}

// settled answers a setting of a card, of which some parameters are booleans.
func settled(w *carriersim.World, q url.Values, booleans ...string) (answer, bool, *refusal) {
	for _, name := range booleans {
		if v := q.Get(name); v != "true" && v != "false" {
			return nil, false, invalid(name + " is true or false")
		}
	}
	if _, no := cards().Find(q, w.Read); no != nil {
		return nil, false, no
	}
	return answer{"Data": true}, false, nil
}

// list is a parameter that is a list: JSON in one parameter, as Linkcard's SDKs
// write it, or a parameter for each (Name.1, Name.2), as the RPC style has lists
// otherwise.
func list(q url.Values, name string) (values []string, no *refusal) {
	if text := q.Get(name); text != "" {
		if json.Unmarshal([]byte(text), &values) != nil {
			return nil, invalid(name + " is a list of strings in JSON")
		}
	}
	for _, numbered := range numbers(name) {
		if v := q.Get(numbered); v != "" {
			values = append(values, v)
		}
	}
	return values, nil
}

// numbers are the names that the elements of a list may have.
func numbers(name string) (names []string) {
	for n := 1; n <= 10; n++ {
		names = append(names, name+"."+strconv.Itoa(n))
	}
	return names
}

// listNames is how a list may be given.
func listNames(name string) []string { return append(numbers(name), name) }

// checkMsisdns: OptMsisdns are numbers of the card, of which one with several
// networks has several. The world's have one.
func checkMsisdns(c *carriersim.Card, q url.Values) *refusal {
	numbers, no := list(q, "OptMsisdns")
	if no != nil {
		return no
	}
	if i := slices.IndexFunc(numbers, func(n string) bool { return n != c.MSISDN }); i >= 0 {
		return invalid("OptMsisdns: the card has no number " + strings.TrimSpace(numbers[i]))
	}
	return nil
}

// elsewhere are the actions that Linkcard has and this simulator doesn't (META,
// and the SDKs of linkcard 2021-05-20).
func elsewhere() []string {
	return []string{
		"AddCardToDirectionalGroup", "AddDirectionalAddress", "AddDirectionalCard", "AddDirectionalGroup", "BatchAddDirectionalAddress",
		"DeleteDirectionalAddress", "DeleteDirectionalGroup", "GetCardLatestFlow", "GetCardRealStatus", "GetCardStatusStatistics",
		"GetCredentialPoolStatistics", "GetOperateResult", "GetRealNameStatus", "GetSimCardStateDistribution", "ListDirectionalAddress",
		"ListDirectionalDetail", "ListOrder", "SendMessage", "VerifyIotCard",
	}
}
