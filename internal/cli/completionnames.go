package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// mostCandidates is how many cards are offered at most: nobody reads more of them,
// and a shell takes seconds to sort a million.
const mostCandidates = 500

// configured is the configuration that the words before the cursor mean; nil where
// it has mistakes, which the command will tell.
func (prog *program) configured(ctx context.Context, t typed) *config.Config {
	loaded, _, err := prog.load(ctx, prog.dir(), t.inputs, loadOptions{})
	if err != nil || loaded == nil || loaded.Fleet == nil {
		return nil
	}
	return loaded
}

func (prog *program) fleetOf(ctx context.Context, t typed) *spec.Fleet {
	if c := prog.configured(ctx, t); c != nil {
		return c.Fleet
	}
	return &spec.Fleet{}
}

func (prog *program) providerBlocks(ctx context.Context, t typed) []candidate {
	var out []candidate
	fleet := prog.fleetOf(ctx, t)
	for i := range fleet.Providers {
		out = append(out, candidate{word: string(fleet.Providers[i].Name)})
	}
	return out
}

// carrierNames are those of the definitions, the program's and the configuration's.
func (prog *program) carrierNames(ctx context.Context, t typed) []candidate {
	prog.fleetOf(ctx, t)
	var out []candidate
	for _, typ := range prog.types() {
		if typ.Schema.Defined {
			out = append(out, candidate{word: typ.Schema.Type})
		}
	}
	return out
}

func (prog *program) outputNames(ctx context.Context, t typed) []candidate {
	c := prog.configured(ctx, t)
	if c == nil {
		return nil
	}
	return wordsOf(c.OutputNames()...)
}

// labels are KEY= for each label's key, and KEY=VALUE for its values.
func (prog *program) labels(ctx context.Context, t typed) []candidate {
	_, value, _ := strings.Cut(strings.TrimLeft(t.word, "-"), "=")
	if t.option != nil {
		value = t.word
	}
	key, _, keyed := strings.Cut(value, "=")
	found := map[string]bool{}
	fleet := prog.fleetOf(ctx, t)
	for i := range fleet.Cards {
		for k, v := range fleet.Cards[i].Labels {
			switch {
			case !keyed:
				found[k+"="] = true
			case k == key:
				found[k+"="+v] = true
			}
		}
	}
	return wordsOf(slices.Sorted(maps.Keys(found))...)
}

// addresses are those of the cards, and their ICCIDs once a digit is typed. The
// cards of a block with keys are offered once its bracket is.
func (prog *program) addresses(ctx context.Context, t typed, word string) []candidate {
	fleet := prog.fleetOf(ctx, t)
	var out []candidate
	offer := func(word, what string) {
		if len(out) < mostCandidates && (len(out) == 0 || out[len(out)-1].word != word) {
			out = append(out, candidate{word, what})
		}
	}
	if word != "" && '0' <= word[0] && word[0] <= '9' {
		for i := range fleet.Cards {
			if c := &fleet.Cards[i]; strings.HasPrefix(string(c.ICCID), word) {
				offer(string(c.ICCID), c.Address())
			}
		}
		return out
	}
	blocks := map[string]bool{}
	for i := range fleet.Cards {
		c := &fleet.Cards[i]
		address := c.Address()
		block, _, keyed := strings.Cut(address, "[")
		switch {
		case keyed && strings.HasPrefix(word, block+"["):
			if strings.HasPrefix(address, word) {
				offer(address, string(c.ICCID))
			}
		case !blocks[block]:
			blocks[block] = true
			offer(block, whatBlock(keyed, c.ICCID))
			if keyed { // so that no space is put behind the block
				offer(block+"[", "one card of it")
			}
		}
	}
	return out
}

func whatBlock(keyed bool, iccid spec.ICCID) string {
	if keyed {
		return "every card of the block"
	}
	return string(iccid)
}
