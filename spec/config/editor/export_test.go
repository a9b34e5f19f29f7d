package editor

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl-lang/schema"
)

// Names are the names that a file that is open gives, with their places.
func (e *Editor) Names(path string) map[string][]Range {
	names := map[string][]Range{}
	for _, n := range e.document(path).declared {
		names[n.kind+" "+n.name] = append(names[n.kind+" "+n.name], n.place().Range)
	}
	return names
}

// Unexplained are the attributes and blocks of which nothing is said, by their path.
func (e *Editor) Unexplained() []string { return unexplained("", e.schema) }

func unexplained(path string, s *schema.BodySchema) []string {
	var list []string
	for _, name := range s.AttributeNames() {
		if s.Attributes[name].Description.Value == "" {
			list = append(list, path+name)
		}
	}
	for _, typ := range s.BlockTypes() {
		b := s.Blocks[typ]
		if b.Description.Value == "" {
			list = append(list, path+typ)
		}
		list = append(list, unexplained(path+typ+".", b.Body)...)
		for _, key := range slices.Sorted(maps.Keys(b.DependentBody)) {
			list = append(list, unexplained(path+typ+string(key)+".", b.DependentBody[key])...)
		}
	}
	return list
}
