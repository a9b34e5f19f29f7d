package madeupsim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"maps"
	"math/big"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// request is a call that passed the gateway.
type request struct {
	service string
	account string
	iccid   spec.ICCID        // of the card that it is about; "" for none or several
	form    map[string]string // what it says beside the common parameters
}

// admit checks what is checked before cards are looked at: the form, the account,
// the signature, the time, the nonce, and then what the service asks for.
func (s *Beichen) admit(r *http.Request) (*request, *code) {
	all, no := form(r)
	if no != nil {
		return nil, no
	}
	q := &request{service: all["service"], account: all["app_key"], form: all}
	secret, known := s.World.Secret(q.account)
	switch {
	case all["v"] != "2.0":
		return nil, wrong("v")
	case !nonceForm.MatchString(all["nonce"]):
		return nil, wrong("nonce")
	case !known:
		return nil, &stranger
	case subtle.ConstantTimeCompare([]byte(all["sign"]), []byte(Sign(all, secret))) == 0:
		return nil, &forged
	}
	if no := s.timely(all["timestamp"]); no != nil {
		return nil, no
	}
	if !s.fresh(q.account + " " + all["nonce"]) {
		return nil, &repeated
	}
	for _, name := range common {
		delete(q.form, name)
	}
	return q, s.checks(q)
}

// common are the parameters of each request (1.1).
var common = []string{"service", "app_key", "timestamp", "nonce", "v", "sign"}

var nonceForm = regexp.MustCompile(`^[0-9A-Za-z]{8,32}$`)

// form reads the body: each parameter at most once.
func form(r *http.Request) (map[string]string, *code) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || kind != "application/x-www-form-urlencoded" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, wrong("Content-Type")
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return nil, wrong("body")
	}
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, wrong("body")
	}
	all := make(map[string]string, len(values))
	for name, v := range values {
		if len(v) != 1 {
			return nil, wrong("%.40s", name)
		}
		all[name] = v[0]
	}
	return all, nil
}

// Sign is the signature of parameters (2).
func Sign(params map[string]string, secret string) string {
	var text strings.Builder
	text.WriteString(secret)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "sign" && params[name] != "" {
			text.WriteString(name + params[name])
		}
	}
	text.WriteString(secret)
	sum := sha256.Sum256([]byte(text.String()))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// slack is how far a request's time may be from ours.
const slack = 10 * time.Minute

func (s *Beichen) timely(text string) *code {
	at, err := time.ParseInLocation("20060102150405", text, beijing)
	if err != nil {
		return wrong("timestamp")
	}
	now := s.World.Clock()
	if !now.IsZero() && at.Sub(now).Abs() > slack {
		return &late
	}
	return nil
}

// fresh takes a nonce once. Older ones than two spans needn't be known: their time
// is too far away by then.
func (s *Beichen) fresh(nonce string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if span := s.World.Clock().Unix() / int64((2 * slack).Seconds()); span != s.span {
		if s.nonces[1] = s.nonces[0]; span != s.span+1 {
			s.nonces[1] = map[string]bool{}
		}
		s.nonces[0], s.span = map[string]bool{}, span
	}
	if s.nonces[0][nonce] || s.nonces[1][nonce] {
		return false
	}
	s.nonces[0][nonce] = true
	return true
}

// checks refuses what the service doesn't have, and finds the card that it is about.
func (s *Beichen) checks(q *request) *code {
	known := map[string][]string{
		"card.find": {"iccids"}, "card.query": {"assetNos"}, "card.list": {"pageNo", "pageSize"},
		"order.submit": {"opType", "targets", "outTradeNo", "remark"}, "order.query": {"orderNo", "outTradeNo"},
	}
	names, ok := known[q.service]
	if !ok {
		return wrong("service")
	}
	for name := range q.form {
		if !slices.Contains(names, name) {
			return wrong("%.40s", name)
		}
	}
	switch q.service {
	case "card.find":
		return q.several("iccids", ",", func(text string) (spec.ICCID, bool) {
			iccid, err := spec.ParseICCID(text)
			return iccid, err == nil
		})
	case "card.query":
		return q.several("assetNos", ",", parseAsset)
	case "card.list":
		return q.paged()
	case "order.submit":
		return q.ordered()
	}
	return s.asked(q)
}

const mostCards = 100

// several checks a list of cards, and keeps which one it is of where it is of one. A
// number of the right form that is nobody's is well written.
func (q *request) several(name, comma string, parse func(string) (spec.ICCID, bool)) *code {
	list := strings.Split(q.form[name], comma)
	if len(list) > mostCards {
		return &tooMany
	}
	for _, text := range list {
		iccid, ok := parse(text)
		if !ok {
			return wrong("%s", name)
		}
		q.iccid = iccid
	}
	if len(list) > 1 {
		q.iccid = ""
	}
	return nil
}

// Cards on a page.
const (
	fewest, usual, most = 10, 50, 200
)

func (q *request) paged() *code {
	if n, err := strconv.Atoi(q.form["pageNo"]); err != nil || n < 1 {
		return wrong("pageNo")
	}
	if n := q.pageSize(); n < fewest || n > most {
		return wrong("pageSize")
	}
	return nil
}

func (q *request) pageSize() int {
	if q.form["pageSize"] == "" {
		return usual
	}
	n, _ := strconv.Atoi(q.form["pageSize"]) // 0, which is too few, where it is no number
	return n
}

// assetOf is a card's asset number.
func assetOf(iccid spec.ICCID) string {
	n, _ := new(big.Int).SetString("1"+string(iccid), 16) // an ICCID is of hexadecimal digits
	return "AM" + strings.ToUpper(n.Text(36))
}

var assetForm = regexp.MustCompile(`^AM[0-9A-Z]{15,18}$`)

// parseAsset is the card of an asset number; "" for one of the right form that
// can't be any card's.
func parseAsset(text string) (spec.ICCID, bool) {
	if !assetForm.MatchString(text) {
		return "", false
	}
	n, _ := new(big.Int).SetString(text[2:], 36) // of its digits
	digits := n.Text(16)
	iccid, err := spec.ParseICCID(digits[1:])
	if err != nil || assetOf(iccid) != text {
		return "", true
	}
	return iccid, true
}
