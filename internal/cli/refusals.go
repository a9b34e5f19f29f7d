package cli

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// refused is a run's refusal in the command line's words, which name options
// and commands.
func refused(r *run.Refusal) ending {
	if r.Reason == run.NotAllowed {
		return ending{exitRefused, notAllowed(r)}
	}
	summary, detail := refusedWords(r)
	return ending{exitFailed, spec.Diagnostics{{Summary: summary, Detail: detail}}}
}

// notAllowed are the limits that a plan passes, the checks that fail, and the
// approvals that it lacks.
func notAllowed(r *run.Refusal) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, l := range r.Plan.Head().Limits {
		text := render.LimitText(l)
		diags = append(diags, spec.Diagnostic{Summary: "A policy limit is passed", Detail: "Nothing was changed. " + strings.Join(text, " ")})
	}
	for _, c := range r.Plan.Head().Checks {
		if c.Refuses() {
			diags = append(diags, spec.Diagnostic{Summary: "A check fails", Detail: "Nothing was changed. " + spec.Capital(render.CheckText(&c))})
		}
	}
	if r.Unapproved {
		diags = append(diags, unapproved(r.Plan))
	}
	return diags
}

func refusedWords(r *run.Refusal) (summary, detail string) {
	switch r.Reason {
	case run.NotInState:
		return "Card is not in the state", notInState(safe.Text(r.Name))
	case run.NoName:
		return "Invalid ICCID", fmt.Sprintf("%s. A card is named by its ICCID, as PROVIDER/ICCID, by its address, or by a glob over these.", spec.Capital(r.Why))
	case run.SeveralNamed:
		return "Which card is meant?", severalNamed(r)
	case run.SeveralRows:
		return "The state has a card at several provider blocks", severalRows(r.Rows)
	case run.SeveralSpellings:
		return "Which card is meant?", severalSpellings(r.Rows)
	case run.NothingInDoubt:
		return "Nothing is in doubt", fmt.Sprintf("No outcome of card %s is in doubt.", safe.Text(r.Name))
	case run.BindingInDoubt:
		return "What is true?", fmt.Sprintf("The device of card %s is in doubt: say either -bound-to=IMEI or -unbound.", r.Card)
	case run.BindingNotAsked:
		return "The device is not in doubt", fmt.Sprintf("What is in doubt of card %s is not its device. Run resolve without -bound-to and -unbound: from then on, what the carrier shows is taken for true.", r.Card)
	case run.NoLockToRemove:
		return "Nothing to unlock", "The system drops this backend's lock with the process that holds it: where the state is locked, that run is alive. Wait for it, or end it."
	case run.NeedsLock:
		return "This state can't go without its lock", "Each write to this backend names the lock of its run, so that no run undoes what another one wrote; -lock=false can't be had here. Leave it out. " +
			"A lock that a dead run left runs out by itself, and cardfleet force-unlock LOCKID removes it at once."
	case run.NotLocked:
		return "The state is not locked", "There is no lock to remove."
	case run.OtherLock:
		return "Another lock", fmt.Sprintf("The state's lock is not %s but %s, which %s holds (%s). Nothing was unlocked.",
			safe.Text(r.Name), safe.Text(r.Lock.ID), safe.Text(r.Lock.Who), safe.Text(r.Lock.Operation))
	case run.NoHistory:
		return "No history", "This backend keeps no older snapshots of its own."
	case run.NoList:
		return "Carrier can't list its cards", fmt.Sprintf("Provider %s has no way to list the account's cards. Name them in a file, one ICCID a line, with -iccids=FILE.", r.Name)
	case run.Incomplete:
		return "The plan is incomplete", fmt.Sprintf("Nothing was changed, since %s could not be read at all. Once it answers, run apply again; to go on without it, add -skip-unread.", unread(r.Plan.Head()))
	case run.NoSuchVersion:
		return "No such version", fmt.Sprintf("The history has no version %s. cardfleet state history lists those it has.", r.Name)
	default:
		return otherState(r)
	}
}

// otherState words the refusals of a state that was given, by what it is and
// what the state is.
func otherState(r *run.Refusal) (summary, detail string) {
	switch r.Reason {
	case run.StateGone:
		return "The state is not there", stateGone(r.Absent)
	case run.PlanOfOtherDefinition:
		return "Plan of another definition", fmt.Sprintf("The plan was made with another definition of the carrier %s than the configuration has now, and a definition is code: what was reviewed isn't what would be sent. Make the plan again.",
			safe.Text(r.Name))
	case run.PlanOfOtherState:
		return "Plan of another state", fmt.Sprintf("The plan was made from a state of lineage %s, but this state's lineage is %s: it belongs to another fleet, or the state was made anew. Make the plan again.",
			safe.Text(r.Given.Lineage), orNone(r.Found.Lineage))
	case run.OtherFormat:
		return "Unknown state format", fmt.Sprintf("%s has format_version %q, and this program reads %s.", r.Name, r.Format, run.PulledVersion)
	case run.OtherLineage:
		return "State of another lineage", fmt.Sprintf("The file is of lineage %s, but this state's lineage is %s: it belongs to another fleet, or one of them was made anew. -force pushes it anyway.",
			orNone(r.Given.Lineage), orNone(r.Found.Lineage))
	case run.OlderState:
		return "The state is newer", fmt.Sprintf("The file was made from serial %d, and the state has serial %d by now: pull it again, and make your change to that. -force pushes the file anyway.",
			r.Given.Serial, r.Found.Serial)
	case run.ChangedState:
		return "The state is newer", "Since the file was made, a run has recorded changes in the journal (or the file is no output of state pull, and can't say what it was made from). Pull the state again, and make your change to that. -force pushes the file anyway."
	case run.NothingToMigrate:
		return "Nothing to migrate", "The old state is empty. Look whether the folder and its backend block are the right ones."
	case run.StateNotEmpty:
		return "The state is not empty", fmt.Sprintf("The backend has a state already: %s, serial %d, lineage %s. -force replaces it by the copy, which then has its lineage; what it was is in the history.",
			countCards(r.Found.Cards), r.Found.Serial, orNone(r.Found.Lineage))
	case run.CopyDiffers:
		return "The copy is not the same", fmt.Sprintf("What was read back has digest %s, and what was written has %s. Go on with the old state, which is as it was.", r.Found.Digest, r.Given.Digest)
	default:
		return "", ""
	}
}

// notInState is what is said of a card that the state doesn't have.
func notInState(name string) string {
	return fmt.Sprintf("The state has no card %s. cardfleet state list shows those it has.", name)
}

// unread names the carriers that could not be read at all.
func unread(p *plan.Plan) string {
	names := make([]string, 0, len(p.Incomplete))
	for _, inc := range p.Incomplete {
		names = append(names, string(inc.Provider))
	}
	return strings.Join(names, ", ")
}

// unapproved says which actions lack an approval, and why.
func unapproved(from plan.Source) spec.Diagnostic {
	const shown = 20
	p := from.Head()
	remedy := "Add the approval blocks that the plan shows."
	if unbinds := p.Summary().ByKind[spec.Unbind]; unbinds.Approved < unbinds.Guarded {
		remedy = "Add the approval blocks that the plan shows, or -approve-unbind=ICCID=IMEI for each unbind."
	}
	if p.Policy.SignersOnly {
		remedy = "Only signed approvals count here: cardfleet approve PLANFILE signs a saved plan."
	}
	lines := lackingApproval(from, shown)
	return spec.Diagnostic{
		Summary: "Approvals are missing",
		Detail: "Nothing was changed. These actions need a person's approval of exactly this card and device:\n" + strings.Join(lines, "\n") +
			"\n" + remedy + " -skip-unapproved runs the rest without them. -auto-approve never stands in for an approval.",
	}
}

// lackingApproval lists the guarded actions that lack an approval, with the
// reason, up to so many; the others are counted.
func lackingApproval(p plan.Source, limit int) []string {
	var lines []string
	n := 0
	err := p.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			a := &c.Actions[i]
			if !a.Guarded || a.Approved {
				continue
			}
			if n++; n <= limit {
				lines = append(lines, fmt.Sprintf("  %s: %s: %s", cardOf(c), safe.Text(a.Change.String()), safe.Text(a.Denial)))
			}
		}
		return nil
	})
	if err != nil {
		lines = append(lines, fmt.Sprintf("  … and more, which can't be read: %v", err))
	}
	if n > limit {
		lines = append(lines, fmt.Sprintf("  … and %d more", n-limit))
	}
	return lines
}

// mostRows is how many rows of doubled cards an error lists.
const mostRows = 20

// severalRows says what is to be done about cards with several rows.
func severalRows(rows []spec.CardID) string {
	var b strings.Builder
	b.WriteString("A card is one card, and a state of an older version may have it at several provider blocks. The row is kept whose block declares the card; " +
		"of these cards several of the blocks do, or none:\n")
	listRows(&b, rows, ": cardfleet state list shows all")
	b.WriteString("Say of each card which rows are wrong, with: cardfleet state rm PROVIDER/ICCID. It only forgets a row: the card itself stays as it is.")
	return b.String()
}

// listRows writes a line a row, and how many more there are, with where these are seen.
func listRows(b *strings.Builder, rows []spec.CardID, where string) {
	for _, id := range rows[:min(len(rows), mostRows)] {
		b.WriteString("  " + rowName(id) + "\n")
	}
	if more := len(rows) - mostRows; more > 0 {
		fmt.Fprintf(b, "  and %d more%s.\n", more, where)
	}
}

// severalSpellings says what is to be done about cards of the state that may be
// a card which is declared in another spelling.
func severalSpellings(rows []spec.CardID) string {
	var b strings.Builder
	b.WriteString("An ICCID of 19 characters and one of 20 that agree in 19 may be one card, whose check digit is left out. Of these cards of the state it can't be told which one a card block means:\n")
	listRows(&b, rows, "")
	b.WriteString("Nothing was planned. Declare each of them as the state has it; or have the wrong one forgotten, with: cardfleet state rm ICCID. The card itself stays as it is.")
	return b.String()
}

// severalNamed says which cards a name may mean that has to be of one.
func severalNamed(r *run.Refusal) string {
	names := make([]string, 0, mostRows)
	for _, id := range r.Rows[:min(len(r.Rows), mostRows)] {
		names = append(names, rowName(id))
	}
	more := ""
	if n := len(r.Rows) - mostRows; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s may be each of %s%s. Nothing was changed. Name one of them in full.", safe.Text(r.Name), strings.Join(names, ", "), more)
}

// rowName is how a card of one provider block is named; the ICCID for one of any.
func rowName(id spec.CardID) string {
	if id.Provider == "" {
		return safe.Text(string(id.ICCID))
	}
	return safe.Text(string(id.Provider) + "/" + string(id.ICCID))
}
