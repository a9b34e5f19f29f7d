package xuyusim

import (
	"cmp"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// request is a call that passed the gateway.
type request struct {
	action  string
	account string
	iccid   spec.ICCID
	query   url.Values
	order   order
}

// order is the body of subscribe.
type order struct {
	ICCID   string `json:"iccid"`
	Package string `json:"package"`
	OutID   string `json:"outId"`
}

// ServeHTTP is one call of the API.
func (a API) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	a.open()
	rw.Header().Set("X-Request-Id", a.requestID()) // GUESS
	q, no := a.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "xuyu", Action: q.action, ICCID: q.iccid, Params: q.params()}
	a.World.Serve(rw, r, wire(coded), arrived, func() carriersim.Outcome {
		answer, changed, no := a.do(q)
		if no != nil {
			return carriersim.Outcome{Changed: changed, Refuse: no.write}
		}
		return carriersim.Outcome{Changed: changed, Answer: carriersim.JSON(answer)}
	})
}

// params are what the call says, without its credentials.
func (q *request) params() map[string]string {
	params := map[string]string{}
	for name := range q.query {
		params[name] = q.query.Get(name)
	}
	if q.action == "subscribe" {
		params["package"], params["outId"] = q.order.Package, q.order.OutID
	}
	return params
}

// admit checks what the gateway checks before it looks at the card.
func (a API) admit(r *http.Request) (*request, *refusal) {
	g, no := a.authorise(r)
	if no != nil {
		return nil, no
	}
	q := &request{account: g.account, query: r.URL.Query()}
	if no := q.route(r); no != nil {
		return nil, no
	}
	if !g.allows(needs(q.action)) {
		return nil, &refusal{http.StatusForbidden, body{"statusCode": 403, "message": "the token doesn't cover " + needs(q.action)}} // GUESS
	}
	if q.action == "list" {
		return q, nil
	}
	iccid, err := spec.ParseICCID(string(q.iccid))
	if err != nil {
		return nil, coded("422")
	}
	q.iccid = iccid
	return q, nil
}

// authorise wants both credentials: "401 未授权,因为没有传入subscriptionKey或access_token"
// (S003 错误排查). The key must be that of the token's account.
func (a API) authorise(r *http.Request) (grant, *refusal) {
	denied := func(why string) *refusal { // the shape is Azure's, a GUESS: no code of the carrier's in it
		return &refusal{http.StatusUnauthorized, body{"statusCode": 401, "message": why}}
	}
	key := r.Header.Get(cmp.Or(a.KeyHeader, "Ocp-Apim-Subscription-Key"))
	if key == "" {
		return grant{}, denied("Access denied due to missing subscription key.")
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") { // in any case (RFC 9110 §11.1)
		return grant{}, denied("Access denied due to missing access token.")
	}
	g, ok := a.granted(token)
	if !ok {
		return grant{}, denied("Access denied due to invalid or expired access token.")
	}
	if account, ok := a.World.Account(g.account); !ok || account.Key != key {
		return grant{}, denied("Access denied due to invalid subscription key.")
	}
	return g, nil
}

// needs is the permission for an action. S003 权限码表 has none for packages and
// for orders (充值套餐, 创建支付请求), so those want all: a GUESS.
func needs(action string) string {
	switch action {
	case "list":
		return "iot.cardservice.flowcard.get"
	case "status":
		return "iot.cardservice.flowcard.status"
	case "stop", "resume":
		return "iot.cardservice.flowcard.network"
	case "packages":
		return "iot.cardservice.all"
	default:
		return "iot.paymentservice.all"
	}
}

// route finds the operation of the contract's table that is called.
func (q *request) route(r *http.Request) *refusal {
	const cards = "/cardservice/flowcard"
	call := r.Method + " " + r.URL.Path
	if call == "GET "+cards {
		q.action = "list"
		return q.wants("page", "size")
	}
	if no := q.wants(); no != nil {
		return no
	}
	if call == "POST /paymentservice/order" {
		q.action = "subscribe"
		no := content(r, &q.order)
		q.iccid = spec.ICCID(q.order.ICCID)
		return no
	}
	rest, ok := strings.CutPrefix(r.URL.Path, cards+"/")
	iccid, what, _ := strings.Cut(rest, "/")
	q.iccid = spec.ICCID(iccid)
	switch {
	case ok && r.Method == http.MethodGet && (what == "status" || what == "packages"):
		q.action = what
		return nil
	case ok && r.Method == http.MethodPost && what == "network":
		return q.network(r)
	default:
		// "404 不存在的服务,请求地址错误" (S003 错误排查), in Azure's shape (a GUESS).
		return &refusal{http.StatusNotFound, body{"statusCode": 404, "message": "Resource not found"}}
	}
}

func (q *request) network(r *http.Request) *refusal {
	var asked struct {
		Action string `json:"action"`
	}
	if no := content(r, &asked); no != nil {
		return no
	}
	if asked.Action != "stop" && asked.Action != "resume" {
		return coded("422")
	}
	q.action = asked.Action
	return nil
}

// wants refuses a query that isn't exactly these numbers, so that a misspelt
// one shows.
func (q *request) wants(names ...string) *refusal {
	if len(q.query) != len(names) {
		return coded("422")
	}
	for _, name := range names {
		if n, err := strconv.Atoi(q.query.Get(name)); err != nil || n < 1 || len(q.query[name]) != 1 {
			return coded("422")
		}
	}
	return nil
}

// content reads a JSON body without fields that it can't have.
func content(r *http.Request, into any) *refusal {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err != nil || kind != "application/json" || d.Decode(into) != nil {
		return coded("422")
	}
	if !carriersim.Ended(d) {
		return coded("422")
	}
	return nil
}

// do carries a call out.
func (a API) do(q *request) (answer body, changed bool, no *refusal) {
	switch q.action {
	case "list":
		return a.list(q), false, nil
	case "status":
		card, no := a.find(q, a.World.Read)
		return entry(&card), false, no
	case "packages":
		card, no := a.find(q, a.World.Read)
		return packages(&card, a.World.Clock()), false, no
	case "stop":
		return a.network(q, spec.SuspendedByOwner)
	case "resume":
		return a.network(q, spec.Active)
	default:
		return a.subscribe(q)
	}
}

func (a API) list(q *request) body {
	page, _ := strconv.Atoi(q.query.Get("page")) // wants has looked at them
	size, _ := strconv.Atoi(q.query.Get("size"))
	own := a.holds(q.account)
	from := min((page-1)*size, len(own))
	items := []body{}
	for _, iccid := range own[max(from, 0):min(max(from, 0)+size, len(own))] {
		card, _ := a.World.Read(iccid)
		items = append(items, entry(&card))
	}
	return body{"total": len(own), "items": items}
}

func entry(c *carriersim.Card) body {
	return body{"iccid": c.ICCID, "msisdn": c.MSISDN, "operator": c.Network(), "status": status(c)}
}

// packages are those in force.
func packages(c *carriersim.Card, now time.Time) body {
	items := []body{}
	for _, p := range c.InForce(now) {
		items = append(items, body{"id": p.ID, "name": p.Name, "effective": date(p.Effective), "expire": date(p.Expires)})
	}
	return body{"items": items}
}

// network stops and resumes. A card that is already so is answered like one
// that was changed; one that can't be changed is an entity in error: GUESSES.
func (a API) network(q *request, target spec.Lifecycle) (answer body, changed bool, no *refusal) {
	no = a.alter(q, func(c *carriersim.Card) *refusal {
		if c.Status != spec.Active && c.Status != spec.Testing && c.Status != spec.SuspendedByOwner {
			return coded("422")
		}
		changed, c.Status = c.Status != target, target
		return nil
	})
	return body{"code": 200}, changed && no == nil, no
}

// subscribe orders a package. A repeated outId is answered with the first
// order and orders nothing: a GUESS, which is what a caller's serial is for.
func (a API) subscribe(q *request) (answer body, changed bool, no *refusal) {
	o := q.order
	if o.Package == "" || o.OutID == "" || len(a.World.Offers) > 0 && !slices.Contains(a.World.Offers, o.Package) {
		return nil, false, coded("422")
	}
	if first, ok := a.World.Ordered(o.OutID); ok {
		return a.ordered(first), false, nil
	}
	no = a.alter(q, func(c *carriersim.Card) *refusal {
		now := a.World.Clock()
		if !a.Unpaid {
			c.AddPackage(spec.Package{ID: o.Package, Name: o.Package, Effective: now, Expires: now.AddDate(0, 1, 0)})
		}
		return nil
	})
	if no != nil {
		return nil, false, no
	}
	made := carriersim.Order{Key: o.OutID, Number: strconv.Itoa(100000 + a.World.Serial()), ICCID: q.iccid, Package: o.Package}
	if a.World.Order(made) != nil {
		return nil, true, coded("417")
	}
	return a.ordered(made), true, nil
}

func (a API) ordered(o carriersim.Order) body {
	answer := body{"code": 200, "orderId": o.Number}
	if a.Unpaid {
		answer["payUrl"] = "https://h5.shingsou.com/pay/" + o.Number
	}
	return answer
}

// find looks a card up. Somebody else's is as good as none: a GUESS.
func (a API) find(q *request, look func(spec.ICCID) (carriersim.Card, bool)) (carriersim.Card, *refusal) {
	card, ok := look(q.iccid)
	if !ok || card.Account != "" && card.Account != q.account {
		return card, coded("404")
	}
	return card, nil
}

// alter changes the card that the call names, unless change refuses.
func (a API) alter(q *request, change func(*carriersim.Card) *refusal) *refusal {
	if _, no := a.find(q, a.World.Card); no != nil {
		return no
	}
	var no *refusal
	_, err := a.World.Change(q.iccid, func(c *carriersim.Card) bool {
		no = change(c)
		return no == nil
	})
	if err != nil {
		return coded("417")
	}
	return no
}

// date is China's time. The form is a GUESS.
func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateTime)
}
