package editor

import (
	"github.com/hashicorp/hcl-lang/lang"
	"github.com/hashicorp/hcl-lang/schema"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// providerScope has the names of provider blocks.
const providerScope lang.ScopeId = "provider"

// bodySchema is a shape as hcl-lang has it, with what the documentation says.
func (e *Editor) bodySchema(path string, shape config.Shape) *schema.BodySchema {
	return e.labelled(path, "", shape)
}

// labelled is bodySchema for the body of a block whose first label is label.
func (e *Editor) labelled(path, label string, shape config.Shape) *schema.BodySchema {
	out := schema.NewBodySchema()
	out.Description = lang.Markdown(e.lookup.of(path, label, ""))
	if shape.Any {
		out.AnyAttribute = &schema.AttributeSchema{IsOptional: true, Constraint: anything(cty.DynamicPseudoType)}
	}
	for _, a := range shape.Attributes {
		out.Attributes[a.Name] = e.attribute(path, label, a)
	}
	for _, b := range shape.Blocks {
		at := b.Type
		if path != "" {
			at = path + "." + b.Type
		}
		out.Blocks[b.Type] = e.blockSchema(at, b)
	}
	return out
}

func (e *Editor) blockSchema(path string, b config.ShapeBlock) *schema.BlockSchema {
	out := &schema.BlockSchema{Description: lang.Markdown(e.lookup.of(path, "", "")), Body: e.bodySchema(path, b.Body)}
	for i, name := range b.Labels {
		out.Labels = append(out.Labels, &schema.LabelSchema{Name: name, IsDepKey: i == 0 && b.ByLabel != nil, Completable: i == 0 && b.ByLabel != nil})
	}
	if b.ByLabel == nil {
		return out
	}
	out.DependentBody = map[schema.SchemaKey]*schema.BodySchema{}
	for label, body := range b.ByLabel {
		out.DependentBody[labelKey(label)] = e.labelled(path, label, body)
	}
	return out
}

// labelKey finds the body of a block by its first label.
func labelKey(label string) schema.SchemaKey {
	return schema.NewSchemaKey(schema.DependencyKeys{Labels: []schema.LabelDependent{{Index: 0, Value: label}}})
}

func (e *Editor) attribute(path, label string, a config.ShapeAttribute) *schema.AttributeSchema {
	text := e.lookup.of(path, label, a.Name)
	if text == "" {
		text = a.Setting.Doc
	}
	return &schema.AttributeSchema{
		IsRequired: a.Required, IsOptional: !a.Required, IsSensitive: a.Setting.Secret,
		Description: lang.Markdown(text), Constraint: constraint(path, a),
	}
}

// constraint is what an attribute takes, as completion goes by it. What isn't said
// here takes anything.
func constraint(path string, a config.ShapeAttribute) schema.Constraint {
	if a.Setting.Name != "" {
		return anything(settingType(a.Setting.Type))
	}
	if words := wordsOf(path, a.Name); words != nil {
		return oneOf(words)
	}
	switch {
	case a.Name == "provider":
		return schema.Reference{OfScopeId: providerScope}
	case a.Name == "ignore_changes":
		return schema.List{Elem: keywords("active", "bound", "imei", "packages")}
	case path == "variable" && a.Name == "type":
		return schema.TypeDeclaration{}
	}
	if t, ok := attributeTypes()[a.Name]; ok && path != "variable" {
		return anything(t)
	}
	return anything(cty.DynamicPseudoType)
}

func attributeTypes() map[string]cty.Type {
	return map[string]cty.Type{
		"iccid": cty.String, "imei": cty.String, "current_imei": cty.String, "msisdn": cty.String, "from_csv": cty.String,
		"bound": cty.Bool, "active": cty.Bool, "shared_imei": cty.Bool, "allow_empty": cty.Bool, "prevent_unbind": cty.Bool,
		"packages": cty.List(cty.String), "labels": cty.Map(cty.String), "sensitive": cty.Bool, "enforced": cty.Bool,
		"count": cty.Number, "percent": cty.Number, "price": cty.Number,
	}
}

// wordsOf are the few texts that an attribute takes; nil where it takes others.
func wordsOf(path, name string) []string {
	switch path + "." + name {
	case "fleet.policy.on_remove":
		return []string{"unbind", "stop", "forget"}
	case "package.per":
		return []string{"day", "week", "month", "quarter", "year", "once"}
	case "approval.action":
		return kindWords(spec.CarrierKinds())
	}
	return nil
}

func kindWords(kinds []spec.Kind) []string {
	var words []string
	for _, k := range kinds {
		words = append(words, string(k))
	}
	return words
}

func settingType(t spec.SettingType) cty.Type {
	switch t {
	case spec.SettingString, spec.SettingDuration:
		return cty.String
	case spec.SettingNumber, spec.SettingInt:
		return cty.Number
	case spec.SettingBool:
		return cty.Bool
	case spec.SettingStrings, spec.SettingIMEIs:
		return cty.List(cty.String)
	default:
		return cty.DynamicPseudoType
	}
}

func anything(t cty.Type) schema.Constraint { return schema.AnyExpression{OfType: t} }

func oneOf(words []string) schema.Constraint {
	var list schema.OneOf
	for _, w := range words {
		list = append(list, schema.LiteralValue{Value: cty.StringVal(w)})
	}
	return list
}

func keywords(words ...string) schema.Constraint {
	var list schema.OneOf
	for _, w := range words {
		list = append(list, schema.Keyword{Keyword: w})
	}
	return list
}
