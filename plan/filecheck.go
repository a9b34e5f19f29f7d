package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// A saved plan is carried out without its configuration, so a value in it that
// is none is refused before anything is called.

// needing is an action that waits for others, and the line that it is on.
type needing struct {
	id    string
	needs []string
	line  int
}

// isActionID reports whether s is an action's id as [Order] gives them: "a17",
// and "a17p" for the second half of a way by a parking IMEI.
func isActionID(s string) bool {
	number, ok := strings.CutPrefix(strings.TrimSuffix(s, "p"), "a")
	return ok && number != "" && len(number) <= 9 && !strings.ContainsFunc(number, func(r rune) bool { return r < '0' || r > '9' })
}

func (h *fileHeader) check() error {
	for what, n := range map[string]int{"total": h.Total, "unchanged": h.Unchanged, "unread": h.Unread, "skipped": h.Skipped} {
		if n < 0 {
			return fmt.Errorf("%s is less than 0", what)
		}
	}
	if h.Order != byAddress {
		return fmt.Errorf("the cards are in order of %q, and this version reads them in order of %q", h.Order, byAddress)
	}
	providers := make([]spec.ProviderName, 0, 8)
	for _, v := range h.Incomplete {
		providers = append(providers, v.Provider)
	}
	for _, v := range h.Totals {
		providers = append(providers, v.Provider)
	}
	for _, v := range h.Costs {
		providers = append(append(providers, v.Provider), v.With...)
	}
	providers = append(providers, h.Money.providers()...)
	for _, v := range h.Reads {
		providers = append(providers, v.Provider)
	}
	for _, l := range h.Limits {
		if !slices.Contains(spec.LimitKinds(), l.Kind) {
			return fmt.Errorf("a limit is on %q, which is no kind of action", l.Kind)
		}
		if l.Provider != "" {
			providers = append(providers, l.Provider)
		}
	}
	for i := range h.Checks {
		if err := h.Checks[i].Valid(); err != nil {
			return err
		}
	}
	for _, name := range providers {
		if err := name.Check(); err != nil {
			return err
		}
	}
	for i := range h.Windows {
		if err := h.Windows[i].check(); err != nil {
			return err
		}
	}
	return nil
}

// checkCard refuses a card with a value that is none, and takes down its actions.
func (f *fileReader) checkCard(c *Card) error {
	if err := checkID(c.ID()); err != nil {
		return err
	}
	if f.cards > 0 && f.last > c.Address {
		return fmt.Errorf("card %s stands behind %s: cards are in order of their address", c.Address, f.last)
	}
	if c.Memory.ICCID != "" && c.Memory.ICCID != c.ICCID {
		return fmt.Errorf("card %s comes with the memory of card %s", c.ICCID, c.Memory.ICCID)
	}
	err := errors.Join(c.Before.check(), c.After.check(), checkMemory(&c.Memory))
	for i := range c.Drift {
		if _, ok := spec.ParseAttr(c.Drift[i].Attribute); !ok {
			err = errors.Join(err, fmt.Errorf("there is no attribute %q", c.Drift[i].Attribute))
		}
	}
	for i := range c.Actions {
		err = errors.Join(err, f.checkAction(c, &c.Actions[i]))
	}
	if err != nil {
		return fmt.Errorf("card %s: %w", c.ICCID, err)
	}
	return nil
}

func checkID(id spec.CardID) error {
	if err := id.Provider.Check(); err != nil {
		return err
	}
	return state.CheckID(id)
}

func (f *fileReader) checkAction(c *Card, a *Action) error {
	switch {
	case !isActionID(a.ID):
		return fmt.Errorf("%q is no action's id", a.ID)
	case f.actions.has(a.ID):
		return fmt.Errorf("there are two actions %s", a.ID)
	case !isKey(a.Key):
		return fmt.Errorf("action %s has the key %q; a key has 32 characters of 0-9 and a-f", a.ID, a.Key)
	}
	if err := checkChange(a.Change, a.Kind.CallsCarrier() && !c.bindsFirst(a)); err != nil {
		return fmt.Errorf("action %s: %w", a.ID, err)
	}
	f.actions.add(a.ID)
	if len(a.Needs) > 0 {
		f.needing = append(f.needing, needing{a.ID, a.Needs, f.at})
	}
	return nil
}

// bindsFirst reports whether the action binds the card to its first device, and may
// do so by what the plan says of the card: it was bound to none, or that very call
// is in doubt.
func (c *Card) bindsFirst(a *Action) bool {
	if !a.BindsFirst() || a.To == "" {
		return false
	}
	before := c.Before.Binding
	return before.Known && before.IMEI == "" ||
		slices.ContainsFunc(c.Memory.Doubts, func(d state.Doubt) bool { return d.Change == a.Change })
}

// checkChange refuses a kind that is none, and values that aren't the kind's.
// needed says that none of them may be missing.
func checkChange(c spec.Change, needed bool) error {
	kind, ok := spec.ParseKind(string(c.Kind))
	if !ok {
		return fmt.Errorf("there is no kind of action %q", c.Kind)
	}
	from, to := kind.Values()
	return errors.Join(checkValue(c, "from", from, c.From, needed), checkValue(c, "to", to, c.To, needed))
}

func checkValue(c spec.Change, place string, is spec.Value, value string, needed bool) error {
	switch {
	case is == spec.NoValue && value != "":
		return fmt.Errorf("%s has no value %s, and here it is %q", c.Kind, place, value)
	case is == spec.NoValue, value == "" && !needed:
		return nil
	case is == spec.Device:
		if _, err := spec.ParseIMEI(value); err != nil {
			return fmt.Errorf("%s of %s: %w", place, c.Kind, err)
		}
	case !isPackageID(value):
		return fmt.Errorf("%s of %s is %q, which is no package's id", place, c.Kind, value)
	}
	return nil
}

func (v *Values) check() error {
	if v.Active < spec.Unset || v.Active > spec.Off {
		return fmt.Errorf("active is %d, which is no value of it", v.Active)
	}
	for _, id := range v.Packages {
		if !isPackageID(id) {
			return fmt.Errorf("%q is no package's id", id)
		}
	}
	return errors.Join(checkBinding(v.Binding), checkLifecycle(v.Lifecycle))
}

func checkMemory(m *state.Card) error {
	err := errors.Join(checkBinding(m.Binding), checkLifecycle(m.Last.Lifecycle))
	if m.Last.Has&^(spec.AttrBinding|spec.AttrActive|spec.AttrPackages) != 0 {
		err = errors.Join(err, fmt.Errorf("its memory has attributes %d, which there aren't", m.Last.Has))
	}
	for i := range m.Recent {
		err = errors.Join(err, checkChange(m.Recent[i].Change, false))
	}
	for i := range m.Doubts {
		err = errors.Join(err, checkChange(m.Doubts[i].Change, false))
	}
	return err
}

func checkBinding(b state.Binding) error {
	if b.IMEI == "" {
		return nil
	}
	_, err := spec.ParseIMEI(string(b.IMEI))
	return err
}

func checkLifecycle(l spec.Lifecycle) error {
	if !l.Valid() {
		return fmt.Errorf("there is no lifecycle %q", l)
	}
	return nil
}

func (n *Number) check() error { return n.Provider.Check() }

// isKey reports whether s is an idempotency key as [giveKeys] makes one, or none.
func isKey(s string) bool {
	return len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// isPackageID reports whether s may be a package's id: a text that can be seen.
func isPackageID(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// checkNeeds refuses needs that no action of the plan meets: apply would wait
// for ever where actions wait for each other.
func (f *fileReader) checkNeeds() error {
	number := make(map[string]int, len(f.needing))
	for i, n := range f.needing {
		number[n.id] = i
	}
	open, waiting := make([]int32, len(f.needing)), make([][]int, len(f.needing))
	for i, n := range f.needing {
		for _, need := range n.needs {
			if !f.actions.has(need) {
				f.at = n.line
				return fmt.Errorf("action %s needs %q, which isn't in the plan", n.id, need)
			}
			if k, waits := number[need]; waits { // the others are done in time
				open[i]++
				waiting[k] = append(waiting[k], i)
			}
		}
	}
	if stuck := Stuck(open, func(i int) []int { return waiting[i] }); len(stuck) > 0 {
		n := f.needing[stuck[0]]
		f.at = n.line
		return fmt.Errorf("action %s waits for itself", n.id)
	}
	return nil
}
