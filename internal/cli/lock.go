package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// lock takes the state's lock for an apply, and says whom it waits for. With
// -lock=false it takes none, and says that.
func (s *session) lock(ctx context.Context, o runOptions) (held context.Context, unlock func() error, err error) {
	if o.lock {
		return s.run.Hold(ctx, "apply", state.Patience{For: o.lockTimeout, Waits: s.out.waitsForLock})
	}
	if err := s.run.HoldNothing(); err != nil {
		return nil, nil, err
	}
	s.out.diagnostics(spec.Diagnostics{{
		Severity: spec.Warning, Summary: "The state is not locked",
		Detail: "With -lock=false nothing keeps another run from changing the same state and the same cards meanwhile: what either of them records may get lost, and a card may be changed twice. Be sure that there is none.",
	}})
	return ctx, func() error { return nil }, nil
}

// waitsForLock says whom a run waits for, and for how long.
func (o *output) waitsForLock(held *state.LockedError, waited, left time.Duration) {
	longest := max(left.Round(time.Second), time.Second)
	text := fmt.Sprintf("Waiting for the state's lock, up to %s: %s.", longest, holderText(held.Holder))
	if waited > 0 {
		text = fmt.Sprintf("Still waiting for the state's lock, %s by now and up to %s more: %s.", waited.Round(time.Second), longest, holderText(held.Holder))
	}
	o.event("info", "waiting", text, map[string]any{
		"for": "lock", "lock": lockFields(held.Holder), "waited_seconds": waited.Seconds(), "left_seconds": left.Seconds(),
	})
	o.say("%s\n", text)
}

func lockFields(h state.LockInfo) map[string]any {
	fields := map[string]any{}
	for name, value := range map[string]string{"id": h.ID, "who": h.Who, "operation": h.Operation, "info": h.Info} {
		if value != "" {
			fields[name] = value
		}
	}
	if !h.Created.IsZero() {
		fields["since"] = h.Created.UTC()
	}
	return fields
}

// holderText is "ci@runner-7 has it since 2026-11-21T20:00:00Z (apply)".
func holderText(h state.LockInfo) string {
	if h.ID == "" {
		return "another run has it, and nobody says which"
	}
	since := ""
	if !h.Created.IsZero() {
		since = " since " + h.Created.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s has it%s (%s)", safe.Text(cmp.Or(h.Who, "somebody")), since, safe.Text(cmp.Or(h.Operation, "unknown operation")))
}

// lockedEnding is how a command ended that another run's lock kept out: as
// interrupted where it was told to stop while it waited.
func lockedEnding(locked *state.LockedError, err error, interrupted bool) ending {
	if interrupted && errors.Is(err, context.Canceled) {
		return ending{exitInterrupted, spec.Diagnostics{{
			Summary: "Interrupted", Detail: fmt.Sprintf("Nothing was changed: the run still waited for the state's lock, and %s.", holderText(locked.Holder)),
		}}}
	}
	return ending{exitLocked, spec.Diagnostics{lockedDiagnostic(locked)}}
}

// lockedDiagnostic says who holds the lock, for how long yet, and what can be done.
func lockedDiagnostic(l *state.LockedError) spec.Diagnostic {
	detail := "Another run holds the state's lock; whose it is, nobody says."
	if h := l.Holder; h.ID != "" {
		lines := []string{"Another run holds the state's lock:"}
		add := func(name, value string) {
			if value != "" {
				lines = append(lines, fmt.Sprintf("  %-10s %s", name+":", safe.Text(value)))
			}
		}
		add("ID", h.ID)
		add("Who", h.Who)
		add("Operation", h.Operation)
		if !h.Created.IsZero() {
			add("Since", h.Created.UTC().Format(time.RFC3339))
		}
		add("Path", h.Path)
		add("Info", h.Info)
		renewed, runsOut := leaseTexts(l)
		add("Renewed", renewed)
		add("Runs out", runsOut)
		detail = strings.Join(lines, "\n")
	}
	return spec.Diagnostic{
		Summary: "The state is locked by another run",
		Detail:  detail + "\nWait for that run to end: apply waits by itself with -lock-timeout=5m.\n" + remedy(l),
	}
}

// leaseTexts say when a lock was renewed, and when it runs out by itself.
func leaseTexts(l *state.LockedError) (renewed, runsOut string) {
	lease := l.Lease
	switch {
	case l.End == state.WithProcess:
		return "", "never while that run lives; the system drops it with the process that holds it"
	case l.End == state.NeverEnds:
		return "never: this lock isn't renewed", "never by itself"
	case lease.Expires.IsZero():
		return "", "by itself, once it isn't renewed any more"
	}
	ago, left := lease.Seen.Sub(lease.Renewed), lease.Expires.Sub(lease.Seen)
	return fmt.Sprintf("%s, %s ago", lease.Renewed.UTC().Format(time.RFC3339), render.Duration(max(ago, 0))),
		fmt.Sprintf("%s, in %s, unless that run renews it before", lease.Expires.UTC().Format(time.RFC3339), render.Duration(max(left, 0)))
}

// remedy is what can be done where the run that holds the lock is dead.
func remedy(l *state.LockedError) string {
	if l.End == state.WithProcess {
		return "There is nothing to unlock by hand."
	}
	command := "cardfleet force-unlock " + shellWord(cmp.Or(safe.Text(l.Holder.ID), "LOCKID"))
	if l.End == state.RunsOut {
		return "Where it is dead for certain, and you can't wait until the lock runs out:\n  " + command
	}
	return "Where it is dead for certain, remove its lock:\n  " + command
}
