package telnyxsim

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
	// action is "sim_cards", "sim_card", "update", "delete", what an action is called,
	// "sim_card_action" or "sim_card_actions".
	action  string
	account string
	iccid   spec.ICCID // of the card that it is about; "" for none or several
	serial  int        // of its action
	query   url.Values
	update  map[string]json.RawMessage
}

// begins reports whether the call begins an action of a card.
func (q *request) begins() bool {
	return q.action == "enable" || q.action == "disable" || q.action == "set_standby"
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

// admit checks what is checked before the card is looked at.
func (s *Telnyx) admit(r *http.Request) (*request, *refusal) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	account, ok := s.World.Holds(key)
	if !ok || !strings.EqualFold(scheme, "Bearer") {
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
	switch {
	case r.Method+" "+r.URL.Path == "GET /sim_cards":
		q.action = "sim_cards"
		return q.list("filter[iccid]", "filter[msisdn]", "filter[status]", "filter[tags]", "filter[sim_card_group_id]", "include_sim_card_group", "sort")
	case r.Method+" "+r.URL.Path == "GET /sim_card_actions":
		q.action = "sim_card_actions"
		return q.list("filter[sim_card_id]", "filter[action_type]", "filter[status]", "filter[bulk_sim_card_action_id]")
	case len(parts) < 2:
		return noCard()
	}
	var ok bool
	if q.iccid, q.serial, ok = parseID(parts[1]); !ok {
		return noCard()
	}
	call := r.Method + " " + parts[0]
	switch {
	case call == "GET sim_card_actions" && len(parts) == 2 && q.serial > 0:
		q.action = "sim_card_action"
		return q.knows()
	case q.serial > 0 || parts[0] != "sim_cards":
		return noCard()
	case len(parts) == 2:
		return q.one(r)
	case r.Method == http.MethodPost && len(parts) == 4 && parts[2] == "actions":
		if q.action = parts[3]; !q.begins() {
			return noCard()
		}
		return q.bare(r)
	}
	return noCard()
}

// one is a call of a card by its id.
func (q *request) one(r *http.Request) *refusal {
	switch r.Method {
	case http.MethodGet:
		q.action = "sim_card"
		return q.knows("include_sim_card_group", "include_pin_puk_codes")
	case http.MethodDelete:
		q.action = "delete"
		return q.knows("report_lost")
	case http.MethodPatch:
		q.action = "update"
		if no := q.knows(); no != nil {
			return no
		}
		return q.content(r)
	}
	return noCard()
}

// bare refuses an action that says something: none of them has a body.
func (q *request) bare(r *http.Request) *refusal {
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<10))
	if text := strings.TrimSpace(string(data)); err != nil || text != "" && text != "{}" {
		return invalid("The request has no body.")
	}
	return q.knows()
}

// content reads the body of an update.
func (q *request) content(r *http.Request) *refusal {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return invalid("The body is application/json.")
	}
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	if d.Decode(&q.update) != nil || q.update == nil {
		return invalid("The body is a JSON object.")
	}
	if !carriersim.Ended(d) {
		return invalid("Something follows the body.")
	}
	for name := range q.update {
		if !slices.Contains([]string{"authorized_imeis", "data_limit", "sim_card_group_id", "status", "tags"}, name) {
			return invalid("The body has no %q.", name)
		}
	}
	return nil
}

// decode reads a member of an update into something, without fields that it can't have.
func decode(data json.RawMessage, into any) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil
}

// knows refuses parameters that the operation doesn't have, so that a misspelt one shows.
func (q *request) knows(names ...string) *refusal {
	for name, values := range q.query {
		if !slices.Contains(names, name) || len(values) != 1 {
			return invalid("The query has no %s.", name)
		}
	}
	return nil
}

// Cards on a page.
const (
	usualPage   = 20
	longestPage = 250
)

// list checks the parameters of a list.
func (q *request) list(names ...string) *refusal {
	if no := q.knows(append(names, "page[number]", "page[size]")...); no != nil {
		return no
	}
	for name, most := range map[string]int{"page[number]": 1 << 30, "page[size]": longestPage} {
		if n, err := strconv.Atoi(q.query.Get(name)); q.query.Has(name) && (err != nil || n < 1 || n > most) {
			return invalid("%s is a number from 1 to %d.", name, most)
		}
	}
	known := map[string][]string{
		"sim_cards filter[status]":             {"enabled", "disabled", "standby", "data_limit_exceeded", "unauthorized_imei"},
		"sim_cards sort":                       {"current_billing_period_consumed_data.amount", "-current_billing_period_consumed_data.amount"},
		"sim_card_actions filter[status]":      {inProgress, endCompleted, endFailed},
		"sim_card_actions filter[action_type]": {"enable", "enable_standby_sim_card", "disable", "set_standby"},
		"sim_cards include_sim_card_group":     {"true", "false"},
	}
	for name := range q.query {
		values, limited := known[q.action+" "+name]
		for value := range strings.SplitSeq(q.query.Get(name), ",") { // a list is written with commas [CLIENT]
			if limited && !slices.Contains(values, value) {
				return invalid("%s has no %q.", name, value)
			}
		}
	}
	q.iccid, _ = spec.ParseICCID(q.query.Get("filter[iccid]")) // of one whole ICCID
	return nil
}

func (q *request) number(name string, usual int) int {
	if n, err := strconv.Atoi(q.query.Get(name)); err == nil {
		return n
	}
	return usual
}
