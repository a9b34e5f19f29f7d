package madeupsim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// What an order does (3.4).
const (
	opStop   = "01"
	opResume = "02"
	opBind   = "03"
	opUnbind = "04"
	opOrder  = "05"
	opCancel = "06"
)

// Orders are kept, and their callers' numbers known, for a while.
const kept = 30 * 24 * time.Hour

// order is an order that was taken.
type order struct {
	no, key, op, targets string
	since, until         time.Time
	items                []item
}

// item is what becomes of one card of an order.
type item struct {
	AssetNo string `xml:"assetNo,attr"`
	Result  string `xml:"result,attr"`
	Code    string `xml:"code,attr"`
	Msg     string `xml:"msg,attr"`
	iccid   spec.ICCID
}

// target is a card of an order, and what it is to have.
type target struct {
	asset, value string
	iccid        spec.ICCID
}

var (
	keyForm     = regexp.MustCompile(`^[0-9A-Za-z_-]{8,64}$`)
	imeiForm    = regexp.MustCompile(`^[0-9]{15}$`)
	productForm = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)
)

// ordered checks an order as a whole: one mistake, and none of it is taken.
func (q *request) ordered() *code {
	if key := q.form["outTradeNo"]; key != "" && !keyForm.MatchString(key) {
		return wrong("outTradeNo")
	}
	if utf8.RuneCountInString(q.form["remark"]) > 100 {
		return wrong("remark")
	}
	if n, err := strconv.Atoi(q.form["opType"]); err != nil || n < 1 || n > 6 || len(q.form["opType"]) != 2 {
		return &noType
	}
	seen := map[string]bool{}
	no := q.several("targets", ";", func(text string) (spec.ICCID, bool) {
		t, ok := parseTarget(q.form["opType"], text)
		seen[t.asset] = true
		return t.iccid, ok
	})
	if no == nil && len(seen) <= strings.Count(q.form["targets"], ";") {
		return &twice
	}
	return no
}

// parseTarget reads one of an order's targets.
func parseTarget(op, text string) (t target, ok bool) {
	var valued bool
	t.asset, t.value, valued = strings.Cut(text, ":")
	if t.iccid, ok = parseAsset(t.asset); !ok {
		return t, false
	}
	switch op {
	case opBind:
		return t, imeiForm.MatchString(t.value)
	case opOrder, opCancel:
		return t, productForm.MatchString(t.value)
	}
	return t, !valued
}

// acceptance is what is answered to an order (3.4).
type acceptance struct {
	OrderNo  string `xml:"orderNo"`
	State    int    `xml:"state"`
	Repeated string `xml:"repeated"`
}

// submit takes an order, and makes its changes. Where ends is a code, all come to that.
func (s *Beichen) submit(q *request, ends string) (data any, changed bool, no *code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, key := s.World.Clock(), q.form["outTradeNo"]
	if first := s.orders[q.account+" "+key]; key != "" && first != nil && now.Sub(first.since) <= kept {
		if first.op != q.form["opType"] || first.targets != q.form["targets"] {
			return nil, false, &conflict
		}
		return acceptance{first.no, first.state(now), "Y"}, false, nil
	}
	o := &order{
		no:  fmt.Sprintf("WO%s%08d", now.In(beijing).Format("20060102"), s.World.Serial()),
		key: key, op: q.form["opType"], targets: q.form["targets"], since: now,
	}
	if o.until = now; !now.IsZero() {
		o.until = now.Add(s.Takes)
	}
	for text := range strings.SplitSeq(o.targets, ";") {
		t, _ := parseTarget(o.op, text) // which was checked
		became, did, err := s.carry(q.account, o, t, ends)
		if err != nil {
			became = broken
		}
		changed = changed || did
		o.items = append(o.items, item{t.asset, resultOf(became), became.code, became.msg, t.iccid})
	}
	s.orders[q.account+" "+o.no] = o
	if key != "" {
		s.orders[q.account+" "+key] = o
	}
	return acceptance{o.no, 0, "N"}, changed, nil
}

func resultOf(c code) string {
	if c == success {
		return "S"
	}
	return "F"
}

// carry makes the change of one card.
func (s *Beichen) carry(account string, o *order, t target, ends string) (became code, changed bool, err error) {
	if ends != "" {
		return code{ends, words(ends)}, false, nil
	}
	if _, ok := s.card(account, t.iccid); !ok {
		return noCard, false, nil
	}
	if holder := s.World.Holder(spec.IMEI(t.value)); o.op == opBind && s.World.ExclusiveIMEI && holder != "" && holder != t.iccid {
		return taken, false, nil
	}
	_, err = s.World.Change(t.iccid, func(c *carriersim.Card) bool {
		if n := len(c.Jobs); n > 0 && o.since.Before(c.Jobs[n-1].Until) {
			became = underWay
			return false
		}
		if became = s.alter(o, t, c); became != success {
			return false
		}
		c.Jobs = append(c.Jobs, carriersim.Job{Kind: o.op, Since: o.since, Until: o.until, Ends: success.code})
		changed = true
		return true
	})
	return became, changed, err
}

// alter makes a change, from the statuses from which it is taken (3.6).
func (s *Beichen) alter(o *order, t target, c *carriersim.Card) code {
	word, kind := status(c)
	if o.op != opStop && o.op != opResume && (word == "预销号" || word == "已销号") {
		return wrongState
	}
	switch o.op {
	case opStop, opResume:
		return turn(o.op, word, kind, c)
	case opBind:
		if c.IMEI.Same(spec.IMEI(t.value)) {
			return already
		}
		c.IMEI = spec.IMEI(t.value)
		if kind == elsewhere && c.Seen().Same(c.IMEI) {
			c.Status = spec.Active // it is bound to the one that it is in
		}
	case opUnbind:
		if c.IMEI == "" {
			return already
		}
		c.IMEI = ""
	case opOrder:
		return s.give(t.value, c)
	case opCancel:
		if !s.inForce(c, t.value) {
			return hasNot
		}
		c.Packages = slices.DeleteFunc(c.Packages, func(p spec.Package) bool { return p.ID == t.value })
	}
	return success
}

// turn stops a card, or lets it go on.
func turn(op, word, kind string, c *carriersim.Card) code {
	inService := word == "正常" || word == "测试期"
	switch {
	case op == opStop && inService:
		c.Status = spec.SuspendedByOwner
	case op == opResume && kind == byOwner:
		c.Status = spec.Active
	case op == opResume && inService, op == opStop && kind == byOwner:
		return already
	default:
		return wrongState
	}
	c.Words = ""
	return success
}

// give gives a card a product.
func (s *Beichen) give(product string, c *carriersim.Card) code {
	if len(s.World.Offers) > 0 && !slices.Contains(s.World.Offers, product) {
		return noProduct
	}
	if s.inForce(c, product) {
		return has
	}
	c.AddPackage(spec.Package{ID: product, Effective: s.World.Clock()})
	return success
}

func (s *Beichen) inForce(c *carriersim.Card, product string) bool {
	return slices.ContainsFunc(c.InForce(s.World.Clock()), func(p spec.Package) bool { return p.ID == product })
}

// waits is how long an order is waiting before it is under way.
const waits = time.Second

// state is where an order is at now (3.5).
func (o *order) state(now time.Time) int {
	switch {
	case !now.Before(o.until):
	case now.Before(o.since.Add(waits)):
		return 0
	default:
		return 1
	}
	failed := 0
	for _, i := range o.items {
		if i.Result == "F" {
			failed++
		}
	}
	switch failed {
	case 0:
		return 2
	case len(o.items):
		return 4
	}
	return 3
}

// asked checks a question after an order, and finds the card that it is about.
func (s *Beichen) asked(q *request) *code {
	if (q.form["orderNo"] == "") == (q.form["outTradeNo"] == "") {
		return wrong("orderNo, outTradeNo")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.orders[q.account+" "+q.form["orderNo"]+q.form["outTradeNo"]]; o != nil && len(o.items) == 1 {
		q.iccid = o.items[0].iccid
	}
	return nil
}

// report is what is told of an order.
type report struct {
	OrderNo    string `xml:"orderNo"`
	OutTradeNo string `xml:"outTradeNo"`
	OpType     string `xml:"opType"`
	State      int    `xml:"state"`
	StateName  string `xml:"stateName"`
	SubmitTime string `xml:"submitTime"`
	FinishTime string `xml:"finishTime"`
	Items      struct {
		Item []item `xml:"item"`
	} `xml:"items"`
}

// ask is 3.5. An order is known by its own number, and by its caller's, each as such.
func (s *Beichen) ask(q *request) (data any, changed bool, no *code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.World.Clock()
	no1, key := q.form["orderNo"], q.form["outTradeNo"]
	o := s.orders[q.account+" "+no1+key]
	if o == nil || no1 != "" && o.no != no1 || key != "" && o.key != key || now.Sub(o.since) > kept {
		return nil, false, &noOrder
	}
	r := report{
		OrderNo: o.no, OutTradeNo: o.key, OpType: o.op, State: o.state(now), SubmitTime: local(o.since),
		StateName: []string{"待处理", "处理中", "全部成功", "部分成功", "全部失败"}[o.state(now)],
	}
	switch r.State {
	case 0:
	case 1:
		for _, i := range o.items {
			r.Items.Item = append(r.Items.Item, item{AssetNo: i.AssetNo, Result: "W"})
		}
	default:
		r.FinishTime, r.Items.Item = local(o.until), o.items
	}
	return r, false, nil
}
