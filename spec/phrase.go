package spec

import "strings"

// Phrase is how actions of one kind are told to people: the one place that puts
// them into words.
type Phrase struct {
	Symbol string // "+", "-" or "~", as differences are marked
	// Message is for messages and logs, and begins with the kind.
	Message Words
	// Line stands behind the symbol, Said in a sentence that has no symbol, and
	// Beside next to the kind's name. Each is Said where it is "".
	Line, Said, Beside Words
	// Alike is of many cards at once, whose devices differ.
	Alike Words
	// Fate is what becomes of a card with this action alone: "stopped". "" is "changed".
	Fate string
	// Forgets is how a card that left the configuration ends with this action,
	// after which it is forgotten: "unbound". "" is for a kind that ends no card.
	Forgets string
}

// Words are a text with places for the values of a change: {from} and {to}.
// A last part in [brackets] is left out where the change has no value.
type Words string

// phrases has how each kind is told.
var phrases = map[Kind]Phrase{
	Adopt: {
		Symbol: "~", Message: "adopt[, bound to {to}]", Said: "adopt[, bound to {to}]",
		Line: "adopt into the state[, bound to {to}]", Beside: "into the state[, bound to {to}]",
		Alike: "adopt[, bound as declared, on trust]", Fate: "adopted",
	},
	ChangeBind: {
		Symbol: "~", Message: "change-bind[ {from} -> {to}]", Said: "imei: {from} → {to}",
		Alike: "imei: {from} → {to}, each to a device of its own", Fate: "rebound",
	},
	Unbind: {
		Symbol: "-", Message: "unbind[ from {from}]", Said: "unbind from {from}",
		Alike: "unbind", Fate: "unbound", Forgets: "unbound",
	},
	Stop: {
		Symbol: "~", Message: "stop", Said: "active: true → false",
		Alike: "active: true → false", Fate: "stopped", Forgets: "stopped",
	},
	Resume: {
		Symbol: "~", Message: "resume", Said: "active: false → true",
		Alike: "active: false → true", Fate: "resumed",
	},
	Subscribe: {
		Symbol: "+", Message: "subscribe[ {to}]", Said: "subscribe to package {to}",
		Line: "package {to}", Beside: "+ package {to}", Alike: "package {to}",
	},
	Unsubscribe: {
		Symbol: "-", Message: "unsubscribe[ {from}]", Said: "unsubscribe from package {from}",
		Line: "package {from}", Beside: "− package {from}", Alike: "package {from} ends",
	},
	Move: {
		Symbol: "~", Message: "move {from} -> {to}", Said: "provider: {from} → {to}",
		Alike: "provider: {from} → {to}", Fate: "moved",
	},
	Forget: {
		Symbol: "~", Message: "forget", Said: "forget; the card itself is left as it is",
		Line:   "forget: managed no longer, the card itself is left as it is",
		Beside: "managed no longer, the card stays as it is", Alike: "forget", Fate: "forgotten",
	},
}

// Phrase is how actions of this kind are told. A word that is no kind is told
// as it is.
func (k Kind) Phrase() Phrase {
	p, ok := phrases[k]
	if !ok {
		word := Words(strings.NewReplacer("{", "", "[", "").Replace(string(k)))
		return Phrase{Symbol: "~", Message: word, Line: word, Said: word, Beside: word, Alike: word}
	}
	if p.Line == "" {
		p.Line = p.Said
	}
	if p.Beside == "" {
		p.Beside = p.Said
	}
	return p
}

// Fate is what becomes of a card with this change alone, as in "will be rebound".
func (c Change) Fate() string {
	if c.BindsFirst() {
		return "bound"
	}
	return c.Kind.Phrase().Fate
}

// String tells the change in a message: "change-bind 8615… -> 8615…",
// "subscribe 10002", "unbind from 8615…", "adopt, bound to 8615…".
func (c Change) String() string { return c.Tell(c.Kind.Phrase().Message, c.From, c.To) }

// Tell fills the words' places with the change's values, as the caller writes them.
func (c Change) Tell(words Words, from, to string) string {
	var b strings.Builder
	for _, p := range c.Parts(words) {
		switch p.Place {
		case "from":
			b.WriteString(from)
		case "to":
			b.WriteString(to)
		default:
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// Part is a piece of words: a text, or one of the change's values.
type Part struct {
	Text  string
	Place string // "from" or "to" for a value, "" for a text
}

// NoDevice is how the From of a change-bind is told for a card that is bound to none.
const NoDevice = "no device"

// Parts takes the words apart at their places.
func (c Change) Parts(words Words) []Part {
	text := string(words)
	if optional := strings.IndexByte(text, '['); optional >= 0 {
		kept := ""
		if c.From+c.To != "" {
			kept = strings.TrimSuffix(text[optional+1:], "]")
		}
		text = text[:optional] + kept
	}
	var parts []Part
	for text != "" {
		at := strings.IndexByte(text, '{')
		switch {
		case at < 0:
			return append(parts, Part{Text: text})
		case at > 0:
			parts, text = append(parts, Part{Text: text[:at]}), text[at:]
		case strings.HasPrefix(text, "{from}"):
			parts, text = append(parts, c.fromPart()), text[len("{from}"):]
		default:
			parts, text = append(parts, Part{c.To, "to"}), text[len("{to}"):]
		}
	}
	return parts
}

// fromPart is what stands for {from}.
func (c Change) fromPart() Part {
	if c.BindsFirst() {
		return Part{Text: NoDevice}
	}
	return Part{c.From, "from"}
}
