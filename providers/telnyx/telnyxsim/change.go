package telnyxsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// What becomes of an action ([TYPES] SimCardAction.Status).
const (
	inProgress     = "in-progress"
	endCompleted   = "completed"
	endFailed      = "failed"
	endInterrupted = "interrupted"
)

// accepted answers with 202, where other successes have 200.
type accepted struct{ http.ResponseWriter }

func (a accepted) WriteHeader(status int) {
	if status == http.StatusOK {
		status = http.StatusAccepted
	}
	a.ResponseWriter.WriteHeader(status)
}

// change makes a change of the card at once, and answers with it.
func (s *Telnyx) change(q *request, alter func(*request, *carriersim.Card) *refusal) (answer object, changed bool, no *refusal) {
	if no = s.taken(q); no != nil {
		return nil, false, no
	}
	var after carriersim.Card
	_, err := s.World.Change(q.iccid, func(c *carriersim.Card) bool {
		if no = alter(q, c); no == nil {
			c.Keep("updated_at", stamp(s.World.Clock()))
			after = *c
		}
		return no == nil
	})
	switch {
	case no != nil:
		return nil, false, no
	case err != nil:
		return nil, true, &refusal{http.StatusInternalServerError, "10007", "Unexpected error", "The change could not be kept."}
	}
	return object{"data": s.whole(&after)}, true, nil
}

// taken refuses a device that another card has, in a world that minds.
func (s *Telnyx) taken(q *request) *refusal {
	var list []spec.IMEI
	if !s.World.ExclusiveIMEI || !decode(q.update["authorized_imeis"], &list) {
		return nil
	}
	for _, imei := range list {
		if holder := s.World.Holder(imei); holder != "" && holder != q.iccid {
			return invalid("The IMEI %s is another SIM card's.", imei)
		}
	}
	return nil
}

// patch makes an update. A status is changed by actions alone: a GUESS, since
// [TYPES] have it among what is sent, and no document says what it does.
func (s *Telnyx) patch(q *request, c *carriersim.Card) *refusal {
	for name, value := range q.update {
		var no *refusal
		switch name {
		case "authorized_imeis":
			no = s.authorize(value, c)
		case "data_limit":
			var limit struct{ Amount, Unit string }
			if !decode(value, &limit) || limit.Amount == "" || limit.Unit != "MB" && limit.Unit != "GB" {
				return invalid("data_limit has an amount, and a unit that is MB or GB.")
			}
			c.Keep("data_limit", limit.Amount+" "+limit.Unit)
		case "sim_card_group_id":
			var id string
			if !decode(value, &id) {
				return invalid("sim_card_group_id is a text.")
			}
			c.Keep("sim_card_group_id", id)
		case "tags":
			var list []string
			if !decode(value, &list) || slices.ContainsFunc(list, func(tag string) bool { return tag == "" || strings.Contains(tag, ",") }) {
				return invalid("tags are texts.")
			}
			c.Keep("tags", strings.Join(list, ","))
		default:
			return invalid("The status of a SIM card is changed by its actions.")
		}
		if no != nil {
			return no
		}
	}
	return nil
}

// authorize binds the card to devices; null and none let any in. A card that was
// stopped for its device doesn't come back by that ([LIFE]).
func (s *Telnyx) authorize(value json.RawMessage, c *carriersim.Card) *refusal {
	var list []string
	if !decode(value, &list) {
		return invalid("authorized_imeis is a list of texts, or null.")
	}
	for _, text := range list {
		if _, err := spec.ParseIMEI(text); err != nil {
			return invalid("The IMEI %.20q is invalid.", text)
		}
	}
	if c.Status == spec.SuspendedByCarrier && c.Words == "" && unauthorized(c) {
		c.Words = "unauthorized_imei"
	}
	c.IMEI = ""
	if len(list) > 0 {
		c.IMEI = spec.IMEI(list[0])
	}
	several := ""
	if len(list) > 1 {
		several = strings.Join(list, ",")
	}
	c.Keep("authorized_imeis", several)
	return nil
}

// fail accepts an action that comes to nothing.
func (s *Telnyx) fail(rw http.ResponseWriter, q *request, end string) {
	answer, _, no := s.begin(q, end)
	if no != nil {
		no.write(rw)
		return
	}
	carriersim.Write(rw, http.StatusAccepted, contentType, carriersim.JSON(answer))
}

// begin begins an action, which comes to its end after the world's show delay.
func (s *Telnyx) begin(q *request, end string) (answer object, changed bool, no *refusal) {
	var after carriersim.Card
	_, changed, no = s.change(q, func(_ *request, c *carriersim.Card) *refusal {
		if !c.OwnedBy(q.account) {
			return noCard()
		}
		no := s.allows(q.action, c)
		if no != nil {
			return no
		}
		job := carriersim.Job{Kind: q.action, Since: s.World.Clock(), Ends: end}
		job.Until = job.Since.Add(time.Duration(s.World.ShowDelay))
		if q.action == "enable" && unauthorized(c) {
			job.Ends = endFailed // the device is still another: a GUESS
		}
		if job.Ends == endCompleted {
			c.Status = map[string]spec.Lifecycle{"enable": spec.Active, "disable": spec.SuspendedByOwner, "set_standby": spec.SuspendedByOwner}[q.action]
			c.Words = map[string]string{"set_standby": "standby"}[q.action]
		}
		c.Jobs = append(c.Jobs, job)
		after = *c
		return nil
	})
	if no != nil {
		return nil, changed, no
	}
	action := s.actionOf(&after, len(after.Jobs))
	action["status"] = object{"value": inProgress, "reason": nil}
	return object{"data": action}, changed && after.Jobs[len(after.Jobs)-1].Ends == endCompleted, nil
}

// allows says from which statuses an action is taken ([LIFE]): disable and
// set_standby from enabled; enable from registered, disabled, standby, and, after
// the devices are others, unauthorized_imei. How it is refused is a GUESS, and so
// is that a card has one action at a time.
func (s *Telnyx) allows(action string, c *carriersim.Card) *refusal {
	if s.underWay(c) {
		return invalid("The SIM card has an action in progress.")
	}
	is := status(c)
	from := []string{"enabled"}
	if action == "enable" {
		from = []string{"registered", "disabled", "standby", "unauthorized_imei"}
	}
	if !slices.Contains(from, is) {
		return invalid("A SIM card that is %s takes no %s.", is, action)
	}
	if action != "disable" && group(c) == "" {
		return invalid("The SIM card is in no SIM card group.")
	}
	return nil
}

// underWay reports whether the card's last action is.
func (s *Telnyx) underWay(c *carriersim.Card) bool {
	return len(c.Jobs) > 0 && s.World.Clock().Before(c.Jobs[len(c.Jobs)-1].Until)
}

// actionOf is an action of the card, by its serial.
func (s *Telnyx) actionOf(c *carriersim.Card, serial int) object {
	job := c.Jobs[serial-1]
	status := object{"value": job.Ends, "reason": nil}
	switch {
	case s.World.Clock().Before(job.Until):
		status["value"] = inProgress
	case job.Ends != endCompleted:
		status["reason"] = "The action on the SIM card " + job.Ends + "."
	}
	return object{
		"id": idOf(c.ICCID, serial), "record_type": "sim_card_action", "action_type": job.Kind, "sim_card_id": idOf(c.ICCID, 0),
		"settings": nil, "status": status, "created_at": stamp(job.Since), "updated_at": stamp(job.Since),
	}
}

// actions is a page of the actions that fit, by card and in order.
func (s *Telnyx) actions(q *request) object {
	iccids := s.holds(q.account)
	if id := q.query.Get("filter[sim_card_id]"); q.query.Has("filter[sim_card_id]") {
		iccid, serial, ok := parseID(id)
		if iccids = nil; ok && serial == 0 {
			iccids = []spec.ICCID{iccid}
		}
	}
	found := []object{}
	for _, iccid := range iccids {
		c, ok := s.World.Card(iccid)
		for serial := 1; ok && c.OwnedBy(q.account) && serial <= len(c.Jobs); serial++ {
			action := s.actionOf(&c, serial)
			kind, status := q.query.Get("filter[action_type]"), q.query.Get("filter[status]")
			if (kind == "" || kind == action["action_type"]) && (status == "" || status == action["status"].(object)["value"]) && !q.query.Has("filter[bulk_sim_card_action_id]") {
				found = append(found, action)
			}
		}
	}
	rows, meta := pageOf(q, found)
	return object{"data": rows, "meta": meta}
}
