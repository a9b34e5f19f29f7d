package described

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// wanted says which parts of a document the expressions name, so that the rest
// is passed over as it is read: most of a reply's cost would be values that
// nobody looks at. The zero value wants nothing.
type wanted struct {
	all   bool // the whole value
	names map[string]*wanted
	each  *wanted // of an array's elements
}

// name is what is wanted of the attribute, made where it is new.
func (w *wanted) name(name string) *wanted {
	if w.names == nil {
		w.names = map[string]*wanted{}
	}
	if w.names[name] == nil {
		w.names[name] = &wanted{}
	}
	return w.names[name]
}

func (w *wanted) element() *wanted {
	if w.each == nil {
		w.each = &wanted{}
	}
	return w.each
}

// want adds what a reference takes, whose steps behind the document are given. A
// reference that ends wants all that is there.
func (w *wanted) want(steps hcl.Traversal) {
	for _, step := range steps {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			w = w.name(step.Name)
		case hcl.TraverseIndex:
			switch {
			case step.Key.Type() == cty.String && !step.Key.IsNull():
				w = w.name(step.Key.AsString())
			case step.Key.Type() == cty.Number:
				w = w.element()
			default:
				w.all = true
				return
			}
		default:
			w.all = true
			return
		}
	}
	w.all = true
}

// merge adds all that another wants.
func (w *wanted) merge(o *wanted) {
	if o == nil {
		return
	}
	w.all = w.all || o.all
	for name, sub := range o.names {
		w.name(name).merge(sub)
	}
	if o.each != nil {
		w.element().merge(o.each)
	}
}

// needs are the parts of a reply that some expressions take.
type needs struct {
	json               wanted
	asJSON, asXML      bool
	headers, text, row bool
}

// take adds what an expression takes of a reply, and of a list's row. What it
// takes through code is what the definition's code does.
func (n *needs) take(exprs ...*expression) {
	for _, e := range exprs {
		if e == nil {
			continue
		}
		for _, t := range e.Variables() {
			switch t.RootName() {
			case rootReply, rootAccepted:
				n.reply(t[1:])
			case rootRow:
				n.row = true
			}
		}
	}
}

func (n *needs) reply(steps hcl.Traversal) {
	if len(steps) == 0 {
		n.asJSON, n.asXML, n.headers, n.text = true, true, true, true
		n.json.all = true
		return
	}
	switch stepName(steps[0]) {
	case "json":
		n.asJSON = true
		n.json.want(steps[1:])
	case "xml":
		n.asXML = true
	case "headers":
		n.headers = true
	case "text":
		n.text = true
	}
}

// body reports whether any part of a reply's body is taken.
func (n *needs) body() bool { return n.asJSON || n.asXML || n.text }

// merge adds all that another takes.
func (n *needs) merge(o *needs) {
	n.json.merge(&o.json)
	n.asJSON, n.asXML = n.asJSON || o.asJSON, n.asXML || o.asXML
	n.headers, n.text, n.row = n.headers || o.headers, n.text || o.text, n.row || o.row
}

// stepName is the name of one step of a reference; "" for one that has none.
func stepName(step hcl.Traverser) string {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && !step.Key.IsNull() {
			return step.Key.AsString()
		}
	}
	return ""
}
