package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// reason says why the saved action isn't carried out: what the configuration,
// the policy or the state say of the card by now.
func (k *keeper) reason(c *keptCard, a *Action) string {
	removed := k.removed[c.saved.ICCID]
	switch {
	case c.wanted == nil && removed != nil:
		return fmt.Sprintf("%s line %d names it in a removed block by now", removed.Source.File, removed.Source.Start.Line)
	case c.wanted == nil && c.memory == nil:
		return "the card is neither declared nor managed by now"
	case c.provider() != c.saved.Provider && c.wanted != nil:
		return fmt.Sprintf("the card is declared at %s by now (%s)", c.wanted.Provider, whereOf(c.wanted, "iccid"))
	case c.provider() != c.saved.Provider:
		return fmt.Sprintf("the state has the card at %s by now", c.memory.Provider)
	case c.wanted != nil && (c.saved.Leaving || a.Kind == spec.Forget):
		return fmt.Sprintf("the card is declared again (%s)", whereOf(c.wanted, "iccid"))
	}
	note := c.note()
	switch {
	case c.wanted != nil && a.Kind.Attr() != 0 && !c.asks(a.Change):
		return c.notAsked(a)
	case note != "":
		return note
	case slices.Contains(c.asked, a.Change):
		return "the state has the card in another way by now, which the plan doesn't know; make the plan again"
	case c.wanted == nil && !c.saved.Leaving:
		return "the card left the configuration"
	case c.wanted == nil:
		return fmt.Sprintf("the policy asks for %s of a card that left the configuration by now", changesText(c.asked))
	default:
		return c.notAsked(a)
	}
}

// note is what a fresh plan tells people of the card in place of the action.
func (c *keptCard) note() string {
	if c.fresh == nil || len(c.fresh.Attention) == 0 {
		return ""
	}
	return sentence(c.fresh.Attention[len(c.fresh.Attention)-1])
}

// notAsked says what a declared card asks for in place of the action.
func (c *keptCard) notAsked(a *Action) string {
	attr := a.Kind.Attr()
	switch w := c.wanted; {
	case attr == 0:
		return "the state has the card already"
	case w.Ignore.Has(attr):
		return fmt.Sprintf("ignore_changes has %s by now (%s)", attr, w.Address())
	case !w.Wants().Has(attr):
		return fmt.Sprintf("the configuration says nothing of its %s by now (%s)", attr, whereOf(w, attr.String()))
	case c.asks(a.Change):
		return "the card isn't as it was: " + c.isNow(a)
	case attr == spec.AttrActive:
		return fmt.Sprintf("the configuration says active = %t by now (%s)", w.Active == spec.On, whereOf(w, "active"))
	case attr == spec.AttrPackages:
		return fmt.Sprintf("the configuration asks for packages %s by now (%s)", list(w.Packages), whereOf(w, "packages"))
	case w.Bound == spec.Off:
		return fmt.Sprintf("the configuration says bound = false by now (%s)", whereOf(w, "bound"))
	default:
		return fmt.Sprintf("the configuration asks for device %s by now (%s)", w.IMEI, whereOf(w, "imei"))
	}
}

// isNow is the card's value that the action was to replace.
func (c *keptCard) isNow(a *Action) string {
	switch {
	case a.Kind.Attr() == spec.AttrBinding && c.fresh != nil && c.fresh.Before.Binding.Known:
		return fmt.Sprintf("the state has it bound to %s", orNone(c.fresh.Before.Binding.IMEI))
	case len(c.asked) > 0:
		return fmt.Sprintf("what is asked for by now is %s", changesText(c.asked))
	default:
		return "nothing is asked for by now"
	}
}

func orNone(imei spec.IMEI) string {
	if imei == "" {
		return spec.NoDevice
	}
	return string(imei)
}

func changesText(changes []spec.Change) string {
	if len(changes) == 0 {
		return "nothing"
	}
	texts := make([]string, 0, len(changes))
	for _, c := range changes {
		texts = append(texts, c.String())
	}
	return strings.Join(texts, ", ")
}

// asks reports whether the configuration asks for what the change makes of a
// declared card.
func (c *keptCard) asks(change spec.Change) bool {
	w := c.wanted
	if !w.Wants().Has(change.Kind.Attr()) {
		return false
	}
	switch change.Kind {
	case spec.ChangeBind:
		return w.IMEI != "" && w.IMEI.Same(spec.IMEI(change.To))
	case spec.Unbind:
		return w.Bound == spec.Off
	case spec.Stop:
		return w.Active == spec.Off
	case spec.Resume:
		return w.Active == spec.On
	case spec.Subscribe:
		return slices.Contains(w.Packages, change.To)
	case spec.Unsubscribe:
		return !slices.Contains(w.Packages, change.From)
	default:
		return false
	}
}

// asWanted says of each saved action whether what it was to make is so already,
// and still asked for. On the way by a parking IMEI that is so of the way there
// too, where the rest is still to be done.
func (k *keeper) asWanted(c *keptCard) []bool {
	actions := c.saved.Actions
	is := make([]bool, len(actions))
	onwards := map[string]bool{} // the devices from which the card goes on, or went on
	for i := len(actions) - 1; i >= 0; i-- {
		a := &actions[i]
		is[i] = !c.kept[i] && (k.isAsWanted(c, a) || a.Kind == spec.ChangeBind && onwards[a.To])
		if a.Kind == spec.ChangeBind && (is[i] || c.kept[i]) {
			onwards[a.From] = true
		}
	}
	return is
}

func (k *keeper) isAsWanted(c *keptCard, a *Action) bool {
	removed := k.removed[c.saved.ICCID] != nil
	switch {
	case c.wanted == nil && c.memory == nil:
		return a.Kind == spec.Forget || !removed && (a.Kind == spec.Unbind || c.saved.Leaving && a.Kind == spec.Stop)
	case c.provider() != c.saved.Provider:
		return false
	case a.Kind == spec.Move: // this and an adopt are the state's alone, whatever else is in doubt
		return c.wanted != nil && c.memory != nil && c.memory.Provider == c.wanted.Provider && a.To == string(c.wanted.Provider)
	case a.Kind == spec.Adopt:
		return c.memory != nil && c.wanted != nil && (a.To == "" || c.memory.Binding.Known)
	case c.memory != nil && len(c.memory.Doubts) > 0:
		return false
	case c.wanted != nil:
		return c.asks(a.Change) && c.shows(a.Change)
	default:
		return !removed && k.removes(a.Kind) && c.shows(a.Change)
	}
}

// removes reports whether the policy asks for that kind of action of a card
// that left the configuration.
func (k *keeper) removes(kind spec.Kind) bool {
	switch k.in.Fleet.Policy.OnRemove {
	case spec.Forget, spec.Stop:
		return kind == k.in.Fleet.Policy.OnRemove
	default:
		return kind == spec.Unbind
	}
}

// shows reports whether the card is already as the change makes it, as far as
// carrier and state told.
func (c *keptCard) shows(change spec.Change) bool {
	r := c.now
	if !r.Tells(spec.AttrBinding) && c.memory != nil && c.memory.Binding.Known {
		r.Has, r.IMEI = r.Has|spec.AttrBinding, c.memory.Binding.IMEI
	}
	if !r.Tells(spec.AttrPackages) && c.memory != nil && c.memory.Last.Tells(spec.AttrPackages) {
		r.Has, r.Packages = r.Has|spec.AttrPackages, c.memory.Last.Packages
	}
	tells, done := change.SeenIn(r)
	return tells && done
}

// sentence is a note in one line, as a reason.
func sentence(n Note) string {
	text := strings.TrimSuffix(strings.Join(strings.Fields(n.Detail), " "), ".")
	return strings.ToLower(n.Summary[:1]) + n.Summary[1:] + ": " + text
}
