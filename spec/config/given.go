package config

import (
	"cmp"
	"slices"
)

// Variable is a variable with the value that it has.
type Variable struct {
	Name string
	// JSON is the value; equal values are written alike.
	JSON string
	// Sensitive says that it must not be shown.
	Sensitive bool

	given bool
}

// Given are the variables that -var and -var-file gave their values, by name.
func (c *Config) Given() []Variable {
	var list []Variable
	for _, v := range c.variables {
		if v.given {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b Variable) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Variable is the variable of that name; ok is false where none is declared.
func (c *Config) Variable(name string) (v Variable, ok bool) {
	v, ok = c.variables[name]
	return v, ok
}

func (l *loader) variables() map[string]Variable {
	all := map[string]Variable{}
	for _, name := range l.scope.VariableNames() {
		text, sensitive := l.scope.VariableJSON(name)
		all[name] = Variable{Name: name, JSON: text, Sensitive: sensitive, given: slices.Contains(l.given, name)}
	}
	return all
}
