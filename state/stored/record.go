package stored

import (
	"errors"
	"fmt"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// checkRecord refuses a record that can't be understood.
func checkRecord(r *state.Record) error {
	switch {
	case r.Version < state.FirstRecordVersion || r.Version > state.RecordVersion:
		return fmt.Errorf("it has version %d, and this program knows versions %d to %d: use the version of cardfleet that wrote it, or a newer one",
			r.Version, state.FirstRecordVersion, state.RecordVersion)
	case r.Type == state.CommitRecord:
		return checkCommit(r)
	case r.Type == state.RunRecord:
		return checkRun(r)
	case r.ID() == spec.CardID{}:
		return fmt.Errorf("the %s names no card", r.Type)
	case r.ICCID != "" && r.ID() != spec.CardID{Provider: r.Provider, ICCID: r.ICCID}:
		return fmt.Errorf("the %s of %s/%s holds %s/%s", r.Type, r.Provider, r.ICCID, r.Card.Provider, r.Card.ICCID)
	}
	return checkType(r)
}

func checkType(r *state.Record) error {
	switch r.Type {
	case state.IntentRecord:
		if r.Intent == nil {
			return fmt.Errorf("the intent for card %s doesn't say what", r.ICCID)
		}
	case state.PutRecord:
		if r.Card == nil {
			return fmt.Errorf("the put of card %s holds no card", r.ICCID)
		}
	case state.OutcomeRecord, state.DropRecord:
	default:
		return fmt.Errorf("its type %q is unknown", r.Type)
	}
	return nil
}

func checkCommit(r *state.Record) error {
	if r.Commit == nil {
		return errors.New("the commit doesn't say what")
	}
	if r.Version == state.FirstRecordVersion {
		return checkRows(r.Commit)
	}
	return r.Commit.Check()
}

// checkRows is the check of a commit of version 1, which has rows by provider
// and ICCID.
func checkRows(c *state.Commit) error {
	for i := range c.Put {
		if err := state.CheckID(c.Put[i].ID()); err != nil {
			return err
		}
	}
	for _, id := range c.Drop {
		if err := state.CheckID(id); err != nil {
			return err
		}
	}
	return nil
}

func checkRun(r *state.Record) error {
	if r.Run == nil || r.Run.ID == "" {
		return errors.New("the run doesn't say which")
	}
	return nil
}

// doubtOf is what is left of an intent that nothing ended.
func doubtOf(r *state.Record) state.Doubt {
	d := state.Doubt{Change: r.Intent.Change, Key: r.Intent.Key, Ticket: r.Intent.Ticket, Accepted: r.Intent.Accepted, Since: r.At, Reason: unanswered}
	if d.Accepted {
		d.Reason = acceptedUnseen
	}
	return d
}
