package madeupsim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// cards is a list of cards, which is there also where it is empty.
type cards struct {
	Cards struct {
		Card []card `xml:"card"`
	} `xml:"cards"`
}

func (c *cards) add(one card) { c.Cards.Card = append(c.Cards.Card, one) }

// card is a card of a reply: of each service's it has some elements.
type card struct {
	ICCID    string `xml:"iccid,omitempty"`
	AssetNo  string `xml:"assetNo"`
	RetCode  string `xml:"retCode,omitempty"`
	RetMsg   string `xml:"retMsg,omitempty"`
	*row            // of card.query and card.list
	*details        // of card.query alone
}

// row is what the list tells of a card as well.
type row struct {
	Status   string `xml:"status"`
	StopKind string `xml:"stopKind"`
	BindIMEI string `xml:"bindImei"`
}

// details is what a query alone tells of a card.
type details struct {
	MSISDN     string   `xml:"msisdn"`
	IMSI       string   `xml:"imsi"`
	NetIMEI    string   `xml:"netImei"`
	ActiveTime string   `xml:"activeTime"`
	Products   products `xml:"products"`
}

type products struct {
	Product []product `xml:"product"`
}

type product struct {
	ProductCode string `xml:"productCode"`
	ProductName string `xml:"productName"`
	StartTime   string `xml:"startTime"`
	ExpireTime  string `xml:"expireTime"`
}

func rowOf(c *carriersim.Card) *row {
	word, kind := status(c)
	return &row{word, kind, string(c.IMEI)}
}

// find is 3.1: what isn't the account's is left out, and the order isn't the request's.
func (s *Beichen) find(q *request) any {
	var found cards
	for _, text := range slices.Backward(strings.Split(q.form["iccids"], ",")) {
		iccid, _ := spec.ParseICCID(text) // which was checked
		if c, ok := s.card(q.account, iccid); ok {
			found.add(card{ICCID: strings.ToLower(string(c.ICCID)), AssetNo: assetOf(c.ICCID)})
		}
	}
	return found
}

// query is 3.2, in an order of its own.
func (s *Beichen) query(q *request) any {
	var found cards
	for _, asset := range slices.Sorted(strings.SplitSeq(q.form["assetNos"], ",")) {
		iccid, _ := parseAsset(asset) // which was checked
		c, ok := s.card(q.account, iccid)
		if !ok {
			found.add(card{AssetNo: asset, RetCode: noCard.code, RetMsg: noCard.msg})
			continue
		}
		found.add(card{
			AssetNo: asset, RetCode: success.code, RetMsg: success.msg, ICCID: strings.ToLower(string(iccid)),
			row: rowOf(&c), details: s.details(&c),
		})
	}
	return found
}

func (s *Beichen) details(c *carriersim.Card) *details {
	d := &details{MSISDN: c.MSISDN, IMSI: c.IMSI(), ActiveTime: "2026-01-01 08:00:00"}
	if word, _ := status(c); word == "库存" || word == "待激活" {
		d.ActiveTime = ""
	}
	if seen := c.Seen(); seen != "" {
		d.NetIMEI = seen.Device() + "01"
	}
	for _, p := range c.InForce(s.World.Clock()) {
		expires := "2099-12-31 23:59:59"
		if !p.Expires.IsZero() {
			expires = local(p.Expires)
		}
		name := p.Name
		if name == "" {
			name = p.ID
		}
		d.Products.Product = append(d.Products.Product, product{p.ID, name, moment(p.Effective), expires})
	}
	return d
}

// list is 3.3.
func (s *Beichen) list(q *request) any {
	iccids, size := s.holds(q.account), q.pageSize()
	number, _ := strconv.Atoi(q.form["pageNo"]) // which was checked
	var page struct {
		Total  int `xml:"total"`
		Pages  int `xml:"pages"`
		PageNo int `xml:"pageNo"`
		cards
	}
	page.Total, page.Pages, page.PageNo = len(iccids), (len(iccids)+size-1)/size, number
	from := min((min(number, page.Pages+1)-1)*size, len(iccids))
	for _, iccid := range iccids[from:min(from+size, len(iccids))] {
		c, _ := s.card(q.account, iccid)
		page.add(card{ICCID: strings.ToLower(string(iccid)), AssetNo: assetOf(iccid), row: rowOf(&c)})
	}
	return page
}

// The status of a card that its owner or the carrier stopped, and of which of them.
const (
	stopped   = "停机"
	byOwner   = "申请停机"
	arrears   = "欠费停机"
	elsewhere = "机卡分离停机"
	unlawful  = "违规停机"
)

// status is a card's status and stopKind (3.6). Words of the world's are either.
func status(c *carriersim.Card) (word, kind string) {
	switch c.Words {
	case "":
	case byOwner, arrears, elsewhere, unlawful:
		return stopped, c.Words
	default:
		return c.Words, ""
	}
	switch c.Status {
	case spec.SuspendedByOwner:
		return stopped, byOwner
	case spec.SuspendedByCarrier:
		if c.IMEI != "" && !c.Seen().Same(c.IMEI) {
			return stopped, elsewhere
		}
		return stopped, arrears
	case spec.Active:
		return "正常", ""
	case spec.Testing:
		return "测试期", ""
	case spec.Inventory:
		return "库存", ""
	case spec.Pending:
		return "待激活", ""
	case spec.Dormant:
		return "休眠", ""
	case spec.Closing:
		return "预销号", ""
	case spec.Closed:
		return "已销号", ""
	}
	return string(c.Status), ""
}
