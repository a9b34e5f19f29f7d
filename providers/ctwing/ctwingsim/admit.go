package ctwingsim

import (
	"crypto/md5" //nolint:gosec // the platform's own, not ours to choose
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
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

// call is a request that passed the gateway.
type call struct {
	operation
	account string
	iccid   spec.ICCID // of the card that it is about; "" for none or several
	params  map[string]string
	numbers []string // of a batch
}

// operation is a request that the platform knows.
type operation struct {
	action   string
	method   string
	required []string
	optional []string
	// code and message are what an answer calls its own.
	code, message string
	// xml makes the answer where it is XML; nil for JSON.
	xml func(code, message string, more object) []byte
}

// operations are what is served, by path.
func operations() map[string]operation {
	const get = http.MethodGet
	return map[string]operation{
		"/openapi/v1/prodinst/getSIMList": { // BQ004 [IOTOS]
			action: "getSIMList", method: get, required: []string{"pageIndex"},
			optional: []string{"custId", "access_number", "iccid", "activationTimeBegin", "activationTimeEnd", "simStatus", "groupId"},
			code:     "resultCode", message: "resultMsg", // GUESS: as getOnlineStatus has them, whose answer is also a description
		},
		"/openapi/v1/prodinst/queryCardMainStatus": { // [IOTOS], [SIMCTL]
			action: "queryCardMainStatus", method: get, required: []string{"access_number"}, optional: []string{"queryDropCard"}, code: "result", message: "resultMsg",
		},
		"/openapi/v1/prodinst/getOnlineStatus": { // [IOTOS]
			action: "getOnlineStatus", method: get, required: []string{"access_number"}, code: "resultCode", message: "resultMsg",
		},
		"/api/v1/prod/batchQrySimInfo": { // BQ018 [NEST]
			action: "batchQrySimInfo", method: http.MethodPost, code: "code", message: "message",
		},
		"/5gcmp/openapi/v1/common/disabledNumberService": { // LC002 [IOTOS]; without acctCd it is an error, though the manual's table lacks it
			action: "disabledNumberService", method: get, required: []string{"access_number", "acctCd", "orderTypeId"}, xml: orderXML,
		},
		"/5gcmp/openapi/v1/common/requestServActive": { // [IOTOS]
			action: "requestServActive", method: get, required: []string{"access_number"}, code: "RESULT", message: "SMSG",
		},
		"/5gcmp/openapi/v1/common/singleCutNet": { // MAPN002 [IOTOS], [SIMCTL]
			action: "singleCutNet", method: get, required: []string{"access_number", "action"}, xml: serviceXML,
		},
	}
}

// admit checks what is checked before the card is looked at.
func (s *CMP) admit(r *http.Request) (*call, func(http.ResponseWriter)) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, gateway(http.StatusBadRequest, "the body breaks off")
	}
	account, why := s.signed(r, body)
	if why != "" {
		return nil, gateway(http.StatusUnauthorized, why)
	}
	op, ok := operations()[r.URL.Path]
	switch {
	case !ok:
		return nil, gateway(http.StatusNotFound, "no such API")
	case op.method != r.Method:
		return nil, gateway(http.StatusMethodNotAllowed, "method not allowed")
	}
	c := &call{operation: op, account: account, params: map[string]string{}}
	if why := c.take(r, body); why != "" {
		return nil, func(rw http.ResponseWriter) { c.refuse(s.World, wrongParameter, why).Refuse(rw) }
	}
	c.iccid = s.about(c)
	return c, nil
}

// wrongParameter is the code of a request that isn't as the manual has it: a GUESS.
const wrongParameter = "-2"

// about is the card that a call is about; "" for none or several.
func (s *CMP) about(c *call) spec.ICCID {
	if number := c.params["access_number"]; number != "" {
		card, _ := s.byNumber(number)
		return card.ICCID
	}
	iccid, _ := spec.ParseICCID(c.params["iccid"])
	return iccid
}

// take reads the parameters.
func (c *call) take(r *http.Request, body []byte) (why string) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "the query isn't escaped as it should be"
	}
	if c.action == "batchQrySimInfo" {
		return c.takeBatch(r, query, body)
	}
	if len(body) > 0 {
		return "a GET has no body"
	}
	for name, values := range query {
		if len(values) != 1 || !slices.Contains(c.required, name) && !slices.Contains(c.optional, name) {
			return name + " is no parameter"
		}
		c.params[name] = values[0]
	}
	for _, name := range c.required {
		if value, ok := c.params[name]; !ok || value == "" && name != "acctCd" {
			return name + " is missing"
		}
	}
	return c.checked()
}

// checked says which value is none that the manual has.
func (c *call) checked() (why string) {
	for name, values := range map[string][]string{
		"queryDropCard": {"true", "false"}, "orderTypeId": {"19", "20", "21", "22"}, "action": {"ADD", "DEL"}, "simStatus": {"1", "2", "3", "4", "5", "6", ""},
	} {
		if value, ok := c.params[name]; ok && !slices.Contains(values, value) {
			return name + " has no such value"
		}
	}
	if n, err := strconv.Atoi(c.params["pageIndex"]); c.action == "getSIMList" && (err != nil || n < 1) {
		return "pageIndex is a number from 1 on"
	}
	return ""
}

// mostOfABatch is how many numbers one request takes ([NEST]).
const mostOfABatch = 100

// takeBatch reads the body of BQ018, in which all four fields stand.
func (c *call) takeBatch(r *http.Request, query url.Values, body []byte) (why string) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || len(query) > 0 {
		return "the body is application/json"
	}
	var sent map[string]json.RawMessage
	if json.Unmarshal(body, &sent) != nil || !slices.Equal(slices.Sorted(maps.Keys(sent)), []string{"accessNumbers", "custNumber", "groupId", "simStatus"}) {
		return "the body has accessNumbers, custNumber, groupId and simStatus"
	}
	if json.Unmarshal(sent["accessNumbers"], &c.numbers) != nil || len(c.numbers) < 1 || len(c.numbers) > mostOfABatch {
		return "accessNumbers are 1 to 100"
	}
	for _, name := range []string{"custNumber", "groupId", "simStatus"} {
		var text string
		if json.Unmarshal(sent[name], &text) != nil {
			return name + " is a text"
		}
		c.params[name] = text
	}
	return ""
}

// stampForm is how a Timestamp looks: yyyyMMddHHmmss ([NEST]).
const stampForm = "20060102150405"

// oddStamp is how far a Timestamp may be from now. It is a GUESS, and wide: by the
// manual it is GMT, and [SIMCTL] sends China's time and is served.
const oddStamp = 24 * time.Hour

var fourteenDigits = regexp.MustCompile(`^\d{14}$`)

// signed is the account whose signature the request has, or why it is nobody's.
func (s *CMP) signed(r *http.Request, body []byte) (account, why string) {
	key, stamp := r.Header.Get("AppKey"), r.Header.Get("Timestamp")
	secret, ok := s.World.Secret(key)
	if !ok {
		return "", "AppKey is unknown"
	}
	at, err := time.Parse(stampForm, stamp)
	if err != nil || !fourteenDigits.MatchString(stamp) {
		return "", "Timestamp is yyyyMMddHHmmss"
	}
	if now := s.World.Clock(); !now.IsZero() && at.Sub(now).Abs() > oddStamp {
		return "", "Timestamp is out of date"
	}
	if r.Header.Get("Sign") != sign(r.URL.RawQuery, string(body), secret, stamp) {
		return "", "Sign is wrong"
	}
	return key, ""
}

// sign is the signature of a request ([NEST] 1.2.3.1): the names of the query in
// order with their values as they stand in the URL, the body, the secret and the
// Timestamp; of these the MD5 in hexadecimal, and of that text's bytes again.
func sign(query, body, secret, stamp string) string {
	pairs := strings.Split(query, "&")
	slices.SortStableFunc(pairs, func(a, b string) int {
		return strings.Compare(strings.SplitN(a, "=", 2)[0], strings.SplitN(b, "=", 2)[0])
	})
	sum := md5.Sum([]byte(strings.Join(pairs, "&") + body + secret + stamp)) //nolint:gosec // as above
	return strings.ToUpper(hex.EncodeToString([]byte(hex.EncodeToString(sum[:]))))
}
