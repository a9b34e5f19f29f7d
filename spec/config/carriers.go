package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// Definer compiles a carrier block, whose text is given, and says which settings
// its provider's blocks have. It reports what is wrong with it, and then ok is false.
type Definer func(b *hcl.Block, text []byte, r expr.Report) (schema spec.Schema, ok bool)

// carrierFileSchema is what may stand in a *.carrier.hcl file.
func carrierFileSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "carrier", LabelNames: []string{"name"}}}}
}

// readCarrierFile reads a file of definitions.
func (l *loader) readCarrierFile(name string) {
	text, err := l.inputs.Read(name)
	if err == nil && len(text) == 0 && l.PassOverEmpty {
		return
	}
	if body := l.parse(name, &source{name: name, text: text}, err); body != nil {
		content, diags := body.Content(carrierFileSchema())
		l.report.HCL(diags)
		if len(content.Blocks) == 0 && !diags.HasErrors() {
			l.report.unplaced("Empty definition", "%s defines no carrier: it has a block carrier \"NAME\" { … }.", name)
		}
		l.sortBlocks(content.Blocks)
	}
}

// loadCarriers compiles the definitions of carriers. One that has the name of a
// definition in the program takes its place.
func (l *loader) loadCarriers() {
	for _, b := range l.unique("carrier") {
		i := slices.IndexFunc(l.Schemas, func(s spec.Schema) bool { return s.Type == b.Labels[0] })
		replaces := i >= 0
		switch {
		case replaces && !l.Schemas[i].Defined:
			l.report.ErrorAt(b.LabelRanges[0], "Name is taken", "%q is a carrier of the program, which no definition takes the place of. Choose another name.", b.Labels[0])
			continue
		case l.Define == nil:
			l.report.ErrorAt(b.DefRange, "Unsupported block type", "Carriers can't be defined here.")
			continue
		}
		if replaces {
			l.Schemas = slices.Delete(slices.Clone(l.Schemas), i, i+1)
		}
		text := l.textOf(b)
		schema, ok := l.Define(b, text, l.report)
		if !ok {
			l.undefined = append(l.undefined, b.Labels[0])
			continue
		}
		l.Schemas = append(l.Schemas, schema)
		l.report.secrets.KnowNames(secretSettings(l.Schemas))
		l.fleet.Carriers = append(l.fleet.Carriers, spec.CarrierDefinition{
			Name: b.Labels[0], File: b.DefRange.Filename, Digest: schema.Digest, Replaces: replaces,
		})
	}
	slices.SortFunc(l.fleet.Carriers, func(a, b spec.CarrierDefinition) int { return strings.Compare(a.Name, b.Name) })
}

// textOf is a block's text as it stands in its file.
func (l *loader) textOf(b *hcl.Block) []byte {
	src, body := l.report.sources[b.DefRange.Filename], (*hclsyntax.Body)(nil)
	if native, ok := b.Body.(*hclsyntax.Body); ok {
		body = native
	}
	if src == nil || body == nil || body.SrcRange.End.Byte > len(src.text) || b.DefRange.Start.Byte > body.SrcRange.End.Byte {
		return nil
	}
	return src.text[b.DefRange.Start.Byte:body.SrcRange.End.Byte]
}

// LoadCarriers reads the definitions of carriers in o.Dir, and nothing else of the
// configuration: there may be no fleet yet.
func LoadCarriers(o Options) ([]spec.CarrierDefinition, spec.Diagnostics) {
	l := newLoader(o)
	names, err := Files(l.Dir)
	if err != nil {
		l.report.unplaced("Configuration cannot be read", "%s.", err)
		return nil, l.report.done()
	}
	for _, name := range names {
		switch {
		case isCarrierFile(name):
			l.readCarrierFile(name)
		case isConfigFile(name):
			l.readConfig(name)
		}
	}
	l.loadCarriers()
	return l.fleet.Carriers, l.report.done()
}
