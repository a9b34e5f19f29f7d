package soracomsim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// change makes a change of a SIM, whose answer is the SIM as it then truly is:
// every change is made at once. A terminated SIM is as good as none for a change,
// since [OAS] has no other refusal for most of them: a GUESS.
func (s *Soracom) change(q *request) (answer any, changed bool, no *refusal) {
	card, ok := s.World.Card(q.iccid)
	if !ok || !ours(&card, q.account, q.simID) || card.Status == spec.Closed {
		return nil, false, noSim()
	}
	if no = s.taken(q); no != nil {
		return nil, false, no
	}
	_, err := s.World.Change(q.iccid, func(c *carriersim.Card) bool {
		before := s.told(c)
		if no = s.alter(q, c); no != nil {
			return false
		}
		changed = s.told(c) != before
		if now := s.World.Clock(); changed && !now.IsZero() {
			c.Keep("lastModifiedTime", strconv.FormatInt(now.UnixMilli(), 10))
		}
		card = *c
		return changed
	})
	switch {
	case no != nil:
		return nil, false, no
	case err != nil:
		return nil, changed, &refusal{500, "SEM0500", "The change could not be kept."}
	}
	return s.sim(&card), changed, nil
}

// taken refuses a device that another card has, in a world that minds.
func (s *Soracom) taken(q *request) *refusal {
	if !s.World.ExclusiveIMEI || q.change.IMEI == nil {
		return nil
	}
	imei, err := spec.ParseIMEI(strings.TrimSuffix(*q.change.IMEI, anonymous))
	if err != nil {
		return invalid("invalid IMEI")
	}
	if holder := s.World.Holder(imei); holder != "" && holder != q.iccid {
		return invalid("the IMEI is another SIM's")
	}
	return nil
}

// told is all that the carrier tells of a card.
func (s *Soracom) told(c *carriersim.Card) string { return string(carriersim.JSON(s.sim(c))) }

// alter changes the card, unless the carrier refuses.
func (s *Soracom) alter(q *request, c *carriersim.Card) *refusal {
	switch q.action {
	case "set_imei_lock":
		return s.lock(q, c)
	case "unset_imei_lock":
		c.IMEI = ""
		c.Keep("anonymous", "")
	case "update_speed_class":
		return s.classify(q, c)
	case "set_group":
		c.Keep("groupId", *q.change.GroupID)
	case "unset_group":
		c.Keep("groupId", "")
	case "enable_termination", "disable_termination":
		c.Keep("terminationEnabled", strconv.FormatBool(q.action == "enable_termination"))
	default:
		return s.move(q, c)
	}
	return nil
}

// move changes the SIM's status. What is so already is answered like what was
// changed: a GUESS.
func (s *Soracom) move(q *request, c *carriersim.Card) *refusal {
	was := c.Status
	switch q.action {
	case "activate":
		c.Status = spec.Active
	case "deactivate", "suspend":
		c.Status = spec.SuspendedByOwner
	case "set_to_standby":
		if was == spec.Pending { // ready goes to active alone ([SUP]); 400 where standby isn't supported ([OAS])
			return invalid("standby is not supported for this SIM")
		}
		c.Status = spec.Dormant
	case "terminate":
		if c.More["terminationEnabled"] != "true" {
			return invalid("termination of this SIM is not enabled")
		}
		c.Status = spec.Closed
	}
	c.Words = map[string]string{"suspend": "suspended"}[q.action]
	return nil
}

// anonymous ends a lock that lets sessions without an IMEI pass.
const anonymous = "|ANONYMOUS"

// lock binds the SIM to a device: the one that is named, or that of its session.
func (s *Soracom) lock(q *request, c *carriersim.Card) *refusal {
	text, suffix := "", ""
	if q.change.IMEI == nil {
		session := s.session(c)
		if session["online"] != true {
			return invalid("the SIM is offline, and no imei is given")
		}
		text = string(c.Seen())
	} else if text = *q.change.IMEI; strings.HasSuffix(text, anonymous) {
		text, suffix = strings.TrimSuffix(text, anonymous), anonymous
	}
	imei, err := spec.ParseIMEI(text)
	if err != nil || len(text) != 15 { // 15 digits: a GUESS from [OAS]'s sample
		return invalid("invalid IMEI")
	}
	c.IMEI = imei
	c.Keep("anonymous", suffix)
	return nil
}

// classes are the speed classes that can be asked for ([OAS] UpdateSpeedClassRequest).
func classes() []string {
	return []string{"s1.minimum", "s1.slow", "s1.standard", "s1.fast", "s1.4xfast", "s1.8xfast", "u1.standard", "u1.slow"}
}

// classify changes the speed class. The classes of plan-KM1 begin with u1., those
// of the others with s1.: a GUESS from their names.
func (s *Soracom) classify(q *request, c *carriersim.Card) *refusal {
	class, family := *q.change.SpeedClass, "s1."
	if subscription(c) == "plan-KM1" {
		family = "u1."
	}
	if !slices.Contains(classes(), class) || !strings.HasPrefix(class, family) || len(s.World.Offers) > 0 && !slices.Contains(s.World.Offers, class) {
		return invalid("the subscription has no speed class %s", class)
	}
	c.Packages = []spec.Package{{ID: class, Name: class}}
	return nil
}
