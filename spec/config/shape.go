package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// Shape is what may stand in a body: of a file, or of a block. It is what [Load]
// itself goes by, for programs that help people write.
type Shape struct {
	Attributes []ShapeAttribute
	Blocks     []ShapeBlock
	// Any says that attributes of any name may stand there: locals.
	Any bool
	// Elsewhere says that the body is checked by what isn't this package's: the
	// definition of a carrier.
	Elsewhere bool
}

// ShapeAttribute is an attribute that a body may have.
type ShapeAttribute struct {
	Name     string
	Required bool
	// Setting is what the schema of the block's type says of it; its Name is ""
	// where no schema does.
	Setting spec.Setting
}

// ShapeBlock is a type of block that a body may have.
type ShapeBlock struct {
	Type   string
	Labels []string // what its labels are: "name", "type"
	Body   Shape
	// ByLabel are the bodies of a block whose first label is one of a few words,
	// by that word; nil where it is any name.
	ByLabel map[string]Shape
}

// Block finds a type of block.
func (s Shape) Block(typ string) (ShapeBlock, bool) {
	for _, b := range s.Blocks {
		if b.Type == typ {
			return b, true
		}
	}
	return ShapeBlock{}, false
}

// ShapeOf is the shape of a configuration file, with the types of provider and of
// backend that there are.
func ShapeOf(providers, backends []spec.Schema) Shape {
	s := shaper{providers: providers, backends: backends}
	return s.body("", rootSchema())
}

// CarrierShape is the shape of a file of carriers.
func CarrierShape() Shape { return (&shaper{}).body("", carrierFileSchema()) }

// VariablesFile reports whether a file of that name gives variables their values.
func VariablesFile(name string) bool { return !isLeftover(name) && strings.HasSuffix(name, varsSuffix) }

// Functions are the functions of expressions, by name, for what they take and give.
func Functions() map[string]function.Function { return expr.Functions() }

type shaper struct{ providers, backends []spec.Schema }

// body is the shape of a body at a path of block types, such as fleet.policy.
func (s *shaper) body(path string, schema *hcl.BodySchema) Shape {
	var out Shape
	for _, a := range schema.Attributes {
		out.Attributes = append(out.Attributes, ShapeAttribute{Name: a.Name, Required: a.Required})
	}
	for _, b := range schema.Blocks {
		out.Blocks = append(out.Blocks, s.block(join(path, b.Type), b))
	}
	return out
}

func (s *shaper) block(path string, b hcl.BlockHeaderSchema) ShapeBlock {
	out := ShapeBlock{Type: b.Type, Labels: b.LabelNames}
	switch path {
	case "locals":
		out.Body.Any = true
	case "carrier":
		out.Body.Elsewhere = true
	case "provider":
		out.ByLabel = settingShapes(s.providers, []ShapeAttribute{{Name: "alias"}}, spec.CommonSettings())
	case "fleet.backend":
		out.ByLabel = settingShapes(s.backends, nil, nil)
	case "fleet.notify":
		out.ByLabel = settingShapes(spec.NotifySchemas(), nil, nil)
	case "fleet.policy.limit":
		out.Body = s.body(path, limitSchema())
		out.ByLabel = map[string]Shape{}
		for _, kind := range spec.LimitKinds() {
			out.ByLabel[string(kind)] = out.Body
		}
	default:
		schema, ok := bodySchemas()[path]
		if !ok {
			panic(fmt.Sprintf("config: nothing says what a block %s may have; add it to bodySchemas", path))
		}
		out.Body = s.body(path, schema)
	}
	return out
}

// bodySchemas are the schemas of blocks by their path. One that is missing here
// fails the tests of [ShapeOf].
func bodySchemas() map[string]*hcl.BodySchema {
	return map[string]*hcl.BodySchema{
		"fleet":                     fleetSchema(),
		"fleet.history":             historySchema(),
		"fleet.policy":              policySchema(),
		"fleet.encryption":          encryptionSchema(),
		"fleet.encryption.previous": previousSchema(),
		"fleet.executor":            executorSchema(),
		"fleet.window":              windowSchema(),
		"fleet.schedule":            scheduleSchema(),
		"variable":                  expr.VariableSchema(),
		"variable.validation":       expr.ValidationSchema(),
		"card":                      cardSchema(),
		"card.lifecycle":            lifecycleSchema(),
		"privacy_number":            numberSchema(),
		"approval":                  approvalSchema(),
		"removed":                   removedSchema(),
		"output":                    outputSchema(),
		"package":                   packageSchema(),
		"check":                     checkSchema(),
	}
}

// settingShapes are the bodies of blocks whose first label names a schema.
func settingShapes(schemas []spec.Schema, besides []ShapeAttribute, common []spec.Setting) map[string]Shape {
	out := map[string]Shape{}
	for _, schema := range schemas {
		body := Shape{Attributes: append([]ShapeAttribute{}, besides...)}
		for _, list := range [][]spec.Setting{schema.Settings, common} {
			for _, x := range list {
				body.Attributes = append(body.Attributes, ShapeAttribute{Name: x.Name, Required: x.Required, Setting: x})
			}
		}
		out[schema.Type] = body
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
