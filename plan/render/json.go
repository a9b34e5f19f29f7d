package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// FormatVersion is the version of [JSON]'s form. Field names only ever grow; a
// meaning that changes raises it.
const FormatVersion = "1.0"

// headJSON is all of a plan but its two lists, which may be long.
type headJSON struct {
	FormatVersion string        `json:"format_version"`
	Version       string        `json:"cardfleet_version"`
	Timestamp     time.Time     `json:"timestamp"`
	Digest        string        `json:"digest"`
	Config        string        `json:"configuration,omitempty"`
	State         stateJSON     `json:"state"`
	Complete      bool          `json:"complete"`
	Partial       string        `json:"partial,omitempty"`
	Skipped       int           `json:"skipped,omitempty"`
	RefreshOnly   bool          `json:"refresh_only,omitempty"`
	FirstRun      string        `json:"first_run,omitempty"`
	Origin        plan.Origin   `json:"origin,omitzero"`
	Zone          string        `json:"zone,omitempty"`
	Summary       Counts        `json:"summary"`
	Policy        *policyJSON   `json:"policy,omitempty"`
	Carriers      []carrierJSON `json:"carriers,omitempty"`
	CarriersLeft  []string      `json:"carriers_left,omitempty"`
	Limits        []limitJSON   `json:"limits,omitempty"`
	Checks        []spec.Check  `json:"checks,omitempty"`
	Incomplete    []darkJSON    `json:"incomplete,omitempty"`
	Costs         []costJSON    `json:"costs,omitempty"`
	Windows       []TimingJSON  `json:"windows,omitempty"`
	Money         *MoneyJSON    `json:"money,omitempty"`
	Reads         []ReadsJSON   `json:"reads,omitempty"`
}

type stateJSON struct {
	Lineage string `json:"lineage"`
	Serial  uint64 `json:"serial"`
}

// carrierJSON is a definition of a carrier that the configuration has.
type carrierJSON struct {
	Name     string `json:"name"`
	File     string `json:"file"`
	Digest   string `json:"digest"`
	Replaces bool   `json:"replaces,omitempty"`
	Changed  bool   `json:"changed,omitempty"`
}

// policyJSON is absent where the policy is no weaker than before.
type policyJSON struct {
	Weaker []string `json:"weaker"`
}

type limitJSON struct {
	Kind     spec.Kind         `json:"kind"`
	Provider spec.ProviderName `json:"provider,omitempty"`
	Planned  int               `json:"planned"`
	Allowed  string            `json:"allowed"`
}

type darkJSON struct {
	Provider spec.ProviderName `json:"provider"`
	Reason   string            `json:"reason"`
	Cards    int               `json:"cards"`
}

type costJSON struct {
	Provider  spec.ProviderName `json:"provider"`
	Calls     int               `json:"calls"`
	PerSecond float64           `json:"requests_per_second,omitempty"`
	Seconds   float64           `json:"seconds,omitempty"`
	PerDay    int               `json:"passes_calls_per_day,omitempty"`
	PerMonth  int               `json:"passes_calls_per_month,omitempty"`
	// With are the other providers that share the account: all their seconds add up.
	With []spec.ProviderName `json:"shares_account_with,omitempty"`
}

// CardJSON is one card of a plan.
type CardJSON struct {
	Address   string            `json:"address"`
	ICCID     spec.ICCID        `json:"iccid"`
	Provider  spec.ProviderName `json:"provider"`
	MSISDN    string            `json:"msisdn,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	File      string            `json:"file,omitempty"`
	Line      int               `json:"line,omitempty"`
	Before    valuesJSON        `json:"before"`
	After     valuesJSON        `json:"after"`
	Actions   []ActionJSON      `json:"actions"`
	Attention []NoteJSON        `json:"attention"`
	Drift     []DriftJSON       `json:"drift,omitempty"`
	Notes     []string          `json:"notes,omitempty"`
}

// valuesJSON are a card's values. One that isn't known is absent; an imei that
// is null is known to be none.
type valuesJSON struct {
	IMEI      any            `json:"imei,omitempty"`
	Active    *bool          `json:"active,omitempty"`
	Packages  *[]string      `json:"packages,omitempty"`
	Status    string         `json:"status,omitempty"`
	Lifecycle spec.Lifecycle `json:"lifecycle,omitempty"`
}

// ActionJSON is one action of a plan.
type ActionJSON struct {
	ID       string    `json:"id"`
	Kind     spec.Kind `json:"kind"`
	From     string    `json:"from,omitempty"`
	To       string    `json:"to,omitempty"`
	Risk     spec.Risk `json:"risk"`
	Guarded  bool      `json:"guarded"`
	Approved bool      `json:"approved"`
	Denial   string    `json:"denial,omitempty"`
	// Required is how many approvals it needs, where it needs one.
	Required int `json:"required_approvals,omitempty"`
	// Approvals are those that count for it.
	Approvals []ApprovalJSON `json:"approvals,omitempty"`
	Needs     []string       `json:"needs"`
}

// ApprovalJSON is one approval: the name of a block, a signer, or the option.
type ApprovalJSON struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	// Until is when it ends; absent where it doesn't.
	Until time.Time `json:"until,omitzero"`
}

// DriftJSON is one attribute that changed outside.
type DriftJSON struct {
	Attribute string    `json:"attribute"`
	Before    string    `json:"before"`
	After     string    `json:"after"`
	Since     time.Time `json:"since"`
	Cause     string    `json:"cause"`
	Keep      string    `json:"keep,omitempty"`
	Where     string    `json:"where,omitempty"`
}

// NoteJSON is one attention.
type NoteJSON struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
}

// NumberJSON is one privacy number of a plan.
type NumberJSON struct {
	Address   string            `json:"address"`
	Provider  spec.ProviderName `json:"provider"`
	PoolKey   string            `json:"pool_key"`
	SubsID    string            `json:"subs_id"`
	Expected  string            `json:"expected,omitempty"`
	Number    string            `json:"number,omitempty"`
	Status    int               `json:"status,omitempty"`
	Attention []NoteJSON        `json:"attention"`
}

// JSON writes the whole plan for programs, a card at a time: what it keeps in
// memory doesn't grow with the plan. digest is the saved plan's.
func JSON(w io.Writer, p plan.Source, digest string) error {
	head, err := newElement("").of(headOf(p.Head(), digest))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	_, _ = out.Write(bytes.TrimSuffix(head, []byte("\n}"))) // out keeps the error for Flush
	cards := newList(out, "cards")
	err = p.Each(func(_ int, c *plan.Card) error {
		if len(c.Actions)+len(c.Attention)+len(c.Drift) == 0 {
			return nil
		}
		return cards.add(CardOf(c))
	})
	if err != nil {
		return err
	}
	cards.end()
	numbers := newList(out, "privacy_numbers")
	for i := range p.Head().Numbers {
		if err := numbers.add(NumberOf(&p.Head().Numbers[i])); err != nil {
			return err
		}
	}
	numbers.end()
	_, _ = out.WriteString("\n}\n")
	return out.Flush()
}

// list is a field whose value is a list, which is written element by element.
type list struct {
	out             *bufio.Writer
	one             *element
	separator, shut string
}

const listIndent = "    "

func newList(out *bufio.Writer, name string) *list {
	_, _ = fmt.Fprintf(out, ",\n  %q: [", name) // out keeps the error for Flush
	return &list{out: out, one: newElement(listIndent), separator: "\n"}
}

func (l *list) add(v any) error {
	text, err := l.one.of(v)
	if err != nil {
		return err
	}
	_, _ = l.out.WriteString(l.separator + listIndent)
	l.separator, l.shut = ",\n", "\n  "
	_, err = l.out.Write(text)
	return err
}

func (l *list) end() { _, _ = l.out.WriteString(l.shut + "]") } // as above

// element encodes values as they stand at some depth of an indented object.
type element struct {
	compact  bytes.Buffer
	enc      *json.Encoder
	indenter *indenter
	text     []byte
}

func newElement(indent string) *element {
	e := &element{indenter: newIndenter(indent)}
	e.enc = json.NewEncoder(&e.compact)
	e.enc.SetEscapeHTML(false)
	return e
}

// of is the value's text, which is good until the next call.
func (e *element) of(v any) ([]byte, error) {
	e.compact.Reset()
	if err := e.enc.Encode(v); err != nil {
		return nil, err
	}
	e.text = e.indenter.indent(e.text[:0], bytes.TrimSuffix(e.compact.Bytes(), []byte("\n")))
	return e.text, nil
}

func headOf(p *plan.Plan, digest string) headJSON {
	out := headJSON{
		FormatVersion: FormatVersion, Version: p.Version, Timestamp: p.Timestamp, Digest: digest, Config: p.Config,
		State: stateJSON{p.Lineage, p.Serial}, Complete: len(p.Incomplete) == 0,
		Partial: p.Partial, Skipped: p.Skipped, RefreshOnly: p.RefreshOnly, FirstRun: p.FirstRun, Origin: p.Origin, Zone: p.Zone, Summary: CountsOf(p.Summary()),
	}
	for _, d := range p.Carriers {
		out.Carriers = append(out.Carriers, carrierJSON(d))
	}
	out.CarriersLeft, out.Checks = p.CarriersLeft, p.Checks
	if len(p.Policy.Weaker) > 0 {
		out.Policy = &policyJSON{p.Policy.Weaker}
	}
	for _, l := range p.Limits {
		out.Limits = append(out.Limits, limitJSON{l.Kind, l.Provider, l.Planned, l.Allowed})
	}
	for _, d := range p.Incomplete {
		out.Incomplete = append(out.Incomplete, darkJSON(d))
	}
	for _, r := range p.Reads {
		out.Reads = append(out.Reads, ReadsOf(r))
	}
	out.Windows = TimingsOf(p.Windows)
	out.Money = MoneyOf(p.Money)
	for _, c := range p.Costs {
		out.Costs = append(out.Costs, costJSON{c.Provider, c.Calls, c.PerSecond, c.Time().Seconds(), c.PerDay, c.PerMonth, c.With})
	}
	return out
}

// CardOf turns a card into its JSON form.
func CardOf(c *plan.Card) CardJSON {
	out := CardJSON{
		Address: c.Address, ICCID: c.ICCID, Provider: c.Provider, MSISDN: c.MSISDN, Labels: c.Labels, File: c.File, Line: c.Line,
		Before: valuesOf(c.Before), After: valuesOf(c.After),
		Actions: []ActionJSON{}, Attention: notesOf(c.Attention), Notes: c.Notes,
	}
	for _, d := range c.Drift {
		out.Drift = append(out.Drift, DriftJSON{d.Attribute, d.From, d.To, d.Since, d.Cause, d.Keep, d.Where})
	}
	for _, a := range c.Actions {
		needs := a.Needs
		if needs == nil {
			needs = []string{}
		}
		var approvals []ApprovalJSON
		for _, given := range a.Approvals {
			approvals = append(approvals, ApprovalJSON{given.By, given.Reason, given.Until})
		}
		out.Actions = append(out.Actions, ActionJSON{a.ID, a.Kind, a.From, a.To, a.Kind.Risk(), a.Guarded, a.Approved, a.Denial, a.Required, approvals, needs})
	}
	return out
}

func valuesOf(v plan.Values) valuesJSON {
	out := valuesJSON{Active: v.Active.Bool(), Status: v.Status, Lifecycle: v.Lifecycle}
	switch {
	case v.Binding.Known && v.Binding.IMEI == "":
		out.IMEI = (*string)(nil)
	case v.Binding.Known:
		out.IMEI = v.Binding.IMEI
	}
	if v.Packages != nil {
		out.Packages = &v.Packages
	}
	return out
}

func notesOf(notes []plan.Note) []NoteJSON {
	out := []NoteJSON{}
	for _, n := range notes {
		out = append(out, NoteJSON(n))
	}
	return out
}

// NumberOf turns a privacy number into its JSON form.
func NumberOf(n *plan.Number) NumberJSON {
	return NumberJSON{n.Address, n.Provider, n.PoolKey, n.SubsID, n.Expected, n.Number, n.Status, notesOf(n.Attention)}
}
