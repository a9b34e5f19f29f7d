package jaspersim

import (
	"encoding/json"
	"fmt"
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

// What a call may be about, as faults name it.
const (
	actionList = "devices"
	actionRead = "device"
	actionEdit = "edit"
	actionEcho = "echo"
)

// request is a call that passed the gateway.
type request struct {
	action  string
	account string
	iccid   spec.ICCID // of the card that it is about; "" for none or several
	query   url.Values
	since   time.Time
	till    time.Time // zero for a list without an end
	edit    map[string]string
	text    string // to be echoed
}

// params are what the call says, without its credentials.
func (q *request) params() map[string]string {
	params := map[string]string{}
	for name := range q.query {
		params[name] = q.query.Get(name)
	}
	for name, value := range q.edit {
		params[name] = value
	}
	return params
}

// admit checks what is checked before the card is looked at.
func (s *ControlCenter) admit(r *http.Request) (*request, *refusal) {
	id, key, ok := r.BasicAuth()
	if !ok {
		return nil, nobody()
	}
	if secret, known := s.World.Secret(id); !known || secret != key {
		return nil, denied()
	}
	q := &request{account: id, query: r.URL.Query()}
	return q, s.route(q, r)
}

// route finds the operation that is called.
func (s *ControlCenter) route(q *request, r *http.Request) *refusal {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	call := r.Method + " " + parts[0]
	switch {
	case call == "GET devices" && len(parts) == 1:
		q.action = actionList
		return q.list(s.World.Clock(), s.YearAtMost)
	case call == "GET echo" && len(parts) == 2:
		q.action, q.text = actionEcho, parts[1]
		return q.knows()
	case parts[0] != "devices" || len(parts) != 2:
		return noDevice()
	}
	iccid, err := spec.ParseICCID(parts[1])
	if err != nil || string(iccid) != parts[1] {
		return noDevice()
	}
	q.iccid = iccid
	switch r.Method {
	case http.MethodGet:
		q.action = actionRead
		return q.knows("fields")
	case http.MethodPut:
		q.action = actionEdit
		if no := q.knows(); no != nil {
			return no
		}
		return q.content(r)
	}
	return &refusal{http.StatusMethodNotAllowed, "", "Request method '" + r.Method + "' not supported", nil}
}

// knows refuses parameters that the operation doesn't have, so that a misspelt one
// shows: a GUESS.
func (q *request) knows(names ...string) *refusal {
	for name, values := range q.query {
		if !slices.Contains(names, name) || len(values) != 1 {
			return invalid("Unknown parameter %s.", name)
		}
	}
	return nil
}

// longestPage is also the usual one ([SEARCH]).
const longestPage = 50

// list checks the parameters of a list. modifiedSince is mandatory ([SEARCH]), and
// not in the future ([TELE2]).
func (q *request) list(now time.Time, yearAtMost bool) *refusal {
	if no := q.knows("accountId", "modifiedSince", "modifiedTill", "status", "pageSize", "pageNumber"); no != nil {
		return no
	}
	if !q.query.Has("modifiedSince") {
		return lacking("ModifiedSince")
	}
	for _, name := range []string{"pageSize", "pageNumber", "accountId"} {
		if n, err := strconv.Atoi(q.query.Get(name)); q.query.Has(name) && (err != nil || n < 1) {
			return invalid("%s is invalid.", name)
		}
	}
	if status := q.query.Get("status"); q.query.Has("status") && !slices.Contains(statuses(), status) {
		return invalid("Status %s is invalid.", status)
	}
	var ok bool
	if q.since, ok = moment(q.query.Get("modifiedSince")); !ok {
		return invalid("ModifiedSince is invalid.")
	}
	if q.till, ok = moment(q.query.Get("modifiedTill")); q.query.Has("modifiedTill") && !ok {
		return invalid("ModifiedTill is invalid.")
	}
	if !now.IsZero() && (q.since.After(now) || yearAtMost && q.since.Before(now.AddDate(-1, 0, -1))) {
		return invalid("ModifiedSince is out of range.")
	}
	if q.query.Has("modifiedTill") && q.till.Before(q.since) {
		return invalid("ModifiedTill is before ModifiedSince.")
	}
	return nil
}

// moment reads a time as requests have it: yyyy-MM-ddTHH:mm:ss and an offset
// ([SEARCH]); what replies have isn't taken.
func moment(text string) (time.Time, bool) {
	t, err := time.Parse("2006-01-02T15:04:05-07:00", text)
	return t, err == nil
}

func (q *request) number(name string, usual int) int {
	if n, err := strconv.Atoi(q.query.Get(name)); err == nil {
		return n
	}
	return usual
}

// content reads the body of an edit, in which all are texts ([EDIT]).
func (q *request) content(r *http.Request) *refusal {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &refusal{http.StatusUnsupportedMediaType, "", "Content type '" + kind + "' not supported", nil}
	}
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	if d.Decode(&q.edit) != nil || q.edit == nil {
		return invalid("The request body is invalid.")
	}
	if !carriersim.Ended(d) {
		return invalid("The request body is invalid.")
	}
	if len(q.edit) == 0 {
		return lacking("A field to edit")
	}
	for name := range q.edit {
		if !slices.Contains(editable(), name) {
			return invalid("Unknown field %s.", name)
		}
	}
	return nil
}

// editable are the fields of [EDIT], without effectiveDate, which isn't served.
func editable() []string {
	list := []string{"status", "ratePlan", "communicationPlan", "customer", "deviceID", "modemID", "overageLimitOverride"}
	for _, custom := range []struct {
		name string
		most int
	}{{"accountCustom", 10}, {"operatorCustom", 5}, {"customerCustom", 5}} {
		for i := range custom.most {
			list = append(list, fmt.Sprintf("%s%d", custom.name, i+1))
		}
	}
	return list
}
