package workers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Version is that of the slices' form. A worker leaves newer ones alone.
const Version = 1

// card is a card of a slice, with what is left to be done of it.
type card struct {
	plan.Card
	// Signers are the fingerprints of those who signed, by action, in the order of
	// its approvals: a plan's own form leaves them out.
	Signers map[string][]string `json:"signers,omitempty"`
	// Looked is how often it was looked what became of an earlier worker's call.
	Looked int `json:"looked,omitempty"`
	// Needed are the actions for whose outcome others wait.
	Needed []string `json:"needed,omitempty"`
}

// newCard is a card of the plan with only some of its actions.
func newCard(c *plan.Card, actions []plan.Action, needed map[string]bool) *card {
	own := &card{Card: c.Clone()}
	own.Actions = actions
	own.Drift, own.Attention, own.Notes = nil, nil, nil // are told when the plan is made
	own.Before, own.After = plan.Values{}, plan.Values{}
	if !slices.ContainsFunc(actions, func(a plan.Action) bool { return !a.Kind.CallsCarrier() }) {
		own.Memory = state.Card{} // is for those that call no carrier
	}
	for i := range actions {
		a := &actions[i]
		if needed[a.ID] {
			own.Needed = append(own.Needed, a.ID)
		}
		if slices.ContainsFunc(a.Approvals, func(given plan.Approved) bool { return given.Fingerprint != "" }) {
			if own.Signers == nil {
				own.Signers = map[string][]string{}
			}
			for _, given := range a.Approvals {
				own.Signers[a.ID] = append(own.Signers[a.ID], given.Fingerprint)
			}
		}
	}
	return own
}

// encodeCards writes a line of JSON a card.
func encodeCards(cards []*card) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	for _, c := range cards {
		if err := enc.Encode(c); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// decodeCards reads what encodeCards wrote.
func decodeCards(text []byte) ([]*card, error) {
	var cards []*card
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		c := &card{}
		err := dec.Decode(c)
		switch {
		case errors.Is(err, io.EOF):
			return cards, nil
		case err != nil:
			return nil, fmt.Errorf("a slice of the run can't be read: %w", err)
		}
		for i := range c.Actions {
			for j, fingerprint := range c.Signers[c.Actions[i].ID] {
				if j < len(c.Actions[i].Approvals) {
					c.Actions[i].Approvals[j].Fingerprint = fingerprint
				}
			}
		}
		cards = append(cards, c)
	}
}

// iccidsOf are the cards by their ICCIDs.
func iccidsOf(cards []*card) []spec.ICCID {
	iccids := make([]spec.ICCID, len(cards))
	for i, c := range cards {
		iccids[i] = c.ICCID
	}
	return iccids
}

// actionsOf are the ids of the cards' actions.
func actionsOf(cards []*card) map[string]bool {
	ids := map[string]bool{}
	for _, c := range cards {
		for i := range c.Actions {
			ids[c.Actions[i].ID] = true
		}
	}
	return ids
}

// keysOf name the card and the devices that its actions touch.
func keysOf(c *plan.Card, keys []string) []string {
	keys = append(keys, "iccid:"+string(c.ICCID))
	for i := range c.Actions {
		if a := &c.Actions[i]; a.Kind.Attr() == spec.AttrBinding {
			for _, imei := range []string{a.From, a.To} {
				if imei != "" {
					keys = append(keys, "imei:"+imei)
				}
			}
		}
	}
	return keys
}

// Result is what became of an action that a worker carried out.
type Result struct {
	Card    plan.Card     `json:"card"`   // its address, identity and labels
	Action  plan.Action   `json:"action"` // of it
	Outcome apply.Outcome `json:"outcome"`
	Reason  string        `json:"reason,omitempty"`
	// AsWanted, AsFarAsTold and RequestID are those of [apply.Result].
	AsWanted    bool    `json:"as_wanted,omitempty"`
	AsFarAsTold bool    `json:"as_far_as_told,omitempty"`
	RequestID   string  `json:"request_id,omitempty"`
	Seconds     float64 `json:"elapsed_seconds,omitempty"`
}

func resultOf(r *apply.Result) Result {
	return Result{
		Card: brief(r.Card), Action: briefAction(r.Action), Outcome: r.Outcome, Reason: r.Reason,
		AsWanted: r.AsWanted, AsFarAsTold: r.AsFarAsTold, RequestID: r.RequestID, Seconds: r.Elapsed.Seconds(),
	}
}

// Apply is the result as a run tells it.
func (r *Result) Apply() apply.Result {
	return apply.Result{
		Card: &r.Card, Action: &r.Action, Outcome: r.Outcome, Reason: r.Reason,
		AsWanted: r.AsWanted, AsFarAsTold: r.AsFarAsTold, RequestID: r.RequestID, Elapsed: time.Duration(r.Seconds * float64(time.Second)),
	}
}

// brief is the card as messages and reports name it.
func brief(c *plan.Card) plan.Card {
	return plan.Card{Address: c.Address, Provider: c.Provider, ICCID: c.ICCID, MSISDN: c.MSISDN, Labels: c.Labels, File: c.File, Line: c.Line}
}

// briefAction is the action without what it was judged by.
func briefAction(a *plan.Action) plan.Action {
	return plan.Action{ID: a.ID, Change: a.Change, Guarded: a.Guarded, Approved: a.Approved}
}

func encodeResults(results []Result) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	for i := range results {
		if err := enc.Encode(&results[i]); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

func decodeResults(text []byte, visit func(*Result) error) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		var r Result
		err := dec.Decode(&r)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("a result of the run can't be read: %w", err)
		}
		if err := visit(&r); err != nil {
			return err
		}
	}
}
