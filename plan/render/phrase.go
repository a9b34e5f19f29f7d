package render

import (
	"encoding/json"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// The words of actions are in spec's table of phrases. Here their places are
// filled as each form writes values.

// ascii is words with the arrow of the text form.
func ascii(w spec.Words) spec.Words { return spec.Words(strings.ReplaceAll(string(w), "→", "->")) }

// lineText tells a change in the text form, behind its symbol.
func lineText(c spec.Change) string {
	return c.Tell(ascii(c.Kind.Phrase().Line), safe.Text(c.From), safe.Text(c.To))
}

// alikeText tells the change of many cards at once.
func alikeText(c spec.Change) string {
	return c.Tell(ascii(c.Kind.Phrase().Alike), safe.Text(model(c.From)), safe.Text(model(c.To)))
}

// markdownText tells a change in Markdown.
func markdownText(c spec.Change) string {
	to := code(c.To)
	if replacesDevice(c) {
		to = changedIMEI(c.From, c.To)
	}
	return c.Tell(c.Kind.Phrase().Said, code(c.From), to)
}

// pageParts tells a change in the page's own text; the script tells it from
// [pagePhrases].
func pageParts(c spec.Change) []spec.Part { return c.Parts(c.Kind.Phrase().Said) }

// pagePhrases are the words of each kind as JSON, as the page's script takes them:
// those of a card, and those of a row of the table.
func pagePhrases(l lang.Language) string {
	words := map[spec.Kind][2]spec.Words{}
	for _, kind := range spec.Kinds() {
		words[kind] = [2]spec.Words{toldWords(l, kind.Phrase().Beside), toldWords(l, rowWords(kind))}
	}
	text, err := json.Marshal(words)
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	return string(text)
}

// toldWords are words in a language, with the places that they have.
func toldWords(l lang.Language, w spec.Words) spec.Words { return spec.Words(l.Word(string(w))) }

// rowWords are the words of a kind in a row of the table, where the device before
// and after have columns of their own.
func rowWords(kind spec.Kind) spec.Words {
	words := kind.Phrase().Beside
	from, to := kind.Values()
	if from != spec.Device && to != spec.Device {
		return words
	}
	text, _, _ := strings.Cut(string(words), "[")
	if strings.Contains(text, "{") {
		return ""
	}
	return spec.Words(text)
}

// replacesDevice reports whether the change replaces one device by another, so
// that it is worth showing which digits differ.
func replacesDevice(c spec.Change) bool { return setsDevice(c) && !c.BindsFirst() }

// setsDevice reports whether the change gives the card another device, or its first.
func setsDevice(c spec.Change) bool {
	from, to := c.Kind.Values()
	return from == spec.Device && to == spec.Device
}

// fate says in a word what becomes of the card.
func fate(c *plan.Card) string {
	word := ""
	if len(c.Actions) == 1 {
		word = c.Actions[0].Fate()
	}
	for _, a := range c.Actions {
		if a.Kind.Irreversible() {
			word = a.Fate()
		}
	}
	if word == "" {
		word = "changed"
	}
	return "will be " + word + iccidOf(c)
}

// leaving says why a card that left the configuration is changed; "" for one
// that is in it.
func leaving(c *plan.Card, a plan.Action) string {
	end := a.Kind.Phrase().Forgets
	if !c.Leaving || end == "" {
		return ""
	}
	return "it is no longer in the configuration (on_remove), and is forgotten once it is " + end
}
