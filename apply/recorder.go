package apply

import "github.com/cardfleet/cardfleet/plan"

// Recorder makes the report of a plan that others carry out, from what they say of its
// actions. It holds some 100 bytes an action.
type Recorder struct {
	report  *Report
	numbers map[string]int // of the actions in the plan, by their ids
}

// NewRecorder is that of a plan of which nothing has been heard yet: its actions are
// not started.
func NewRecorder(p plan.Source) (*Recorder, error) {
	r := &Recorder{numbers: map[string]int{}}
	err := p.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			r.numbers[c.Actions[i].ID] = len(r.numbers)
		}
		return nil
	})
	r.report = &Report{plan: p, ledger: newLedger(len(r.numbers))}
	return r, err
}

// Put notes what became of the plan's action with the id of the result's; the first
// that is said of it counts. One that the plan doesn't have is passed over.
func (r *Recorder) Put(result *Result) {
	if n, ok := r.numbers[result.Action.ID]; ok && !r.report.ledger.has(n) {
		r.report.ledger.put(n, result)
	}
}

// Report is what was put by now.
func (r *Recorder) Report() *Report { return r.report }
