package carriersim

import "slices"

// Break replaces the faults, also while requests come in.
func (w *World) Break(faults ...Fault) {
	defer w.lock()()
	w.Faults = faults
}

// SetNumber puts a privacy number in the place of the one of the same
// subscription, also while requests come in.
func (w *World) SetNumber(n Number) {
	defer w.lock()()
	w.Numbers = slices.DeleteFunc(slices.Clone(w.Numbers), func(o Number) bool { return o.Pool == n.Pool && o.Subs == n.Subs })
	w.Numbers = append(w.Numbers, n)
}

// Expel makes the world refuse every account but the one given, also while
// requests come in.
func (w *World) Expel(but Account) {
	defer w.lock()()
	w.Accounts = []Account{but}
}
