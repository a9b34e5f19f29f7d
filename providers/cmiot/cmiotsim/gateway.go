package cmiotsim

import (
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// refusal is an answer whose status isn't "0".
type refusal struct{ code, message string }

// row is an element of an answer's result.
type row map[string]any

// params are a request's parameters, each given once.
type params map[string]string

// function is one call of the API: its parameters beside those of every call,
// and what it does.
type function struct {
	required, optional []string
	card               bool // exactly one of msisdn, iccid and imsi names a card
	// do reports whether it changed something.
	do func(appid string, q params) (result []row, changed bool, no *refusal)
}

// admitted is a request that passed what is checked before its function runs.
type admitted struct {
	name, appid string
	function    function
	params      params
}

func (o *OneLink) serve(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost { // 请求方式:GET/POST
		http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	a, no := o.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "cmiot", Action: a.name, ICCID: o.named(a.params), Params: a.params.shown()}
	o.World.Serve(rw, r, wire(), arrived, func() carriersim.Outcome {
		result, changed, no := a.function.do(a.appid, a.params)
		if no != nil {
			return carriersim.Outcome{Changed: changed, Refuse: no.write}
		}
		return carriersim.Outcome{Changed: changed, Answer: body("0", "正确", result)}
	})
}

func (o *OneLink) admit(r *http.Request) (a admitted, no *refusal) {
	if name, ok := strings.CutPrefix(r.URL.Path, "/v5/ec/"); ok {
		return o.admitV5(name, r)
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/v2/"); ok {
		return o.admitV2(name, r)
	}
	return a, invalid("there is no such address")
}

// check refuses a request that lacks a parameter, or has one that its function
// doesn't: stricter than the carrier, so that a misspelt one shows.
func (f *function) check(q params, common ...string) *refusal {
	for _, name := range f.required {
		if q[name] == "" {
			return invalid(name + " is missing")
		}
	}
	known := slices.Concat(common, f.required, f.optional)
	if f.card {
		known = append(known, "msisdn", "iccid", "imsi")
	}
	for name := range q {
		if !slices.Contains(known, name) {
			return invalid("there is no parameter " + name)
		}
	}
	if f.card {
		return checkCard(q)
	}
	return nil
}

// checkCard: "msisdn、iccid、imsi必须有且只有一项" (CMIOT_API2002).
func checkCard(q params) *refusal {
	given := 0
	for _, name := range []string{"msisdn", "iccid", "imsi"} {
		if q[name] != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return invalid("msisdn、iccid、imsi必须有且只有一项")
	case q["msisdn"] != "" && !digits(q["msisdn"], 13):
		return invalid("msisdn: 最长13位数字")
	case q["imsi"] != "" && !digits(q["imsi"], 15):
		return invalid("imsi: 总长度不超过15位,使用0~9的数字")
	case q["iccid"] != "" && !isICCID(q["iccid"]):
		return invalid("iccid: 共有20位字符组成")
	}
	return nil
}

func isICCID(s string) bool {
	_, err := spec.ParseICCID(s)
	return err == nil && len(s) == 20
}

func digits(s string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// query reads the parameters of a query string.
func query(r *http.Request) (params, *refusal) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("the query string is malformed")
	}
	q := params{}
	for name, v := range values {
		if len(v) > 1 {
			return nil, invalid(name + " is given twice")
		}
		q[name] = v[0]
	}
	return q, nil
}

// shown is the parameters without credentials.
func (q params) shown() map[string]string {
	shown := map[string]string{}
	for name, v := range q {
		if !slices.Contains([]string{"appid", "password", "token", "transid"}, name) {
			shown[name] = v
		}
	}
	return shown
}

// checkTransid: "不可超过48位" (CMIOT_API2002). Its form is not looked at, since the
// document's own samples break it. That each is taken once is a GUESS, and the
// world's to say; 12004 is the one code whose text names transid.
func (o *OneLink) checkTransid(appid, transid string) *refusal {
	if transid == "" || len(transid) > 48 {
		return invalid("transid: 不可超过48位")
	}
	if o.World.RepeatTransids || o.transids.first(appid+" "+transid) {
		return nil
	}
	no := coded("12004")
	no.message += " (transid " + transid + " was used before; a world with repeat_transids takes it)"
	return no
}

const contentType = "application/json;charset=UTF-8"

// wire is how faults answer. That a throttle is HTTP 429 is a GUESS: the
// documents say only that limits exist.
func wire() carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled:   func(rw http.ResponseWriter) { http.Error(rw, "too many requests", http.StatusTooManyRequests) },
		Coded:       func(rw http.ResponseWriter, code string) { coded(code).write(rw) },
	}
}

func body(status, message string, result []row) []byte {
	if result == nil {
		result = []row{} // status为"非0"时, result可能为空
	}
	return carriersim.JSON(struct {
		Status  string `json:"status"`
		Message string `json:"message"`
		Result  []row  `json:"result"`
	}{status, message, result})
}

// write answers with HTTP 200, whatever the status inside says.
func (r *refusal) write(rw http.ResponseWriter) {
	carriersim.Write(rw, http.StatusOK, contentType, body(r.code, r.message, nil))
}

// codeCooling is a GUESS: no public document has the code for a card that is
// changed again too soon.
const codeCooling = "12900"

// coded is a refusal with the words of the table of codes (docs/carriers.md §3.5).
func coded(code string) *refusal {
	message := map[string]string{
		"500":       "内部错误,请联系管理员",
		"12004":     "transId 或 appid 或 token 鉴权失败",
		"12009":     "卡号鉴权失败,不属于此用户",
		"12010":     "卡号鉴权失败,不存在本系统",
		"12021":     "TOKEN不存在或已过期，请重新获取",
		"12022":     "appid 或 password 鉴权不通过",
		"12034":     "群组 ID 不属于本企业",
		"12089":     "该卡片不是待激活、已激活、已停机,无法进行操作",
		"12098":     "当前停机原因不符合自主发起复机操作要求,只有主动申请停机的才允许自主复机",
		codeCooling: "同一张卡在规定时间内不能重复办理",
	}[code]
	if message == "" {
		message = code
	}
	return &refusal{code, message}
}

// invalid is 11000, saying why.
func invalid(why string) *refusal { return &refusal{"11000", "请求参数错误: " + why} }

// transids remembers the last million or two.
type transids struct {
	mu       sync.Mutex
	seed     maphash.Seed
	now, old map[uint64]struct{} // hashes, to take less memory
}

func (t *transids) first(transid string) bool {
	const most = 1 << 20
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.seed, t.now = maphash.MakeSeed(), map[uint64]struct{}{}
	}
	if len(t.now) >= most {
		t.old, t.now = t.now, map[uint64]struct{}{}
	}
	h := maphash.String(t.seed, transid)
	_, seen := t.now[h]
	_, before := t.old[h]
	t.now[h] = struct{}{}
	return !seen && !before
}
