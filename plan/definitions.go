package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Definition is a carrier that the configuration defines, and that a provider
// block uses. A definition is code: a plan made with one isn't carried out with
// another.
type Definition struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Digest string `json:"digest"` // of its text: "sha256:…"
	// Replaces says that it takes the place of one of the program's.
	Replaces bool `json:"replaces,omitempty"`
	// Changed says that the state's last run knew another, or none.
	Changed bool `json:"changed,omitempty"`
}

// definitions are those that the fleet's provider blocks use, by name.
func definitions(fleet *spec.Fleet, prior *state.Snapshot) []Definition {
	used := map[string]bool{}
	for i := range fleet.Providers {
		used[fleet.Providers[i].Name.Type()] = true
	}
	var list []Definition
	for _, c := range fleet.Carriers {
		if !used[c.Name] {
			continue
		}
		d := Definition{Name: c.Name, File: c.File, Digest: c.Digest, Replaces: c.Replaces}
		if prior != nil && prior.Fleet.Policy != nil { // there was a run
			d.Changed = prior.Fleet.Carriers[c.Name] != c.Digest
		}
		list = append(list, d)
	}
	return list
}

// left are the carriers that the state's last run had from the configuration, and
// that the program describes by now, or nobody.
func left(fleet *spec.Fleet, prior *state.Snapshot) []string {
	if prior == nil {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(prior.Fleet.Carriers)) {
		defined := slices.ContainsFunc(fleet.Carriers, func(c spec.CarrierDefinition) bool { return c.Name == name })
		used := slices.ContainsFunc(fleet.Providers, func(p spec.ProviderConfig) bool { return p.Name.Type() == name })
		if !defined && used {
			names = append(names, name)
		}
	}
	return names
}

// CarrierDigests are the definitions as a state remembers them; nil for none.
func CarrierDigests(fleet *spec.Fleet) map[string]string {
	var digests map[string]string
	for _, d := range definitions(fleet, nil) {
		if digests == nil {
			digests = map[string]string{}
		}
		digests[d.Name] = d.Digest
	}
	return digests
}

// SameDefinitions reports whether the plan was made with the fleet's definitions
// of carriers, and says which isn't the same.
func (p *Plan) SameDefinitions(fleet *spec.Fleet) (other string, ok bool) {
	now := CarrierDigests(fleet)
	then := map[string]string{}
	for _, d := range p.Carriers {
		then[d.Name] = d.Digest
	}
	if maps.Equal(now, then) {
		return "", true
	}
	for _, digests := range []map[string]string{then, now} {
		for _, name := range slices.Sorted(maps.Keys(digests)) {
			if now[name] != then[name] {
				return name, false
			}
		}
	}
	return "", true
}

// shortDigest is how many characters of a digest people are shown.
const shortDigest = len("sha256:") + 12

// DefinitionTexts say which definitions of carriers the plan was made with that
// somebody has to know of: those that take the place of the program's, and those
// that changed since the state's last run. A sentence each, without its stop.
func (p *Plan) DefinitionTexts() []string {
	var texts []string
	for _, d := range p.Carriers {
		var facts []string
		if d.Changed {
			facts = append(facts, "it is not the one of the last run")
		}
		if d.Replaces {
			facts = append(facts, "it takes the place of the program's own")
		}
		if len(facts) > 0 {
			texts = append(texts, fmt.Sprintf("carrier %s is defined in %s (%s): %s", d.Name, d.File, d.Digest[:min(len(d.Digest), shortDigest)], strings.Join(facts, ", and ")))
		}
	}
	for _, name := range p.CarriersLeft {
		texts = append(texts, fmt.Sprintf("carrier %s was defined in the configuration at the last run, and is the program's now", name))
	}
	return texts
}
