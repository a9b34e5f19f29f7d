package apply

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// A report file is JSON lines: a header that says which run it was, a line for
// each action in the plan's order, and an end with the counts, so that a file
// that was cut off is recognised. docs/schema/report.schema.json has its form.

const (
	reportType  = "cardfleet-report"
	actionType  = "action"
	endType     = "end"
	reportMajor = "1."
	// ReportVersion is the version of a report file's form. Fields are only
	// ever added; a meaning that changes raises it.
	ReportVersion = "1.0"
)

// ErrNotAReport says that a file isn't the report of a run.
var ErrNotAReport = errors.New("not a report of apply")

// ReportHeader says which run a report is of.
type ReportHeader struct {
	Version string // of the program
	Lineage string // of the state; "" where the run made none
	Serial  uint64 // of the state that the run started from
	Config  string // the configuration's digest
	Plan    string // the digest of the plan that was carried out
	Partial string // the options that left cards out of the plan
	Started time.Time
	// Finished is when the last action had its outcome.
	Finished    time.Time
	Interrupted bool
	// Run is what the history says of the run; nil where the report is of an older
	// program.
	Run *state.Run
}

// ReportAction is an action of a report that was read: its card, and what
// became of it. The file's values are for people; nothing is planned from them.
type ReportAction struct {
	ID      string
	Kind    spec.Kind
	Card    spec.CardID
	Outcome Outcome

	Address, From, To, Reason, RequestID string
	AsFarAsTold                          bool
	Approvals                            []state.EventApproval
}

type headerLine struct {
	Type     string    `json:"type"`
	Format   string    `json:"format_version"`
	Version  string    `json:"cardfleet_version"`
	State    stateLine `json:"state"`
	Config   string    `json:"configuration"`
	Plan     string    `json:"plan"`
	Partial  string    `json:"partial,omitempty"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Stopped  bool      `json:"interrupted,omitempty"`
	Run      string    `json:"run,omitempty"` // its id in the history
	Who      string    `json:"who,omitempty"`
	Commit   string    `json:"commit,omitempty"`
	URL      string    `json:"url,omitempty"`
}

type stateLine struct {
	Lineage string `json:"lineage"`
	Serial  uint64 `json:"serial"`
}

type actionLine struct {
	Type      string            `json:"type"`
	ID        string            `json:"id"`
	Kind      spec.Kind         `json:"kind"`
	Provider  spec.ProviderName `json:"provider"`
	ICCID     spec.ICCID        `json:"iccid"`
	Address   string            `json:"address"`
	From      string            `json:"from,omitempty"`
	To        string            `json:"to,omitempty"`
	Outcome   Outcome           `json:"outcome"`
	Reason    string            `json:"reason,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Elapsed   float64           `json:"elapsed_seconds"`
	// AsFarAsTold is [Result.AsFarAsTold].
	AsFarAsTold bool                  `json:"as_far_as_told,omitempty"`
	Approvals   []state.EventApproval `json:"approvals,omitempty"`
}

type endLine struct {
	Type     string         `json:"type"`
	Actions  int            `json:"actions"`
	Outcomes map[string]int `json:"outcomes"`
}

// Word is the outcome as a field's name: "not_started".
func (o Outcome) Word() string { return strings.ReplaceAll(string(o), " ", "_") }

// WriteReport writes a report, each line in one write. each visits the results, as
// [Report.Each] does.
func WriteReport(w io.Writer, h ReportHeader, each func(visit func(*Result) error) error) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	head := headerLine{
		Type: reportType, Format: ReportVersion, Version: h.Version, State: stateLine{h.Lineage, h.Serial}, Config: h.Config, Plan: h.Plan, Partial: h.Partial,
		Started: h.Started.UTC(), Finished: h.Finished.UTC(), Stopped: h.Interrupted,
	}
	if r := h.Run; r != nil {
		head.Run, head.Who, head.Commit, head.URL = r.ID, r.Who, r.Commit, r.Info
	}
	err := enc.Encode(head)
	if err != nil {
		return err
	}
	end := newEnd()
	err = each(func(r *Result) error {
		end.count(r.Outcome)
		return enc.Encode(actionLine{
			actionType, r.Action.ID, r.Action.Kind, r.Card.Provider, r.Card.ICCID, r.Card.Address, r.Action.From, r.Action.To,
			r.Outcome, r.Reason, r.RequestID, r.Elapsed.Seconds(), r.AsFarAsTold, approvalsOf(r.Action),
		})
	})
	if err != nil {
		return err
	}
	return enc.Encode(end)
}

func newEnd() *endLine {
	end := &endLine{Type: endType, Outcomes: map[string]int{}}
	for _, o := range Outcomes() {
		end.Outcomes[o.Word()] = 0
	}
	return end
}

func (e *endLine) count(o Outcome) {
	e.Actions++
	e.Outcomes[o.Word()]++
}

// ReadReport reads a report, and checks that it is whole. Its errors name the
// line.
func ReadReport(r io.Reader) (ReportHeader, []ReportAction, error) {
	in := &reportReader{lines: bufio.NewReader(r), end: newEnd()}
	h, err := in.header()
	if err != nil {
		return h, nil, err
	}
	for {
		done, err := in.next()
		if err != nil {
			return h, nil, fmt.Errorf("line %d: %w", in.line, err)
		}
		if done {
			return h, in.actions, nil
		}
	}
}

type reportReader struct {
	lines   *bufio.Reader
	line    int // the one that was read last
	actions []ReportAction
	end     *endLine // as it has to be
}

func (in *reportReader) read() ([]byte, error) {
	in.line++
	text, err := in.lines.ReadBytes('\n')
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the report is cut off here: its last line, of type end, is missing")
	case err != nil:
		return nil, err
	}
	return text, nil
}

func (in *reportReader) header() (ReportHeader, error) {
	var l headerLine
	text, err := in.read()
	if err != nil || json.Unmarshal(text, &l) != nil || l.Type != reportType {
		return ReportHeader{}, fmt.Errorf("line 1: %w: the first line has no type %q", ErrNotAReport, reportType)
	}
	if !strings.HasPrefix(l.Format, reportMajor) {
		return ReportHeader{}, fmt.Errorf("line 1: the report is of format %q, written by cardfleet %s; this version reads formats %sx", l.Format, l.Version, reportMajor)
	}
	var run *state.Run
	if l.Run != "" {
		run = &state.Run{ID: l.Run, Operation: "apply", Started: l.Started, Who: l.Who, Commit: l.Commit, Info: l.URL, Version: l.Version}
	}
	return ReportHeader{
		Run: run, Version: l.Version, Lineage: l.State.Lineage, Serial: l.State.Serial, Config: l.Config, Plan: l.Plan, Partial: l.Partial,
		Started: l.Started, Finished: l.Finished, Interrupted: l.Stopped,
	}, nil
}

// next reads one line after the header; done reports that it was the end.
func (in *reportReader) next() (done bool, err error) {
	text, err := in.read()
	if err != nil {
		return false, err
	}
	var typed struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &typed); err != nil {
		return false, fmt.Errorf("the report is damaged: %w", err)
	}
	switch typed.Type {
	case actionType:
		return false, in.action(text)
	case endType:
		return true, in.finish(text)
	default:
		return false, fmt.Errorf("a report has no line of type %q", typed.Type)
	}
}

func (in *reportReader) action(text []byte) error {
	var l actionLine
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("the report is damaged: %w", err)
	}
	switch {
	case !slices.Contains(Outcomes(), l.Outcome):
		return fmt.Errorf("there is no outcome %q", l.Outcome)
	case l.Provider == "" || l.ICCID == "":
		return errors.New("the action names no card")
	}
	in.end.count(l.Outcome)
	in.actions = append(in.actions, ReportAction{
		ID: l.ID, Kind: l.Kind, Card: spec.CardID{Provider: l.Provider, ICCID: l.ICCID}, Outcome: l.Outcome,
		Address: l.Address, From: l.From, To: l.To, Reason: l.Reason, RequestID: l.RequestID, AsFarAsTold: l.AsFarAsTold, Approvals: l.Approvals,
	})
	return nil
}

// finish checks the end against what was read, and that nothing follows.
func (in *reportReader) finish(text []byte) error {
	var l endLine
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("the report is damaged: %w", err)
	}
	if l.Actions != in.end.Actions {
		return fmt.Errorf("the end counts %d actions, and the report has %d: lines are missing or were added", l.Actions, in.end.Actions)
	}
	for _, o := range Outcomes() {
		if l.Outcomes[o.Word()] != in.end.Outcomes[o.Word()] {
			return fmt.Errorf("the end counts %d actions that are %s, and the report has %d: it was changed", l.Outcomes[o.Word()], o, in.end.Outcomes[o.Word()])
		}
	}
	in.line++
	if rest, err := io.ReadAll(in.lines); err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return errors.Join(errors.New("something follows the report's end"), err)
	}
	return nil
}
