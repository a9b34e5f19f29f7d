package described

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// mutation is a sample's reply, changed as carriers and proxies change replies.
type mutation struct {
	what string
	body []byte
	// spelling says that only numbers and texts changed places: it may mean what it
	// meant before, and nothing else.
	spelling bool
	// hollow says that nothing of the reply is left.
	hollow bool
	// emptied says that an element is left with nothing in it, which is how carriers
	// write an empty list.
	emptied bool
}

// page is what a proxy, a portal or a login answers in the carrier's place.
const page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"

// mutations holds what the definition makes of changed replies against what it made
// of the sample's: none may read as a card bound to none, as done, or as not found,
// that didn't before.
func (t *trial) mutations(r *request, takes *needs, m *made, body carriercall.Answer, first result) []string {
	var problems []string
	for _, mut := range mutationsOf(body.Body) {
		changed := body
		changed.Body = mut.body
		got := t.result(r, takes, m, changed)
		if problem := mut.worse(first, got); problem != "" {
			problems = append(problems, fmt.Sprintf("%s: %s", mut.what, problem))
		}
	}
	return append(problems, t.unknownCode(r, takes, m, body, first)...)
}

// unheard is a code that no carrier has.
const unheard = "987654321"

// unknownCode says where a code that nobody has heard of reads as done: an outcome
// that takes every code but some for done would take a refusal for it.
func (t *trial) unknownCode(r *request, takes *needs, m *made, body carriercall.Answer, first result) []string {
	if first.outcome != labelDone || t.change == nil || !t.def.doneByCode(t.def.changes[t.change.Kind]) {
		return nil
	}
	doc, err := decodeAny(body.Body)
	if err != nil {
		return nil // it is XML or a text, which nothing is changed in
	}
	for _, path := range namesIn(doc, nil) {
		changed := body
		changed.Body = encodeAny(altered(doc, path, func(in map[string]any, name string) { in[name] = unheard }))
		if got := t.result(r, takes, m, changed); got.code == unheard && got.outcome == labelDone {
			return []string{fmt.Sprintf("the reply with a %s that nobody has heard of: it reads as done; say which codes are", pathText(path))}
		}
	}
	return nil
}

// doneByCode reports whether the code decides what is done.
func (d *Definition) doneByCode(ch *change) bool {
	return ch.done.needs(rootCode) || slices.ContainsFunc(d.outcomes, func(o outcome) bool { return o.label == labelDone && o.when.needs(rootCode) })
}

// worse says what a changed reply may not read as; "" where it does well.
func (mut *mutation) worse(first, got result) string {
	none := func(r result, attr spec.Attr) bool {
		if r.reading == nil || !r.reading.Tells(attr) {
			return false
		}
		return attr == spec.AttrBinding && r.reading.IMEI == "" || attr == spec.AttrPackages && len(r.reading.Packages) == 0
	}
	gone := func(r result) bool { return r.reading != nil && r.reading.Lifecycle == spec.NotFound }
	change := first.reading == nil && first.why == ""
	switch {
	case none(got, spec.AttrBinding) && (mut.hollow || !none(first, spec.AttrBinding)):
		return "it reads as a card that is bound to no device; say what that looks like in none = { imei = … }"
	case none(got, spec.AttrPackages) && !mut.emptied && (mut.hollow || !none(first, spec.AttrPackages)):
		return "it reads as a card without packages; say what that looks like in none = { packages = … }"
	case gone(got) && (mut.hollow || !gone(first)):
		return "it reads as a card that isn't found"
	case got.outcome == labelDone && change && mut.hollow, got.outcome == labelDone && first.outcome != labelDone && got.why == "": // a card that is unread does no harm
		return "it reads as done; say what done looks like, by something that the reply has"
	case got.outcome == labelAlready && (mut.hollow || first.outcome != labelAlready):
		return "it reads as done already"
	}
	return ""
}

// mutationsOf are the changed forms of a body; none of one that is empty, or no JSON.
func mutationsOf(body []byte) []mutation {
	if len(body) == 0 {
		return nil
	}
	list := []mutation{{what: "an HTML page in its place", body: []byte(page), hollow: true}}
	if !json.Valid(body) {
		return append(list, elementsLeftOut(body)...)
	}
	list = append(list, mutation{what: "{} in its place", body: []byte("{}"), hollow: true}, mutation{what: "null in its place", body: []byte("null"), hollow: true})
	doc, err := decodeAny(body)
	if err != nil {
		return list
	}
	for _, path := range namesIn(doc, nil) {
		list = append(list, mutation{what: "the reply without " + pathText(path), body: encodeAny(without(doc, path))})
	}
	return append(list,
		mutation{what: "numbers as texts", body: encodeAny(respelled(doc, numberAsText)), spelling: true},
		mutation{what: "texts as numbers", body: encodeAny(respelled(doc, textAsNumber)), spelling: true})
}

// elementsLeftOut are the forms of an XML document that lack one of its elements, but
// for the root; none of a body that is no XML.
func elementsLeftOut(body []byte) []mutation {
	var list []mutation
	var open []element // those that haven't ended
	d := xmlDecoder(body)
	for len(list) < mostNames {
		begins := d.InputOffset()
		token, err := d.Token()
		if err != nil {
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, element{token.Name.Local, begins, d.InputOffset()})
		case xml.EndElement:
			last := len(open) - 1
			before, after := body[:open[last].begins], body[d.InputOffset():]
			if last > 0 {
				emptied := blank(string(before[open[last-1].inside:])) && bytes.HasPrefix(bytes.TrimSpace(after), []byte("</"))
				list = append(list, mutation{what: "the reply without " + pathOf(open), body: slices.Concat(before, after), emptied: emptied})
			}
			open = open[:last]
		}
	}
	return list
}

// element is one of a document: where it begins, and what is inside it.
type element struct {
	name           string
	begins, inside int64
}

func pathOf(open []element) string {
	names := make([]string, len(open))
	for i, e := range open {
		names[i] = e.name
	}
	return pathText(names)
}

// decodeAny reads a document whose numbers keep their spelling.
func decodeAny(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func encodeAny(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte("null") // it was decoded from JSON, so it can be encoded
	}
	return text
}

// mostNames is how many names of one reply are left out in turn.
const mostNames = 300

// namesIn are the paths of all names in a document, in order.
func namesIn(v any, path []string) [][]string {
	var list [][]string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := append(slices.Clone(path), name)
			list = append(list, at)
			list = append(list, namesIn(v[name], at)...)
		}
	case []any:
		for i, e := range v {
			list = append(list, namesIn(e, append(slices.Clone(path), strconv.Itoa(i)))...)
		}
	}
	return list[:min(len(list), mostNames)]
}

// without is the document without what stands at a path.
func without(v any, path []string) any {
	return altered(v, path, func(in map[string]any, name string) { delete(in, name) })
}

// altered is the document with another value, or none, at a path.
func altered(v any, path []string, alter func(in map[string]any, name string)) any {
	switch v := v.(type) {
	case map[string]any:
		clone := maps.Clone(v)
		if len(path) == 1 {
			alter(clone, path[0])
		} else {
			clone[path[0]] = altered(v[path[0]], path[1:], alter)
		}
		return clone
	case []any:
		clone := slices.Clone(v)
		i, _ := strconv.Atoi(path[0]) // it came from an index
		clone[i] = altered(v[i], path[1:], alter)
		return clone
	}
	return v
}

func pathText(path []string) string {
	text := path[0]
	for _, p := range path[1:] {
		text += "." + p
	}
	return text
}

// respelled is the document with each value spelled otherwise.
func respelled(v any, spell func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		clone := make(map[string]any, len(v))
		for name, e := range v {
			clone[name] = respelled(e, spell)
		}
		return clone
	case []any:
		clone := make([]any, len(v))
		for i, e := range v {
			clone[i] = respelled(e, spell)
		}
		return clone
	}
	return spell(v)
}

func numberAsText(v any) any {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return v
}

// textAsNumber makes a number of a text that is spelled as JSON spells one.
func textAsNumber(v any) any {
	text, ok := v.(string)
	if ok && json.Valid([]byte(text)) && text != "" && text[0] != '"' && text[0] != '{' && text[0] != '[' {
		return json.RawMessage(text)
	}
	return v
}
