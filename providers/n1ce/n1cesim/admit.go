package n1cesim

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// request is a call that passed the gateway.
type request struct {
	// action is "token", "sims", "sim", "update", "create", "status", "quota" or "reset".
	action  string
	version int    // of the API: 1 or 2; 0 for a token
	account string // that the token was given to
	id      string // the card's digits in the path; "" for none or several
	card    spec.ICCID
	service string // of a quota: data or sms
	query   url.Values
	updates []update

	clientID, clientSecret string
}

// update is what a change says of a card ([V1] Values_for_a_SIM_update, [V2]
// SimsSimUpdateReq). nil is what it leaves out.
type update struct {
	ICCID  *string `json:"iccid"`
	Label  *string `json:"label"`
	Lock   *bool   `json:"imei_lock"`
	Status *string `json:"status"`
}

// params are what the call says, without its credentials.
func (q *request) params() map[string]string {
	params := map[string]string{}
	for name := range q.query {
		params[name] = q.query.Get(name)
	}
	for _, u := range q.updates {
		for name, value := range map[string]*string{"label": u.Label, "status": u.Status} {
			if value != nil {
				params[name] = *value
			}
		}
		if u.Lock != nil {
			params["imei_lock"] = strconv.FormatBool(*u.Lock)
		}
	}
	return params
}

// admit checks what is checked before the card is looked at.
func (s *N1CE) admit(r *http.Request) (*request, *refusal) {
	q := &request{query: r.URL.Query()}
	if r.Method+" "+r.URL.Path == "POST /oauth/token" {
		q.action = "token"
		var no *refusal
		q.clientID, q.clientSecret, no = login(r)
		return q, no
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch parts[0] {
	case "v1":
		q.version = 1
	case "v2":
		q.version = 2
	}
	if q.version == 0 || len(parts) < 2 || parts[1] != "sims" {
		return nil, &refusal{status: http.StatusNotFound} // of the gateway, which knows no such API
	}
	var ok bool
	if q.account, ok = s.holder(r); !ok {
		return nil, q.refuse(http.StatusUnauthorized, "Unauthorized", "Unauthorized") // [V2] declares none: a GUESS
	}
	if no := q.route(r, parts[2:]); no != nil {
		return nil, no
	}
	if q.id != "" {
		if q.card = s.find(q.id); len(q.id) != idLength {
			return nil, q.noSim() // GUESS: a card isn't known by its 20 digits
		}
	}
	return q, nil
}

// route finds the operation that is called, by the method and what follows /sims.
func (q *request) route(r *http.Request, parts []string) *refusal {
	if len(parts) > 0 {
		q.id, parts[0] = parts[0], "{iccid}"
	}
	switch call := strings.TrimSuffix(r.Method+" "+strings.Join(parts, "/"), "/"); call {
	case "GET ", "GET":
		q.action = "sims"
		return q.list()
	case "POST ", "POST":
		if q.action = "create"; q.version == 1 { // [V2] has no call for many
			return q.content(r)
		}
	case "GET {iccid}":
		q.action = "sim"
		return q.knows()
	case "PUT {iccid}":
		q.action = "update"
		return q.content(r)
	case "GET {iccid}/status":
		q.action = "status"
		return q.knows()
	case "GET {iccid}/quota/data", "GET {iccid}/quota/sms":
		q.action, q.service = "quota", parts[2]
		return q.knows()
	case "POST {iccid}/reset":
		q.action = "reset"
		return q.knows()
	}
	return &refusal{status: http.StatusNotFound}
}

// content reads the body of a change: one update, or a list of them.
func (q *request) content(r *http.Request) *refusal {
	if no := q.knows(); no != nil {
		return no
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return q.invalid("The body is application/json")
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return q.invalid("The body breaks off")
	}
	if q.action == "create" {
		err = decode(data, &q.updates)
	} else {
		q.updates = make([]update, 1)
		err = decode(data, &q.updates[0])
	}
	if err != nil || bytes.Contains(data, []byte("null")) && hasNull(data) {
		return q.invalid("The body doesn't read as SIM updates")
	}
	for i := range q.updates {
		if no := q.sound(&q.updates[i]); no != nil {
			return no
		}
	}
	return nil
}

// sound refuses an update that no document allows. [V1] requires iccid and status,
// and gives status the default Enabled at once: what is left out is not refused, and
// means that.
func (q *request) sound(u *update) *refusal {
	switch {
	case u.ICCID == nil && q.version == 1:
		return q.invalid("The update has no iccid")
	case u.ICCID != nil && q.action == "update" && *u.ICCID != q.id:
		return q.invalid("The update is of another SIM") // GUESS
	case u.Status != nil && *u.Status != enabled && *u.Status != disabled:
		return q.invalid("status has no %q", *u.Status)
	}
	return nil
}

// decode reads one JSON value, without members that it can't have.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if !carriersim.Ended(d) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// hasNull reports whether a member of an update, or the whole of it, is null, which
// no document allows.
func hasNull(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if token == nil {
			return true
		}
	}
}

// knows refuses parameters that the operation doesn't have, so that a misspelt one shows.
func (q *request) knows(names ...string) *refusal {
	for name, values := range q.query {
		if !slices.Contains(names, name) || len(values) != 1 {
			return q.invalid("The query has no %s", name)
		}
	}
	return nil
}

// Cards on a page.
const (
	usualPage   = 10
	longestPage = 100
)

// list checks the parameters of a list.
func (q *request) list() *refusal {
	if no := q.knows("page", "pageSize", "q", "sort"); no != nil {
		return no
	}
	for name, most := range map[string]int{"page": 1 << 30, "pageSize": longestPage} {
		if n, err := strconv.Atoi(q.query.Get(name)); q.query.Has(name) && (err != nil || n < 1 || n > most) {
			return q.invalid("Cannot parse parameter %s as Int: For Input String %q", name, q.query.Get(name))
		}
	}
	for _, filter := range q.each("q") {
		name, _, ok := strings.Cut(filter, ":")
		if !ok || !slices.Contains(sorts(), name) {
			return q.invalid("q has no %q", filter)
		}
	}
	for _, by := range q.each("sort") {
		if !slices.Contains(sorts(), strings.TrimPrefix(by, "-")) {
			return q.invalid("sort has no %q", by)
		}
	}
	return nil
}

// sorts are what a list is filtered and sorted by.
func sorts() []string { return []string{"imei", "ip_address"} }

// each are the values of a parameter that takes several with commas between them.
func (q *request) each(name string) []string {
	if q.query.Get(name) == "" {
		return nil
	}
	return strings.Split(q.query.Get(name), ",")
}

func (q *request) number(name string, usual int) int {
	if n, err := strconv.Atoi(q.query.Get(name)); err == nil {
		return n
	}
	return usual
}
