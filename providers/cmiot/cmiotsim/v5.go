package cmiotsim

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

const getToken = "get/token"

func (o *OneLink) functionsV5() map[string]function {
	batch := []string{"msisdns", "iccids", "imsis"}
	return map[string]function{
		getToken:                    {required: []string{"appid", "password"}, optional: []string{"refresh"}, do: o.giveToken},
		"query/sim-status":          {card: true, do: o.simStatus},
		"query/sim-stop-reason":     {card: true, do: o.simStopReason},
		"query/sim-imei":            {card: true, do: o.simIMEI},
		"query/ordered-offerings":   {card: true, required: []string{"queryType"}, do: o.orderedOfferings},
		"query/sim-card-info/batch": {optional: batch, do: o.simCardInfo},
		"query/group-info":          {required: []string{"pageSize", "startNum"}, do: o.groupInfo},
		"query/group-member":        {required: []string{"groupId", "pageSize", "startNum"}, do: o.groupMember},
		"query/sim-batch-result":    {required: []string{"jobId"}, do: o.simBatchResult},
		"change/sim-status":         {card: true, required: []string{"operType"}, do: o.changeSimStatus},
		"change/sim-status/batch":   {required: []string{"msisdns", "operType"}, optional: []string{"reason"}, do: o.changeSimStatusBatch},
	}
}

// admitV5 checks transid and token, in the query string or in a body of JSON.
// The token says whose call it is.
func (o *OneLink) admitV5(name string, r *http.Request) (a admitted, no *refusal) {
	f, ok := o.v5[name]
	if !ok {
		return a, invalid("there is no function " + name)
	}
	q, no := paramsV5(r)
	if no != nil {
		return a, no
	}
	appid, common := q["appid"], []string{"transid"}
	if name != getToken {
		common = append(common, "token")
		if appid = o.holder(q["token"]); appid == "" {
			return a, coded("12021")
		}
	}
	if no := o.checkTransid(appid, q["transid"]); no != nil {
		return a, no
	}
	if no := f.check(q, common...); no != nil {
		return a, no
	}
	if password, known := o.World.Secret(appid); name == getToken && (!known || password != q["password"]) {
		return a, coded("12022")
	}
	return admitted{name: name, appid: appid, function: f, params: q}, nil
}

// paramsV5 reads GET with a query string, or POST with a JSON object of strings.
func paramsV5(r *http.Request) (params, *refusal) {
	if r.Method == http.MethodGet {
		return query(r)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || r.URL.RawQuery != "" {
		return nil, invalid("a POST has its parameters as JSON in its body")
	}
	var q params
	if err := json.Unmarshal(data, &q); err != nil {
		return nil, invalid("the body is no object of strings")
	}
	return q, nil
}

// token is an account's current one.
type token struct {
	text  string
	until time.Time
}

// holder is the appid whose token it is; "" for one that is no longer good.
func (o *OneLink) holder(text string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for appid, t := range o.tokens {
		if text != "" && t.text == text && o.live(t) {
			return appid
		}
	}
	return ""
}

// live reports whether a token is still good; in a world without a clock it
// always is.
func (o *OneLink) live(t token) bool {
	now := o.World.Clock()
	return t.text != "" && (now.IsZero() || now.Before(t.until))
}

// giveToken gives the token that the account has, with what is left of it, or
// a new one where it has none or refresh is 1, which ends the old one ("重新获取的
// token 会立马更新", COTONDA; that a plain call gives the old one is a GUESS).
func (o *OneLink) giveToken(appid string, q params) ([]row, bool, *refusal) {
	if r := q["refresh"]; r != "" && r != "0" && r != "1" {
		return nil, false, invalid("refresh is 0 or 1")
	}
	serial := o.World.Serial()
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.World.Clock()
	t := o.tokens[appid]
	if !o.live(t) || q["refresh"] == "1" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", appid, serial))
		t = token{text: fmt.Sprintf("%x", sum[:16]), until: now.Add(o.TokenTTL)}
		o.tokens[appid] = t
	}
	ttl := int(t.until.Sub(now).Seconds())
	return []row{{"token": t.text, "ttl": strconv.Itoa(ttl)}}, false, nil
}

func (o *OneLink) simStatus(appid string, q params) ([]row, bool, *refusal) {
	card, no := o.find(appid, q, o.World.Read)
	if no != nil {
		return nil, false, no
	}
	word := wordPB(card)
	if card.Platform == "CT" {
		word = wordCT(card)
	}
	return []row{{"cardStatus": word, "lastChangeDate": date(card.Changed)}}, false, nil
}

// simStopReason: the mask's places are a GUESS from the comments of clients. A
// word of the world's that has the form of a mask comes first.
func (o *OneLink) simStopReason(appid string, q params) ([]row, bool, *refusal) {
	card, no := o.find(appid, q, o.World.Read)
	if no != nil {
		return nil, false, no
	}
	mask := "000000000000"
	switch {
	case len(card.Words) == 12 && digits(card.Words, 12):
		mask = card.Words
	case card.Status == spec.SuspendedByOwner:
		mask = "000000002000"
	case card.Status == spec.SuspendedByCarrier:
		mask = "000020000000"
	}
	platform := card.Platform
	if platform == "" {
		platform = "PB"
	}
	return []row{{"platformType": platform, "stopReason": mask}}, false, nil
}

// simIMEI answers with the device in use. In the simulation that is the one
// that the card is bound to.
func (o *OneLink) simIMEI(appid string, q params) ([]row, bool, *refusal) {
	card, no := o.find(appid, q, o.World.Read)
	if no != nil {
		return nil, false, no
	}
	return []row{{"imei": card.IMEI}}, false, nil
}

func (o *OneLink) orderedOfferings(appid string, q params) ([]row, bool, *refusal) {
	if q["queryType"] != "3" {
		return nil, false, invalid("queryType of a card is 3")
	}
	card, no := o.find(appid, q, o.World.Read)
	if no != nil {
		return nil, false, no
	}
	offers := []row{}
	for _, p := range card.InForce(o.World.Clock()) {
		offers = append(offers, row{
			"offeringId": p.ID, "offeringName": p.Name, "effectiveDate": date(p.Effective),
			"expiriedDate": date(p.Expires), "apnName": "CMIOT", // expiriedDate sic
		})
	}
	return []row{{"offeringInfoList": offers}}, false, nil
}

func (o *OneLink) simCardInfo(appid string, q params) ([]row, bool, *refusal) {
	key, list, given := "", []string(nil), 0
	for plural, one := range map[string]string{"msisdns": "msisdn", "iccids": "iccid", "imsis": "imsi"} {
		if q[plural] != "" {
			key, list = one, strings.Split(q[plural], "_")
			given++
		}
	}
	if given != 1 || len(list) > 100 {
		return nil, false, invalid("one of msisdns, iccids and imsis, of 100 cards at most")
	}
	var result []row
	for _, number := range list {
		card, no := o.find(appid, params{key: number}, o.World.Read)
		if no != nil {
			result = append(result, row{key: number, "status": no.code, "message": no.message})
			continue
		}
		msisdn, imsi := numbers(card)
		o.tell(msisdn, card.ICCID)
		result = append(result, row{"msisdn": msisdn, "iccid": card.ICCID, "imsi": imsi, "status": "0", "message": "正确"})
	}
	return result, false, nil
}

func (o *OneLink) tell(msisdn string, iccid spec.ICCID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told[msisdn] = iccid
}

// theGroup is the one group of the simulation: every described card is in it.
const theGroup = "2000000000001"

// groupInfo and groupMember: the names inside result are GUESSES.
func (o *OneLink) groupInfo(_ string, q params) ([]row, bool, *refusal) {
	from, _, no := page(q)
	if no != nil {
		return nil, false, no
	}
	groups := []row{}
	if from == 0 {
		groups = append(groups, row{"groupId": theGroup, "groupName": "simulated"})
	}
	return []row{{"totalCount": "1", "groupList": groups}}, false, nil
}

func (o *OneLink) groupMember(appid string, q params) ([]row, bool, *refusal) {
	if q["groupId"] != theGroup {
		return nil, false, coded("12034")
	}
	from, n, no := page(q)
	if no != nil {
		return nil, false, no
	}
	cards, total := o.World.Page(from, n)
	members := []row{}
	for _, c := range cards {
		msisdn, imsi := numbers(c)
		members = append(members, row{"msisdn": msisdn, "iccid": c.ICCID, "imsi": imsi})
	}
	return []row{{"totalCount": strconv.Itoa(total), "groupMemberList": members}}, false, nil
}

func page(q params) (from, n int, no *refusal) {
	n, err := strconv.Atoi(q["pageSize"])
	start, err2 := strconv.Atoi(q["startNum"])
	if err != nil || err2 != nil || n < 1 || n > 50 || start < 1 {
		return 0, 0, invalid("pageSize is 1 to 50, startNum 1 or more")
	}
	return (start - 1) * n, n, nil
}

// transition is what an operType does: from one status to another.
type transition struct{ from, to spec.Lifecycle }

// singleOperations and batchOperations: the two numberings of operType
// (CMIOT_API23S03 and 23S06).
func singleOperations() map[string]transition {
	return map[string]transition{
		"0": {spec.Active, spec.SuspendedByOwner}, "1": {spec.SuspendedByOwner, spec.Active},
		"2": {spec.Inventory, spec.Active}, "3": {spec.Testing, spec.Inventory}, "4": {spec.Testing, spec.Pending},
		"5": {spec.Testing, spec.Active}, "6": {spec.Pending, spec.Active}, "8": {spec.Pending, spec.Inventory}, "9": {spec.Inventory, spec.Pending},
	}
}

func batchOperations() map[string]transition {
	return map[string]transition{
		"9": {spec.Active, spec.SuspendedByOwner}, "11": {spec.SuspendedByOwner, spec.Active},
		"1": {spec.Testing, spec.Inventory}, "2": {spec.Testing, spec.Pending}, "3": {spec.Testing, spec.Active},
		"4": {spec.Inventory, spec.Pending}, "5": {spec.Inventory, spec.Active}, "6": {spec.Pending, spec.Inventory}, "7": {spec.Pending, spec.Active},
	}
}

func (o *OneLink) changeSimStatus(appid string, q params) ([]row, bool, *refusal) {
	t, ok := singleOperations()[q["operType"]]
	if !ok {
		return nil, false, invalid("operType")
	}
	card, no := o.find(appid, q, o.World.Card)
	if no != nil {
		return nil, false, no
	}
	if o.cooling(card) {
		return nil, false, coded(codeCooling)
	}
	if no := o.move(card.ICCID, t); no != nil {
		return nil, false, no
	}
	msisdn, _ := numbers(card)
	return []row{{"orderNum": fmt.Sprintf("7%017d", o.World.Serial()), "msisdn": msisdn}}, true, nil
}

// cooling reports whether the card was changed too short a while ago.
func (o *OneLink) cooling(c carriersim.Card) bool {
	period := time.Duration(o.World.WriteCooldown)
	if period == 0 {
		period = 30 * time.Minute // the manual of 2020
	}
	return !c.Changed.IsZero() && o.World.Clock().Sub(c.Changed) < period
}

// move changes a card's status. Only what its owner stopped can be resumed
// (12098). That a card which is there already answers 12089 is a GUESS.
func (o *OneLink) move(iccid spec.ICCID, t transition) (no *refusal) {
	_, err := o.World.Change(iccid, func(c *carriersim.Card) bool {
		switch {
		case t.from == spec.SuspendedByOwner && c.Status == spec.SuspendedByCarrier:
			no = coded("12098")
		case c.Status != t.from:
			no = coded("12089")
		default:
			c.Status, c.Changed = t.to, o.World.Clock()
		}
		return no == nil
	})
	if err != nil {
		return coded("500")
	}
	return no
}

// job is a batch that was taken.
type job struct {
	appid  string
	polls  int // how often it is still under way
	status string
	items  []row
}

// changeSimStatusBatch takes a batch of up to 100. One card in its cool-down
// fails it whole, and nothing is changed (PHP-V5).
func (o *OneLink) changeSimStatusBatch(appid string, q params) ([]row, bool, *refusal) {
	t, ok := batchOperations()[q["operType"]]
	msisdns := strings.Split(q["msisdns"], "_")
	switch {
	case !ok:
		return nil, false, invalid("operType")
	case len(msisdns) > 100:
		return nil, false, invalid("msisdns: 最多100张")
	case (q["operType"] == "9" || q["operType"] == "11") && q["reason"] != "01":
		return nil, false, invalid("reason is 01")
	}
	cards := make([]carriersim.Card, len(msisdns))
	for i, msisdn := range msisdns {
		card, no := o.find(appid, params{"iccid": string(o.cardOf(msisdn))}, o.World.Card)
		if no == nil && o.cooling(card) {
			no = coded(codeCooling)
		}
		if no != nil {
			return nil, false, no
		}
		cards[i] = card
	}
	id := o.carryOut(appid, t, msisdns, cards)
	return []row{{"jobId": id}}, true, nil
}

func (o *OneLink) cardOf(msisdn string) spec.ICCID {
	o.mu.Lock()
	iccid, ok := o.told[msisdn]
	o.mu.Unlock()
	if ok {
		return iccid
	}
	return o.byNumber(msisdn, "")
}

func (o *OneLink) carryOut(appid string, t transition, msisdns []string, cards []carriersim.Card) (id string) {
	j := &job{appid: appid, polls: o.JobPolls, status: "2"}
	for i, card := range cards {
		item := row{"resultType": "1", "resultId": msisdns[i], "status": "0", "message": "正确"}
		if no := o.move(card.ICCID, t); no != nil {
			item["status"], item["message"] = no.code, no.message
			j.status = "3"
		}
		j.items = append(j.items, item)
	}
	id = fmt.Sprintf("9%017d", o.World.Serial())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.jobs[id] = j
	return id
}

func (o *OneLink) simBatchResult(appid string, q params) ([]row, bool, *refusal) {
	o.mu.Lock()
	defer o.mu.Unlock()
	j := o.jobs[q["jobId"]]
	if j == nil || j.appid != appid {
		return nil, false, invalid("jobId")
	}
	if j.polls > 0 {
		j.polls--
		return []row{{"jobStatus": "1"}}, false, nil
	}
	return []row{{"jobStatus": j.status, "resultList": j.items}}, false, nil
}
