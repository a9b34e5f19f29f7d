// Package madeupsim is a simulated Beichen IoT, a carrier that doesn't exist, as
// strict as its manual (../testdata/madeup/manual.md).
//
// It is written from the manual and never from the definition, which another hand
// wrote from the manual too: the conformance suite then says whether a carrier that
// nobody has seen can be described. Start it with [Carrier], which gives the handler
// for blocks of the provider "madeup" over a world:
//
//	carrier := madeupsim.Carrier(&carriersim.World{Cards: …, Now: time.Now})
//	server := httptest.NewServer(carriersim.Serve([]carriersim.Carrier{carrier}))
//
// The world counts calls by their service: card.query reads a card, order.submit makes
// every change. The simulator isn't among those that the program brings.
package madeupsim

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Beichen is the API as a handler. Its zero value is an open world in memory, which
// accepts the test account.
//
// A card's words, where the world has them, are its status, or its stopKind where
// they are one. Orders and nonces are kept in memory. The codes of an order's item
// (manual 4.2), as faults of order.submit, let the order be taken and each of its
// cards end so, with nothing done.
type Beichen struct {
	World *carriersim.World
	// Takes is how long an order takes, by the world's clock; 0 means 5 seconds. It is
	// waiting for the first second. Where the clock stands at zero, it takes no time.
	Takes time.Duration

	once   sync.Once
	mu     sync.Mutex
	nonces [2]map[string]bool // those of this span of time, and of the one before
	span   int64
	orders map[string]*order // by account and orderNo
	owned  carriersim.Holdings
}

// Carrier is the API over a world, for blocks of the provider "madeup".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:      "madeup",
		Services:  []carriersim.Service{{Setting: "endpoint", Path: "/madeup/cmp", Root: "/cmp", Handler: &Beichen{World: w}}},
		IDSetting: "app_key", SecretSetting: "app_secret",
		World: w,
	}
}

func (s *Beichen) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
		if s.Takes == 0 {
			s.Takes = 5 * time.Second
		}
		s.nonces = [2]map[string]bool{{}, {}}
		s.orders = map[string]*order{}
	})
}

// ServeHTTP is one call of the API.
func (s *Beichen) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.open()
	if r.URL.Path != "/router" || r.URL.RawQuery != "" {
		page(rw, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		page(rw, http.StatusMethodNotAllowed)
		return
	}
	q, no := s.admit(r)
	if no != nil {
		s.refuse(no)(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "madeup", Action: q.service, ICCID: q.iccid, Params: q.form}
	s.World.Serve(rw, r, s.wire(q), arrived, func() carriersim.Outcome {
		data, changed, no := s.do(q)
		if no != nil {
			return carriersim.Outcome{Changed: changed, Refuse: s.refuse(no)}
		}
		return carriersim.Outcome{Changed: changed, Answer: s.reply(success, data)}
	})
}

// do carries a call out.
func (s *Beichen) do(q *request) (data any, changed bool, no *code) {
	switch q.service {
	case "card.find":
		return s.find(q), false, nil
	case "card.query":
		return s.query(q), false, nil
	case "card.list":
		return s.list(q), false, nil
	case "order.submit":
		return s.submit(q, "")
	default:
		return s.ask(q)
	}
}

// page is an answer of the gateway in front.
func page(rw http.ResponseWriter, status int) {
	text := fmt.Sprintf("<html><head><title>%d %s</title></head><body>nginx</body></html>\n", status, http.StatusText(status))
	carriersim.Write(rw, status, "text/html", []byte(text))
}

// code is one of the manual's codes (4), with its words.
type code struct{ code, msg string }

var (
	success    = code{"0000", "成功"}
	misspelt   = code{"1001", "参数错误"}
	forged     = code{"1002", "签名错误"}
	late       = code{"1003", "时间戳超时"}
	repeated   = code{"1004", "重复请求"}
	stranger   = code{"1005", "app_key 无效"}
	forbidden  = code{"1006", "无接口权限"}
	noCard     = code{"2001", "号卡不存在"}
	noType     = code{"3001", "业务类型错误"}
	twice      = code{"3002", "号卡重复"}
	tooMany    = code{"3003", "超过最大数量"}
	conflict   = code{"3007", "订单号冲突"}
	noOrder    = code{"3008", "工单不存在"}
	already    = code{"3103", "号卡已是目标状态"}
	wrongState = code{"3104", "当前状态不允许该操作"}
	underWay   = code{"3105", "存在在途工单"}
	has        = code{"3106", "产品已订购"}
	hasNot     = code{"3107", "产品未订购"}
	noProduct  = code{"3108", "产品不存在"}
	taken      = code{"3110", "终端已被占用"}
	busy       = code{"9001", "系统繁忙"}
	throttled  = code{"9002", "接口调用超频"}
	broken     = code{"9999", "系统异常"}
)

// wrong is [misspelt], which says what.
func wrong(what string, about ...any) *code {
	return &code{misspelt.code, misspelt.msg + ": " + fmt.Sprintf(what, about...)}
}

// response is the envelope of every reply (1.2).
type response struct {
	XMLName    xml.Name `xml:"response"`
	Code       string   `xml:"code"`
	Msg        string   `xml:"msg"`
	RequestID  string   `xml:"requestId"`
	ServerTime string   `xml:"serverTime"`
	Data       any      `xml:"data"`
}

const contentType = "text/xml; charset=utf-8"

func (s *Beichen) reply(c code, data any) []byte {
	body, err := xml.MarshalIndent(response{
		Code: c.code, Msg: c.msg, RequestID: fmt.Sprintf("bc-%010d", s.World.Serial()), ServerTime: local(s.World.Clock()), Data: data,
	}, "", "  ")
	if err != nil {
		panic(err) // of texts and lists alone
	}
	return append([]byte(xml.Header), body...)
}

// refuse answers with a code that isn't success, and HTTP status 200 as ever.
func (s *Beichen) refuse(c *code) func(http.ResponseWriter) {
	return func(rw http.ResponseWriter) { carriersim.Write(rw, http.StatusOK, contentType, s.reply(*c, nil)) }
}

// wire is how faults answer.
func (s *Beichen) wire(q *request) carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled:   s.refuse(&throttled),
		Coded: func(rw http.ResponseWriter, named string) {
			if q.service == "order.submit" && ofCards(named) {
				s.fail(rw, q, named)
				return
			}
			s.refuse(&code{named, words(named)})(rw)
		},
	}
}

// words are what the manual says for a code, or the code itself.
func words(named string) string {
	for _, c := range []code{
		misspelt, forged, late, repeated, stranger, forbidden, noCard, noType, twice, tooMany, conflict, noOrder,
		already, wrongState, underWay, has, hasNot, noProduct, taken, busy, throttled, broken,
	} {
		if c.code == named {
			return c.msg
		}
	}
	return named
}

// ofCards reports whether a code is of a card alone (4.2).
func ofCards(named string) bool {
	return named == noCard.code || strings.HasPrefix(named, "31") && len(named) == 4
}

// fail takes an order that comes to nothing.
func (s *Beichen) fail(rw http.ResponseWriter, q *request, named string) {
	data, _, no := s.submit(q, named)
	if no != nil {
		s.refuse(no)(rw)
		return
	}
	carriersim.Write(rw, http.StatusOK, contentType, s.reply(success, data))
}

// Times are Beijing's, without a zone (6).
var beijing = time.FixedZone("", 8*60*60)

func local(t time.Time) string { return t.In(beijing).Format(time.DateTime) }

// moment is a time that may be unknown.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return local(t)
}

// holds is the account's cards, by ICCID.
func (s *Beichen) holds(account string) []spec.ICCID {
	return s.owned.Of(s.World, account, func(c *carriersim.Card) bool {
		_, ok := s.card(account, c.ICCID)
		return ok
	})
}

// card is a card of the account, as readings show it.
func (s *Beichen) card(account string, iccid spec.ICCID) (carriersim.Card, bool) {
	truth, ok := s.World.Card(iccid)
	if !ok || truth.Account != "" && truth.Account != account || truth.Status == spec.Transferred {
		return truth, false
	}
	return s.World.Read(iccid)
}
