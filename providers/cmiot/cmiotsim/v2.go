package cmiotsim

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

func (o *OneLink) functionsV2() map[string]function {
	return map[string]function{
		"userstatusrealsingle": {card: true, do: o.userStatus},
		"querycardprodinfo":    {card: true, do: o.cardProdInfo},
	}
}

// admitV2 checks appid, transid, ebid and token (CMIOT_API2002, 公共参数), all in
// the query string.
func (o *OneLink) admitV2(name string, r *http.Request) (a admitted, no *refusal) {
	f, ok := o.v2[name]
	if !ok {
		return a, invalid("there is no function " + name)
	}
	q, no := query(r)
	if no != nil {
		return a, no
	}
	appid := q["appid"]
	password, known := o.World.Secret(appid)
	// 令牌,appid+password+transid 并使用64位SHA-256算法进行加密
	want := fmt.Sprintf("%x", sha256.Sum256([]byte(appid+password+q["transid"])))
	switch {
	case !known || q["token"] != want:
		return a, coded("12004")
	case !o.isEbid(name, q["ebid"]):
		return a, invalid("ebid")
	}
	if no := o.checkTransid(appid, q["transid"]); no != nil {
		return a, no
	}
	return admitted{name: name, appid: appid, function: f, params: q}, f.check(q, "appid", "transid", "ebid", "token")
}

// isEbid: the document's samples have 13 and 16 digits.
func (o *OneLink) isEbid(function, ebid string) bool {
	if want, ok := o.Ebids[function]; ok {
		return ebid == want
	}
	return len(ebid) >= 13 && digits(ebid, 16)
}

// userStatus answers in OneLink-PB's words, the only ones that v2 has. Of a card
// that doesn't exist it says so by a status, not by a code.
func (o *OneLink) userStatus(appid string, q params) ([]row, bool, *refusal) {
	card, no := o.find(appid, q, o.World.Read)
	if no != nil && no.code == "12010" {
		return []row{{"STATUS": "99"}}, false, nil
	}
	if no != nil {
		return nil, false, no
	}
	return []row{{"STATUS": wordPB(card)}}, false, nil
}

func (o *OneLink) cardProdInfo(appid string, q params) ([]row, bool, *refusal) {
	card, no := o.find(appid, q, o.World.Read)
	if no != nil {
		return nil, false, no
	}
	infos := []row{}
	for _, p := range card.InForce(o.World.Clock()) {
		infos = append(infos, row{
			"prodid": p.ID, "prodname": p.Name, "prodinstefftime": date(p.Effective), "prodinstexptime": date(p.Expires),
		})
	}
	msisdn, imsi := numbers(card)
	return []row{{"msisdn": msisdn, "iccid": card.ICCID, "imsi": imsi, "prodinfos": infos}}, false, nil
}

// find looks up the card that the parameters name, which also asks whose it is.
func (o *OneLink) find(appid string, q params, look func(spec.ICCID) (carriersim.Card, bool)) (carriersim.Card, *refusal) {
	card, ok := look(o.named(q))
	if !ok {
		return card, coded("12010")
	}
	if card.Account != "" && card.Account != appid {
		return card, coded("12009")
	}
	return card, nil
}

// named is the ICCID of the card that the parameters name; "" for none.
func (o *OneLink) named(q params) spec.ICCID {
	if iccid := q["iccid"]; iccid != "" {
		return spec.ICCID(strings.ToUpper(iccid))
	}
	if q["msisdn"] == "" && q["imsi"] == "" {
		return ""
	}
	return o.byNumber(q["msisdn"], q["imsi"])
}

// date is China's time in the form of v5's samples. For v2 it is a GUESS.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(time.FixedZone("UTC+8", 8*60*60)).Format("20060102150405")
}

// wordPB is a card's status in the words of OneLink-PB (CMIOT_API2002, STATUS).
// A word of the world's that has the form of one comes first.
func wordPB(c carriersim.Card) string {
	if digits(c.Words, 2) {
		return c.Words
	}
	switch c.Status {
	case spec.Active, spec.Testing:
		return "00"
	case spec.SuspendedByOwner, spec.SuspendedByCarrier:
		return "02"
	case spec.Closing:
		return "03"
	case spec.Closed:
		return "04"
	case spec.Transferred:
		return "05"
	case spec.Dormant:
		return "06"
	case spec.Pending, spec.Inventory:
		return "07"
	default:
		return "98"
	}
}

// wordCT is a card's status in the words of OneLink-CT. Those that it lacks go
// by the nearest.
func wordCT(c carriersim.Card) string {
	if digits(c.Words, 2) {
		return c.Words
	}
	switch c.Status {
	case spec.Pending, spec.Dormant:
		return "1"
	case spec.Active:
		return "2"
	case spec.SuspendedByOwner, spec.SuspendedByCarrier:
		return "4"
	case spec.Testing:
		return "6"
	case spec.Inventory:
		return "7"
	case spec.Closing:
		return "8"
	case spec.Closed, spec.Transferred:
		return "9"
	default:
		return "5"
	}
}
