package soracomsim

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
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// request is a call that passed the gateway.
type request struct {
	action  string // "auth", "sims", "query/sims", "sim", or what a change's address ends with
	account string
	iccid   spec.ICCID // of the card that it is about; "" for none or several
	simID   string     // in the address
	query   url.Values
	login   login
	change  change
}

// login is the body of /auth: one of three pairs of credentials.
type login struct {
	AuthKeyID  string `json:"authKeyId"`
	AuthKey    string `json:"authKey"`
	Email      string `json:"email"`
	OperatorID string `json:"operatorId"`
	UserName   string `json:"userName"`
	Password   string `json:"password"`
	MFA        string `json:"mfaOTPCode"`
	Lasts      *int   `json:"tokenTimeoutSeconds"`
}

// change is the body of a change of a SIM.
type change struct {
	IMEI       *string `json:"imei"`
	SpeedClass *string `json:"speedClass"`
	GroupID    *string `json:"groupId"`
}

// params are what the call says, without its credentials.
func (q *request) params() map[string]string {
	params := map[string]string{}
	for name := range q.query {
		params[name] = q.query.Get(name)
	}
	for name, v := range map[string]*string{"imei": q.change.IMEI, "speedClass": q.change.SpeedClass, "groupId": q.change.GroupID} {
		if v != nil {
			params[name] = *v
		}
	}
	return params
}

// admit checks what is checked before the card is looked at. A bare ? at the
// address's end is none ([CLI]).
func (s *Soracom) admit(r *http.Request) (*request, *refusal) {
	q := &request{query: r.URL.Query()}
	if r.URL.Path == "/auth" {
		q.action = "auth"
		return q, q.readLogin(r)
	}
	account, ok := s.granted(r.Header)
	if !ok {
		return nil, denied()
	}
	q.account = account
	if no := q.route(r); no != nil {
		return nil, no
	}
	return q, nil
}

func (q *request) readLogin(r *http.Request) *refusal {
	if r.Method != http.MethodPost {
		return elsewhere()
	}
	if no := content(r, &q.login, "authKeyId", "authKey", "email", "operatorId", "userName", "password", "mfaOTPCode", "tokenTimeoutSeconds"); no != nil {
		return no
	}
	l, pairs := &q.login, 0
	for _, whole := range []bool{
		l.AuthKeyID != "" && l.AuthKey != "", l.Email != "" && l.Password != "", l.OperatorID != "" && l.UserName != "" && l.Password != "",
	} {
		if whole {
			pairs++
		}
	}
	if pairs != 1 {
		return invalid("one of authKeyId with authKey, email with password, operatorId with userName and password")
	}
	if l.Lasts != nil && (*l.Lasts < 1 || *l.Lasts > longestToken) {
		return invalid("tokenTimeoutSeconds is 1 to %d", longestToken)
	}
	return nil
}

// Seconds that a token lasts (AuthRequest of [OAS]).
const (
	longestToken = 172_800
	usualToken   = 86_400
)

// granted is the account of the two headers, which each call has.
func (s *Soracom) granted(h http.Header) (account string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[h.Get("X-Soracom-Token")]
	if !ok || h.Get("X-Soracom-API-Key") != g.apiKey {
		return "", false
	}
	return g.account, g.until.IsZero() || s.World.Clock().Before(g.until)
}

// elsewhere is an address that isn't of the API: no code of its own (GUESS).
func elsewhere() *refusal { return &refusal{http.StatusNotFound, "", "Not Found"} }

// route finds the operation that is called.
func (q *request) route(r *http.Request) *refusal {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	call := r.Method + " " + parts[0]
	switch {
	case call == "GET sims" && len(parts) == 1:
		q.action = "sims"
		return q.page("limit", "last_evaluated_key")
	case r.Method+" "+r.URL.Path == "GET /query/sims":
		q.action = "query/sims"
		return q.search()
	case len(parts) < 2 || parts[0] != "sims" || len(parts) > 3 || len(q.query) > 0:
		return elsewhere()
	}
	q.simID, q.iccid = parts[1], iccidOf(parts[1])
	switch {
	case r.Method == http.MethodGet && len(parts) == 2:
		q.action = "sim"
		return nil
	case r.Method == http.MethodPost && len(parts) == 3:
		q.action = parts[2]
		return q.readChange(r)
	}
	return elsewhere()
}

// readChange reads a change's body. Activate and the like have none ([OAS]), for
// which {} stands as well ([CLI]).
func (q *request) readChange(r *http.Request) *refusal {
	switch q.action {
	case "activate", "deactivate", "suspend", "set_to_standby", "terminate", "enable_termination", "disable_termination", "unset_imei_lock", "unset_group":
		return content(r, nil)
	case "set_imei_lock":
		return content(r, &q.change, "imei")
	case "update_speed_class":
		no := content(r, &q.change, "speedClass")
		if no == nil && q.change.SpeedClass == nil {
			no = invalid("speedClass is required")
		}
		return no
	case "set_group":
		no := content(r, &q.change, "groupId")
		if no == nil && q.change.GroupID == nil {
			no = invalid("groupId is required")
		}
		return no
	}
	return elsewhere()
}

// content reads a JSON object that has no other members than these, each at most
// once and in this case; into nil, a body that says nothing.
func content(r *http.Request, into any, members ...string) *refusal {
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return invalid("the body could not be read")
	}
	if len(data) == 0 {
		if into == nil {
			return nil
		}
		return invalid("a body is required")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != contentType {
		return invalid("the body is %s", contentType)
	}
	seen, ok := membersOf(data)
	if !ok {
		return invalid("the body is a JSON object")
	}
	for i, name := range seen {
		if !slices.Contains(members, name) || slices.Contains(seen[:i], name) {
			return invalid("%q is no member of the body, or stands there twice", name)
		}
	}
	if into != nil && json.Unmarshal(data, into) != nil {
		return invalid("a member of the body has the wrong type")
	}
	return nil
}

// membersOf are the names of a JSON object's members, as they stand there.
func membersOf(data []byte) (names []string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil, false
		}
		names = append(names, name.(string)) // an object's names are texts
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return names, err == io.EOF //nolint:errorlint // Token returns io.EOF itself
}

// page refuses parameters that the operation doesn't have, and a limit below 1.
func (q *request) page(names ...string) *refusal {
	for name, values := range q.query {
		if !slices.Contains(names, name) || len(values) != 1 {
			return invalid("query parameter %s", name)
		}
	}
	if text := q.query.Get("limit"); q.query.Has("limit") {
		if n, err := strconv.Atoi(text); err != nil || n < 1 {
			return invalid("limit is a number from 1 on")
		}
	}
	return nil
}

// filters are those of the search, as far as the world knows what they are about.
func filters() []string { return []string{"iccid", "imsi", "msisdn", "status", "group_id"} }

const (
	mostFound    = 100
	usuallyFound = 10
)

// search checks a search: values have at least 2 characters, limit is at most 100.
func (q *request) search() *refusal {
	if no := q.page(append(filters(), "search_type", "limit", "last_evaluated_key")...); no != nil {
		return no
	}
	if q.limit(usuallyFound) > mostFound {
		return invalid("limit is at most %d", mostFound)
	}
	if how := q.query.Get("search_type"); q.query.Has("search_type") && how != "and" && how != "or" {
		return invalid("search_type is and, or or")
	}
	for _, name := range filters() {
		for value := range strings.SplitSeq(q.query.Get(name), ",") {
			if q.query.Has(name) && len(value) < 2 {
				return invalid("a value of %s has at least 2 characters", name)
			}
		}
	}
	q.iccid, _ = spec.ParseICCID(q.query.Get("iccid")) // of one whole ICCID
	return nil
}

func (q *request) limit(usual int) int {
	if n, err := strconv.Atoi(q.query.Get("limit")); err == nil {
		return n
	}
	return usual
}

// authenticate gives a token for the login.
func (s *Soracom) authenticate(l *login) (object, *refusal) {
	id, secret := l.AuthKeyID, l.AuthKey
	if id == "" {
		id, secret = l.Email+l.OperatorID+l.UserName, l.Password // the world has one kind of account
	}
	known, ok := s.World.Secret(id)
	if !ok || known != secret || l.MFA != "" {
		return nil, denied()
	}
	n := s.World.Serial()
	token, g := "soracom-token-"+strconv.Itoa(n), grant{apiKey: "soracom-api-key-" + strconv.Itoa(n), account: id}
	if now := s.World.Clock(); !now.IsZero() {
		lasts := usualToken
		if l.Lasts != nil {
			lasts = *l.Lasts
		}
		g.until = now.Add(time.Duration(lasts) * time.Second)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants[token] = g
	return object{"apiKey": g.apiKey, "token": token, "operatorId": "OP0000000001", "userName": "cardfleet"}, nil
}
