package editor

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/hashicorp/hcl-lang/decoder"
	"github.com/hashicorp/hcl-lang/lang"
	"github.com/hashicorp/hcl-lang/reference"
	"github.com/hashicorp/hcl-lang/schema"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// Hover is what is said of a part of a text, in Markdown.
type Hover struct {
	Text  string
	Range Range
}

// Hover says what is at a position; nil where there is nothing to say.
func (e *Editor) Hover(path string, at Position) *Hover {
	q, ok := e.ask(path, at)
	if !ok {
		return nil
	}
	if s, r, ok := q.symbol(); ok {
		if text := q.about(s); text != "" {
			return &Hover{text, r}
		}
	}
	if name, r := q.x.function(q.at); name != "" {
		if text := e.signs.text(name); text != "" {
			return &Hover{text, q.x.span(r)}
		}
	}
	return q.schemaHover()
}

// schemaHover is what the schema says, and with it the documentation.
func (q question) schemaHover() *Hover {
	d := q.decoder(nil, q.signs)
	for _, at := range []int{q.at, q.at - 1} { // behind a name's last letter is still at the name
		data, err := guarded(&q.work, func() (*lang.HoverData, error) {
			return d.HoverAtPos(context.Background(), excerptFile, q.x.pos(q.x.from+at))
		})
		if err == nil && data != nil && data.Content.Value != "" {
			return &Hover{data.Content.Value, q.x.span(data.Range)}
		}
	}
	return nil // there is nothing at this place that the schema knows
}

// about is what is said of a name.
func (q question) about(s symbol) string {
	switch s.kind {
	case kindColumn:
		for i, c := range q.columns(s.table) {
			if c.name == s.name {
				return fmt.Sprintf("`%s`: column %d of %s", s.name, i+1, filepath.Base(s.table))
			}
		}
		return ""
	case kindCard:
		return ""
	}
	n, ok := find(q.docs, s.kind, s.name)
	if !ok {
		return ""
	}
	text := fmt.Sprintf("```hcl\n%s\n```\n\n%s", n.text, filepath.Base(n.doc.path))
	if s.kind == kindVariable {
		if d := n.described(); d != "" {
			text += "\n\n" + d
		}
	}
	if said := q.lookup.of(s.kind, "", ""); said != "" && s.kind == kindProvider {
		text += "\n\n" + said
	}
	return text
}

// function is the function whose name is at a byte of the excerpt; "" for none.
func (x *excerpt) function(at int) (name string, where hcl.Range) {
	x.calls(func(call *hclsyntax.FunctionCallExpr) {
		if at >= call.NameRange.Start.Byte && at < call.NameRange.End.Byte {
			name, where = call.Name, call.NameRange
		}
	})
	return name, where
}

// decoder is hcl-lang's view of the excerpt, with what may be referred to in it.
func (q question) decoder(targets reference.Targets, functions signatures) *decoder.PathDecoder {
	d, err := decoder.NewDecoder(oneFile{&decoder.PathContext{
		Schema: q.bodyOfFile(), Files: map[string]*hcl.File{excerptFile: q.x.file}, Functions: functions, ReferenceTargets: targets,
	}}).Path(lang.Path{})
	if err != nil {
		panic("editor: " + err.Error()) // oneFile gives no error
	}
	return d
}

// bodyOfFile is what may stand in the file, by its name.
func (q question) bodyOfFile() *schema.BodySchema {
	switch {
	case isVariables(q.doc.path):
		return q.variablesSchema()
	case filepath.Ext(q.doc.path) == ".hcl" && isCarrier(q.doc.path):
		return q.carrier
	default:
		return q.withCarriers()
	}
}

// withCarriers is the schema with the carriers that the configuration defines.
func (q question) withCarriers() *schema.BodySchema {
	var defined []declaration
	for _, n := range declared(q.docs) {
		if n.kind == "carrier" {
			defined = append(defined, n)
		}
	}
	if len(defined) == 0 {
		return q.schema
	}
	provider := *q.schema.Blocks[kindProvider]
	provider.DependentBody = maps.Clone(provider.DependentBody)
	for _, n := range defined {
		key, body := q.definedProvider(n)
		provider.DependentBody[key] = body
	}
	out := *q.schema
	out.Blocks = maps.Clone(out.Blocks)
	out.Blocks[kindProvider] = &provider
	return &out
}

// definedProvider is the body of a provider block whose carrier the configuration defines.
func (q question) definedProvider(n declaration) (schema.SchemaKey, *schema.BodySchema) {
	shape := config.Shape{Attributes: []config.ShapeAttribute{{Name: "alias"}}}
	for _, name := range n.settings {
		x := spec.Setting{Name: name, Doc: "setting of " + n.name}
		shape.Attributes = append(shape.Attributes, config.ShapeAttribute{Name: name, Setting: x})
	}
	for _, x := range spec.CommonSettings() {
		shape.Attributes = append(shape.Attributes, config.ShapeAttribute{Name: x.Name, Setting: x})
	}
	return labelKey(n.name), q.labelled(kindProvider, n.name, shape)
}

// oneFile is the context of the excerpt, whatever path is asked for.
type oneFile struct{ context *decoder.PathContext }

func (f oneFile) Paths(context.Context) []lang.Path                   { return nil }
func (f oneFile) PathContext(lang.Path) (*decoder.PathContext, error) { return f.context, nil }
