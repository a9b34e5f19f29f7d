package cli

import (
	"bufio"
	"bytes"
	"fmt"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/state"
)

// isReport reports whether a file begins as the report of an apply does.
func isReport(path string) bool {
	f, err := file.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // it was only read
	begins, _ := bufio.NewReader(f).Peek(len(reportBegins))
	return bytes.Equal(begins, []byte(reportBegins))
}

const reportBegins = `{"type":"cardfleet-report"`

// showRun shows the report of an apply as a page.
func (prog *program) showRun(o showOptions, name string) error {
	prog.open(viewOptions{noColor: o.noColor})
	if !o.html {
		return refuse("A report is shown as a page", "%s is the report of an apply. show -html makes a page of it; the report itself is JSON, a line for each action.", name)
	}
	f, err := file.Open(within(prog.dir(), name))
	if err != nil {
		return fmt.Errorf("open the report: %w", err)
	}
	defer f.Close() // it was only read
	header, actions, err := apply.ReadReport(f)
	if err != nil {
		return refuse("The report can't be used", "%s, %v.", name, err)
	}
	return render.RunHTML(prog.env.Out, carriedOf(header, actions))
}

// carriedOf is a report as its page shows it.
func carriedOf(h apply.ReportHeader, actions []apply.ReportAction) *render.Carried {
	c := &render.Carried{
		Run: state.Run{Version: h.Version}, Started: h.Started, Finished: h.Finished, Interrupted: h.Interrupted, Partial: h.Partial,
		Lineage: h.Lineage, Serial: h.Serial, Actions: make([]render.CarriedAction, 0, len(actions)),
	}
	if h.Run != nil {
		c.Run = *h.Run
	}
	c.Run.Plan = h.Plan
	for i := range actions {
		a := &actions[i]
		c.Actions = append(c.Actions, render.CarriedAction{ID: a.ID, Event: state.Event{
			ICCID: a.Card.ICCID, Provider: a.Card.Provider, Address: a.Address, Change: spec.Change{Kind: a.Kind, From: a.From, To: a.To},
			Outcome: a.Outcome.Hyphened(), AsFarAsTold: a.AsFarAsTold, Reason: a.Reason, RequestID: a.RequestID, Approvals: a.Approvals,
		}})
	}
	return c
}
