package expr

import "github.com/hashicorp/hcl/v2"

func variableSchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: attrs("type", "default", "description", "sensitive", "nullable"),
		Blocks:     []hcl.BlockHeaderSchema{{Type: "validation"}},
	}
}

func validationSchema() *hcl.BodySchema {
	schema := &hcl.BodySchema{Attributes: attrs("condition", "error_message")}
	for i := range schema.Attributes {
		schema.Attributes[i].Required = true
	}
	return schema
}

func attrs(names ...string) []hcl.AttributeSchema {
	list := make([]hcl.AttributeSchema, len(names))
	for i, n := range names {
		list[i].Name = n
	}
	return list
}
