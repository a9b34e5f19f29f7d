package cli

import (
	"fmt"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
)

// refused is a run's refusal in the command line's words, which name options
// and commands.
func refused(r *run.Refusal) ending {
	summary, detail := refusedWords(r)
	return ending{exitFailed, spec.Diagnostics{{Summary: summary, Detail: detail}}}
}

func refusedWords(r *run.Refusal) (summary, detail string) {
	switch r.Reason {
	case run.NotInState:
		return "Card is not in the state", notInState(string(r.Card))
	case run.NothingInDoubt:
		return "Nothing is in doubt", fmt.Sprintf("No outcome of card %s is in doubt.", r.Card)
	case run.BindingInDoubt:
		return "What is true?", fmt.Sprintf("The device of card %s is in doubt: say either -bound-to=IMEI or -unbound.", r.Card)
	case run.BindingNotAsked:
		return "The device is not in doubt", fmt.Sprintf("What is in doubt of card %s is not its device. Run resolve without -bound-to and -unbound: from then on, what the carrier shows is taken for true.", r.Card)
	case run.NoLockToRemove:
		return "Nothing to unlock", "The system drops this backend's lock with the process that holds it: where the state is locked, that run is alive. Wait for it, or end it."
	case run.NotLocked:
		return "The state is not locked", "There is no lock to remove."
	case run.OtherLock:
		return "Another lock", fmt.Sprintf("The state's lock is not %s but %s, which %s holds (%s). Nothing was unlocked.",
			r.Name, r.Lock.ID, r.Lock.Who, r.Lock.Operation)
	case run.NoHistory:
		return "No history", "This backend keeps no older snapshots of its own."
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
