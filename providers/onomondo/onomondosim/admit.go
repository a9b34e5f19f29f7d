package onomondosim

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
	action  string // "sims", "find", "sim", "update", "add tag" or "remove tag"
	account string
	iccid   spec.ICCID // of the card that it is about; "" for none or several
	tag     string
	query   url.Values
	update  map[string]json.RawMessage
}

// params are what the call says, without its credentials.
func (q *request) params() map[string]string {
	params := map[string]string{}
	for name := range q.query {
		params[name] = q.query.Get(name)
	}
	for name, value := range q.update {
		params[name] = string(value)
	}
	return params
}

// admit checks what is checked before the card is looked at. The key stands alone in
// Authorization ([OAS] securitySchemes, [LOCK], [RMJA]), or behind Bearer ([OAS] info).
func (s *Onomondo) admit(r *http.Request) (*request, *refusal) {
	key := r.Header.Get("Authorization")
	if scheme, rest, ok := strings.Cut(key, " "); ok && strings.EqualFold(scheme, "Bearer") {
		key = rest
	}
	account, ok := s.World.Holds(key)
	if !ok {
		return nil, denied()
	}
	q := &request{account: account.ID, query: r.URL.Query()}
	if no := q.route(r); no != nil {
		return nil, no
	}
	return q, nil
}

// route finds the operation that is called.
func (q *request) route(r *http.Request) *refusal {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch r.Method + " " + r.URL.Path {
	case "GET /sims":
		q.action = "sims"
		return q.page()
	case "GET /sims/find":
		q.action = "find"
		return q.search()
	case "PATCH /sims/bulk":
		return invalid("request") // whose SIMs these are can't be said
	}
	if len(parts) < 2 || parts[0] != "sims" {
		return &refusal{http.StatusNotFound, "not_found"}
	}
	iccid, err := spec.ParseICCID(idOf(spec.ICCID(parts[1])))
	if err != nil {
		return noSim()
	}
	q.iccid = iccid
	switch call := r.Method; {
	case call == http.MethodGet && len(parts) == 2:
		q.action = "sim"
	case call == http.MethodPatch && len(parts) == 2:
		q.action = "update"
		return q.content(r)
	case call == http.MethodPut && len(parts) == 4 && parts[2] == "tags":
		q.action, q.tag = "add tag", parts[3]
	case call == http.MethodDelete && len(parts) == 4 && parts[2] == "tags":
		q.action, q.tag = "remove tag", parts[3]
	default:
		return &refusal{http.StatusNotFound, "not_found"}
	}
	return q.knows()
}

// content reads the body of an update ([OAS] SimUpdate).
func (q *request) content(r *http.Request) *refusal {
	if no := q.knows(); no != nil {
		return no
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return invalid("request")
	}
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	if d.Decode(&q.update) != nil || q.update == nil {
		return invalid("request")
	}
	if !carriersim.Ended(d) {
		return invalid("request")
	}
	for name, value := range q.update {
		if !sound(name, value) {
			return invalid(name)
		}
	}
	return nil
}

// texts are what may be null.
func texts() []string { return []string{"label", "network_whitelist", "imei_lock", "connector"} }

// sound reports whether a member of an update is one of [OAS]'s, of its kind.
func sound(name string, value json.RawMessage) bool {
	null := string(value) == "null"
	switch name {
	case "imei_lock":
		var imei string
		if null {
			return true
		}
		if !decode(value, &imei) || len(imei) != 15 { // 15 digits: a GUESS
			return false
		}
		_, err := spec.ParseIMEI(imei)
		return err == nil
	case "activated":
		var on bool
		return !null && decode(value, &on)
	case "data_limit":
		var limit struct {
			Total          *float64 `json:"total"`
			Type           *string  `json:"type"`
			AlertThreshold *float64 `json:"alert_threshold"`
		}
		return !null && decode(value, &limit)
	case "technologies":
		var technologies map[string]bool
		return !null && decode(value, &technologies) && !slices.ContainsFunc(keys(technologies), func(n string) bool { return !slices.Contains(networks(), n) })
	case "tags":
		var tags []string
		return !null && decode(value, &tags) && !slices.ContainsFunc(tags, func(tag string) bool { return tag == "" || strings.Contains(tag, ",") })
	}
	var text string
	return slices.Contains(texts(), name) && (null || decode(value, &text))
}

// networks are the technologies that a SIM may use.
func networks() []string { return []string{"sms", "2g_3g", "4g"} }

func keys(m map[string]bool) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	return names
}

// decode reads a member into something, without fields that it can't have.
func decode(data json.RawMessage, into any) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil
}

// knows refuses parameters that the operation doesn't have, so that a misspelt one shows.
func (q *request) knows(names ...string) *refusal {
	for name, values := range q.query {
		if !slices.Contains(names, name) || len(values) != 1 {
			return invalid(name)
		}
	}
	return nil
}

// longestPage is the most cards of a page, and how many it has unless a call says less.
const longestPage = 1000

// page checks the parameters of the list.
func (q *request) page() *refusal {
	if no := q.knows("limit", "offset"); no != nil {
		return no
	}
	if n, err := strconv.Atoi(q.query.Get("limit")); q.query.Has("limit") && (err != nil || n < 1 || n > longestPage) {
		return invalid("limit")
	}
	if n, err := strconv.Atoi(q.query.Get("offset")); q.query.Has("offset") && (err != nil || n < 0) {
		return invalid("offset")
	}
	return nil
}

// search checks the search.
func (q *request) search() *refusal {
	if no := q.knows("query"); no != nil {
		return no
	}
	if q.query.Get("query") == "" {
		return invalid("query")
	}
	q.iccid, _ = spec.ParseICCID(q.query.Get("query")) // of one whole ICCID
	return nil
}

func (q *request) number(name string, usual int) int {
	if n, err := strconv.Atoi(q.query.Get(name)); err == nil {
		return n
	}
	return usual
}
