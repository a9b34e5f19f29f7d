package run

import (
	"fmt"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Refusal says that what was asked for doesn't fit what is there. No state was
// changed, but for the one that is given up with [CopyDiffers]. The reason says
// which of the other fields count.
type Refusal struct {
	Reason Reason
	Card   spec.ICCID
	Rows   []spec.CardID  // of cards that stand at several provider blocks, or that one name may mean
	Given  Identity       // of what was to be used
	Found  Identity       // of the state as it is
	Lock   state.LockInfo // that is held
	Plan   plan.Source
	// Unapproved says that guarded actions of the plan lack an approval.
	Unapproved bool
	Absent     *Absence
	Name       string // of the card, file, lock, version or provider that was named
	Why        string // the name is none
	Format     string // of the file
}

// Identity tells one state from others.
type Identity struct {
	Lineage string
	Serial  uint64
	Cards   int
	Digest  string
}

func identityOf(s *state.Snapshot) Identity {
	return Identity{Lineage: s.Lineage, Serial: s.Serial, Cards: len(s.Cards)}
}

// Reason is why a run was refused.
type Reason int

// The reasons, with the fields that count.
const (
	NotInState            Reason = iota // Name
	NoName                              // Name, Why
	SeveralNamed                        // Name, Rows: one card is to be named, and these may be meant
	SeveralRows                         // Rows, Card: the first of them
	SeveralSpellings                    // Rows, Card: the first of them; cards that may be one card
	NothingInDoubt                      // Name
	BindingInDoubt                      // Card: its binding is in doubt, and nobody said what it is
	BindingNotAsked                     // Card: something else is in doubt than the binding that was said
	OtherFormat                         // Name, Format
	OtherLineage                        // Given, Found: lineages
	OlderState                          // Given, Found: serials
	ChangedState                        // Given, Found: the state isn't what the given one was made from
	NothingToMigrate                    // the old state is empty
	StateNotEmpty                       // Found
	CopyDiffers                         // Given, Found: digests
	NoLockToRemove                      // the lock ends with the process that holds it
	NotLocked                           // there is no lock
	NeedsLock                           // the backend can't be written to without its lock
	OtherLock                           // Name, Lock
	NoHistory                           // the backend keeps none
	NoSuchVersion                       // Name
	NoList                              // Name: the provider that can't list its cards
	PlanOfOtherState                    // Given, Found: lineages
	PlanOfOtherDefinition               // Name: a carrier whose definition the plan wasn't made with
	Incomplete                          // Plan: carriers could not be read at all
	NotAllowed                          // Plan, Unapproved: limits are passed, approvals missing, or checks fail
	StateGone                           // Absent: there is no state, and there was one
	endOfReasons
)

// Reasons lists them all.
func Reasons() []Reason {
	list := make([]Reason, 0, endOfReasons)
	for r := range endOfReasons {
		list = append(list, r)
	}
	return list
}

// Error says what was refused, for logs; callers have better words for people.
func (r *Refusal) Error() string {
	switch r.Reason {
	case NotInState:
		return fmt.Sprintf("card %s is not in the state", r.Name)
	case NoName:
		return fmt.Sprintf("%s names no card: %s", r.Name, r.Why)
	case SeveralNamed:
		return fmt.Sprintf("%s names %d cards", r.Name, len(r.Rows))
	case SeveralRows:
		return fmt.Sprintf("the state has card %s at several provider blocks (%d rows of such cards)", r.Card, len(r.Rows))
	case SeveralSpellings:
		return fmt.Sprintf("the state or the configuration has several cards that may be %s in another spelling", r.Card)
	case NothingInDoubt:
		return fmt.Sprintf("no outcome of card %s is in doubt", r.Name)
	case BindingInDoubt:
		return fmt.Sprintf("the binding of card %s is in doubt, and what it is was not said", r.Card)
	case BindingNotAsked:
		return fmt.Sprintf("what is in doubt of card %s is not its binding", r.Card)
	case OtherFormat:
		return fmt.Sprintf("%s has format_version %q", r.Name, r.Format)
	case OtherLineage:
		return fmt.Sprintf("lineage %q was given, and the state's lineage is %q", r.Given.Lineage, r.Found.Lineage)
	case OlderState:
		return fmt.Sprintf("serial %d was given, and the state has serial %d", r.Given.Serial, r.Found.Serial)
	case ChangedState:
		return "the state was changed since the given one was made from it"
	case NothingToMigrate:
		return "the state to migrate is empty"
	case StateNotEmpty:
		return fmt.Sprintf("the state to migrate to has %d cards and serial %d", r.Found.Cards, r.Found.Serial)
	case CopyDiffers:
		return fmt.Sprintf("the copy has digest %s, and what was copied %s", r.Found.Digest, r.Given.Digest)
	case NoLockToRemove:
		return "the backend's lock ends with the process that holds it"
	case NeedsLock:
		return "the backend can't be written to without its lock"
	case NotLocked:
		return state.ErrNotLocked.Error()
	case OtherLock:
		return fmt.Sprintf("the lock is %s, and not %s", r.Lock.ID, r.Name)
	case NoHistory:
		return "the backend keeps no history"
	case NoSuchVersion:
		return fmt.Sprintf("the history has no version %s", r.Name)
	case NoList:
		return fmt.Sprintf("provider %s can't list its cards", r.Name)
	default:
		return r.planError()
	}
}

// planError is Error where the reason is a plan's.
func (r *Refusal) planError() string {
	switch r.Reason {
	case PlanOfOtherDefinition:
		return fmt.Sprintf("the plan was made with another definition of the carrier %s", r.Name)
	case PlanOfOtherState:
		return fmt.Sprintf("the plan is of lineage %q, and the state's lineage is %q", r.Given.Lineage, r.Found.Lineage)
	case Incomplete:
		return "carriers of the plan could not be read at all"
	case NotAllowed:
		return "limits of the policy are passed, approvals are missing, or checks fail"
	case StateGone:
		return fmt.Sprintf("there is no state in %s, and the fleet had one", r.Absent.looked())
	}
	return fmt.Sprintf("refused for reason %d", r.Reason)
}
