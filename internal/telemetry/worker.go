package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Crew is what a worker knows of itself and of the accounts, whoever has them.
type Crew struct {
	Held int // accounts that the worker holds
	// Answered is since when the database has not answered.
	Answered time.Duration
	Accounts []Account // by name
}

// Account is one that has work, or that somebody holds.
type Account struct {
	Name           string
	Ready, Waiting int  // actions that could start now, and that may not yet
	Mine           bool // the worker holds it
	// Lease is the time since its lease was renewed; Alone for how long it has had work
	// and no holder.
	Lease, Alone time.Duration
}

// Watch has a worker be looked at each time that somebody asks for the metrics. look
// may be called by any goroutine; ok is false before the worker works.
func (t *Telemetry) Watch(look func() (c Crew, ok bool)) error {
	if t == nil {
		return nil
	}
	errs := make([]error, 5)
	gauge := func(i int, name, unit, text string) (g metric.Float64ObservableGauge) {
		g, errs[i] = t.meter.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(text))
		return g
	}
	held := gauge(0, "cardfleet.worker.accounts", "{account}", "Accounts that this worker holds.")
	answered := gauge(1, "cardfleet.worker.database.age", "s", "Since the database last answered this worker.")
	lease := gauge(2, "cardfleet.worker.lease.age", "s", "Since the lease of an account that this worker holds was renewed.")
	actions := gauge(3, "cardfleet.account.actions", "{action}", "Actions of an account that were handed over and not begun: ready, or waiting for their time.")
	alone := gauge(4, "cardfleet.account.unheld", "s", "For how long an account has had work that could start, and no worker; 0 where one has it.")
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := t.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		c, ok := look()
		if !ok {
			return nil
		}
		o.ObserveFloat64(held, float64(c.Held))
		o.ObserveFloat64(answered, c.Answered.Seconds())
		for _, a := range c.Accounts {
			of := attribute.String("account", a.Name)
			if a.Mine {
				o.ObserveFloat64(lease, a.Lease.Seconds(), metric.WithAttributes(of))
			}
			o.ObserveFloat64(alone, a.Alone.Seconds(), metric.WithAttributes(of))
			o.ObserveFloat64(actions, float64(a.Ready), metric.WithAttributes(of, attribute.String("state", "ready")))
			o.ObserveFloat64(actions, float64(a.Waiting), metric.WithAttributes(of, attribute.String("state", "waiting")))
		}
		return nil
	}, held, answered, lease, actions, alone)
	return err
}

// Stuck counts that a run can't go on in an account.
func (t *Telemetry) Stuck(account string) {
	if t != nil {
		t.stuck.Add(context.Background(), 1, metric.WithAttributes(attribute.String("account", account)))
	}
}
