package xuyu

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/internal/lenient"
	"github.com/cardfleet/cardfleet/spec"
)

// text is a string that may come as a number.
type text = lenient.Text

// parse checks that an answer is JSON. Its errors never quote the answer.
func parse(body []byte) (json.RawMessage, error) {
	var root json.RawMessage
	if err := json.Unmarshal(body, &root); err != nil {
		return nil, lenient.Describe(err, len(body))
	}
	return root, nil
}

// at is what stands at a dotted path: names in any case, the elements of lists
// by number. "" is the value itself; null is not there.
func at(v json.RawMessage, path string) (found json.RawMessage, ok bool) {
	if path != "" {
		for name := range strings.SplitSeq(path, ".") {
			if v, ok = member(v, name); !ok {
				return nil, false
			}
		}
	}
	return v, len(v) > 0 && string(v) != "null"
}

func member(v json.RawMessage, name string) (json.RawMessage, bool) {
	var list []json.RawMessage
	if json.Unmarshal(v, &list) == nil {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(list) {
			return nil, false
		}
		return list[i], true
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(v, &object) != nil {
		return nil, false
	}
	if m, ok := object[name]; ok {
		return m, true
	}
	for _, other := range slices.Sorted(maps.Keys(object)) {
		if strings.EqualFold(other, name) {
			return object[other], true
		}
	}
	return nil, false
}

// around is the path of the object that holds the result: where its
// neighbours stand. "" for a result at the top.
func around(result string) string {
	i := strings.LastIndexByte(result, '.')
	return result[:max(i, 0)]
}

// word is a text member of the object at a path; "" where there is none.
func wordAt(root json.RawMessage, path, name string) string {
	object, ok := at(root, path)
	if !ok {
		return ""
	}
	v, ok := at(object, name)
	if !ok {
		return ""
	}
	var t text
	if t.UnmarshalJSON(v) != nil {
		return ""
	}
	return string(t)
}

// head is what a reply says of itself. S003's tables of codes have code, name
// and description; message is a GUESS beside them.
type head struct{ Code, Name, Description, Message text }

func (h *head) read(root json.RawMessage) {
	for name, target := range map[string]*text{"code": &h.Code, "name": &h.Name, "description": &h.Description, "message": &h.Message} {
		*target = text(wordAt(root, "", name))
	}
}

// cardReply is a card, alone or in the list. MODELLED.
type cardReply struct {
	ICCID    text `json:"iccid"`
	MSISDN   text `json:"msisdn"`
	Operator text `json:"operator"` // cmcc, ctcc or cucc
	Status   text `json:"status"`   // a value of that operator's table in S003 卡状态表
}

// read takes a card that was asked for by its ICCID.
func (r *cardReply) read(v json.RawMessage) error {
	*r = cardReply{} // nothing of a failed attempt's answer may stay
	if err := json.Unmarshal(v, r); err != nil {
		return lenient.Describe(err, len(v))
	}
	if strings.TrimSpace(string(r.Status)) == "" {
		return errors.New("the answer has no status")
	}
	return nil
}

// packagesReply are a card's packages. MODELLED.
type packagesReply []struct {
	ID        text `json:"id"`
	Name      text `json:"name"`
	Effective text `json:"effective"`
	Expire    text `json:"expire"`
}

func (r *packagesReply) read(v json.RawMessage) error {
	*r = nil
	if err := json.Unmarshal(v, r); err != nil {
		return lenient.Describe(err, len(v))
	}
	for i, p := range *r {
		if p.ID == "" {
			return fmt.Errorf("the answer's package %d has no id", i+1)
		}
	}
	return nil
}

// pageReply is a page of the list. MODELLED.
type pageReply struct {
	cards  []cardReply
	iccids []spec.ICCID // of cards
	total  int          // of the whole list; -1 where the reply doesn't tell
}

func (r *pageReply) read(root json.RawMessage, result string) error {
	*r = pageReply{total: -1}
	v, ok := at(root, result)
	if !ok {
		return fmt.Errorf("the answer has nothing at %q", result)
	}
	if err := json.Unmarshal(v, &r.cards); err != nil {
		return lenient.Describe(err, len(v))
	}
	for i, c := range r.cards {
		iccid, err := spec.ParseICCID(strings.TrimSpace(string(c.ICCID)))
		if err != nil {
			return fmt.Errorf("card %d of the page has no valid iccid", i+1)
		}
		r.iccids = append(r.iccids, iccid)
	}
	if result == "" {
		return nil
	}
	if total, err := strconv.Atoi(wordAt(root, around(result), "total")); err == nil && total >= 0 {
		r.total = total
	}
	return nil
}
