package plan

import (
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/lines"
)

// lineScanner reads the line of a card as [lineWriter] writes it. What it doesn't
// know is left to encoding/json: see [lines.Scanner]. A test and a fuzz target
// hold the two alike.
type lineScanner struct{ lines.Scanner }

// card reads a line into c, whose list of actions is used again; false where the
// line has to be read in another way. What is in c then is of no meaning.
func (s *lineScanner) card(line []byte, c *Card) bool {
	*c = Card{Actions: c.Actions[:0]}
	s.Begin(line)
	address, ok := s.Escaped(`{"card":{"address":"`)
	provider, ok2 := s.Word(`,"provider":"`)
	iccid, ok3 := s.Text(`,"iccid":"`)
	if !ok || !ok2 || !ok3 {
		return false
	}
	c.Address, c.Provider, c.ICCID = address, spec.ProviderName(provider), spec.ICCID(iccid)
	return s.Optional(`,"msisdn":"`, &c.MSISDN) && s.Labels(`,"labels":{`, &c.Labels) && s.OptionalWord(`,"file":"`, &c.File) && s.Count(`,"line":`, &c.Line) &&
		s.values(`,"before":{`, &c.Before) && s.values(`,"after":{`, &c.After) && s.actions(&c.Actions) && s.notes(c) && s.end(c)
}

func (s *lineScanner) end(c *Card) bool {
	if s.Skip(`,"memory":`) && !s.Memory("", &c.Memory) {
		return false
	}
	if !s.Time(`,"since":"`, &c.Since) || !s.Digit(`,"account":`, (*uint8)(&c.Account)) {
		return false
	}
	c.Leaving = s.Skip(`,"leaving":true`)
	if len(c.Actions) == 0 {
		c.Actions = nil
	}
	return s.Skip("}}") && s.End()
}

func (s *lineScanner) values(name string, v *Values) bool {
	if !s.Skip(name) {
		return true
	}
	first := true
	if s.Field(&first, `"binding":{"known":true`) && !s.Binding("", &v.Binding) {
		return false
	}
	if active := uint8(0); s.Field(&first, `"active":`) {
		if !s.Digit("", &active) {
			return false
		}
		v.Active = spec.Switch(active) //nolint:gosec // one digit
	}
	if s.Field(&first, `"packages":[`) && !s.packages(&v.Packages) {
		return false
	}
	if s.Field(&first, `"status":"`) && !s.OptionalWord("", &v.Status) {
		return false
	}
	lifecycle := ""
	if s.Field(&first, `"lifecycle":"`) && !s.OptionalWord("", &lifecycle) {
		return false
	}
	v.Lifecycle = spec.Lifecycle(lifecycle)
	return !first && s.Skip("}")
}

// packages are a list of ids, which may be empty.
func (s *lineScanner) packages(list *[]string) bool {
	*list = []string{}
	return s.Skip("]") || s.words(list)
}

// words are the rest of a list that isn't empty.
func (s *lineScanner) words(list *[]string) bool {
	for {
		word, ok := s.Word(`"`)
		if !ok {
			return false
		}
		*list = append(*list, word)
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

func (s *lineScanner) actions(list *[]Action) bool {
	if !s.Skip(`,"actions":[`) {
		return true
	}
	for {
		*list = append(*list, Action{})
		if !s.action(&(*list)[len(*list)-1]) {
			return false
		}
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

func (s *lineScanner) action(a *Action) bool {
	id, ok := s.Text(`{"id":"`)
	kind, ok2 := s.Word(`,"kind":"`)
	a.ID, a.Kind = id, spec.Kind(kind)
	if !ok || !ok2 || !s.Optional(`,"from":"`, &a.From) || !s.Optional(`,"to":"`, &a.To) {
		return false
	}
	a.KeepsAccount, a.Replaces, a.Final = s.Skip(`,"keeps_account":true`), s.Skip(`,"replaces":true`), s.Skip(`,"final":true`)
	if s.Skip(`,"needs":[`) && !s.needs(&a.Needs) {
		return false
	}
	if !s.Optional(`,"key":"`, &a.Key) || !s.truth(`,"guarded":`, &a.Guarded) || !s.truth(`,"approved":`, &a.Approved) {
		return false
	}
	required := uint8(0)
	if !s.Digit(`,"required":`, &required) || !s.approvals(&a.Approvals) {
		return false
	}
	a.Required = int(required)
	return s.escapedWord(`,"denial":"`, &a.Denial) && s.Skip("}")
}

// needs are the ids of other actions, few of which are named twice.
func (s *lineScanner) needs(list *[]string) bool {
	for {
		id, ok := s.Text(`"`)
		if !ok {
			return false
		}
		*list = append(*list, id)
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

func (s *lineScanner) truth(name string, to *bool) bool {
	if !s.Skip(name) {
		return false
	}
	*to = s.Skip("true")
	return *to || s.Skip("false")
}

func (s *lineScanner) approvals(list *[]Approved) bool {
	if !s.Skip(`,"approvals":[`) {
		return true
	}
	for {
		by, ok := s.Word(`{"by":"`)
		a := Approved{By: by}
		if !ok || !s.OptionalWord(`,"reason":"`, &a.Reason) || !s.Time(`,"until":"`, &a.Until) || !s.Skip("}") {
			return false
		}
		*list = append(*list, a)
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

// escapedWord is a text with quotes in it, if the field is there.
func (s *lineScanner) escapedWord(name string, to *string) bool {
	if !s.Skip(name) {
		return true
	}
	var ok bool
	*to, ok = s.Escaped("")
	return ok && *to != ""
}

// notes are what stands of a card between its actions and what the state has of it.
func (s *lineScanner) notes(c *Card) bool {
	if s.Skip(`,"attention":[`) && !s.attention(&c.Attention) {
		return false
	}
	if s.Skip(`,"drift":[`) && !s.drift(&c.Drift) {
		return false
	}
	if !s.Skip(`,"notes":[`) {
		return true
	}
	for {
		note, ok := s.Escaped(`"`)
		if !ok {
			return false
		}
		c.Notes = append(c.Notes, note)
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

func (s *lineScanner) attention(list *[]Note) bool {
	for {
		summary, ok := s.Word(`{"summary":"`)
		detail, ok2 := s.Escaped(`,"detail":"`)
		if !ok || !ok2 || !s.Skip("}") {
			return false
		}
		*list = append(*list, Note{summary, detail})
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

func (s *lineScanner) drift(list *[]Drift) bool {
	for {
		attribute, ok := s.Word(`{"attribute":"`)
		d := Drift{Attribute: attribute}
		if !ok || !s.OptionalWord(`,"from":"`, &d.From) || !s.OptionalWord(`,"to":"`, &d.To) || !s.Skip(`,"since":"`) {
			return false
		}
		if d.Since, ok = s.Clock(); !ok {
			return false
		}
		cause, ok := s.Escaped(`,"cause":"`)
		d.Cause = cause
		if !ok || !s.escapedWord(`,"keep":"`, &d.Keep) || !s.escapedWord(`,"where":"`, &d.Where) || !s.Skip("}") {
			return false
		}
		*list = append(*list, d)
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}
