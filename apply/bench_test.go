package apply_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

// steady is a carrier that takes so many changes a second, and answers each
// one after a while. It reports nothing, so that a change is one call.
type steady struct{ limiter *rate.Limiter }

func (p steady) Capabilities() spec.Capabilities { return spec.Capabilities{} }

func (p steady) Read(context.Context, spec.ICCID, spec.Attr) (spec.Reading, error) {
	panic("it reports nothing")
}

func (p steady) Do(ctx context.Context, _ providers.Change) (providers.Receipt, error) {
	if err := p.limiter.Wait(ctx); err != nil {
		return providers.Receipt{}, err
	}
	time.Sleep(20 * time.Millisecond) // the carrier's time to answer: a benchmark measures real time
	return providers.Receipt{RequestID: "8906"}, nil
}

// instant is a carrier that takes every change at once.
type instant struct{ steady }

func (instant) Do(context.Context, providers.Change) (providers.Receipt, error) {
	return providers.Receipt{RequestID: "8906"}, nil
}

// BenchmarkRun is what a run does beside calls and disk: the cost for each
// action has to stay flat.
func BenchmarkRun(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o := rebindings(n)
			o.Providers = map[spec.ProviderName]providers.Provider{aliyun: instant{}}
			b.ReportAllocs()
			for b.Loop() {
				o.Journal = &memory{}
				require.Equal(b, n, apply.Run(b.Context(), o).Count(apply.Done))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/action")
		})
	}
}

// BenchmarkRefresh takes readings of which a tenth is news into the state.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			prior, fleet := &state.Snapshot{}, &spec.Fleet{}
			live := make([]spec.Reading, n)
			for i := range n {
				iccid := spec.ICCID(fmt.Sprintf("898600%014d", i))
				block := &spec.Block{Name: "c"}
				fleet.Cards = append(fleet.Cards, spec.Card{Provider: aliyun, ICCID: iccid, Block: block})
				live[i] = spec.Reading{Provider: aliyun, ICCID: iccid, At: start, Status: "正常", Lifecycle: spec.Active, Has: spec.AttrActive}
				prior.Cards = append(prior.Cards, state.Card{
					Provider: aliyun, ICCID: iccid, Address: fleet.Cards[i].Address(),
					Last: state.Last{At: start, Status: "正常", Lifecycle: spec.Active, Has: spec.AttrActive},
				})
				if i%10 == 0 {
					live[i].At = start.Add(time.Minute)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				require.Len(b, apply.Refresh(prior, fleet, live, nil).Put, n/10)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/card")
		})
	}
}

// BenchmarkJournal applies as many actions as it is told, at 1,000 a second,
// with a journal in memory and with one on disk: what the disk costs of the
// rate is its share of durability. Run it with -benchtime 10000x.
func BenchmarkJournal(b *testing.B) {
	for name, journal := range map[string]func(b *testing.B) state.Journal{
		"memory": func(*testing.B) state.Journal { return &memory{} },
		"local": func(b *testing.B) state.Journal {
			backend := local.New(filepath.Join(b.TempDir(), "fleet.state"), state.Env{Now: time.Now, Random: func(p []byte) { _, _ = rand.Read(p) }, Version: "test"})
			j, err := backend.Journal(b.Context())
			require.NoError(b, err)
			return j
		},
	} {
		b.Run(name, func(b *testing.B) {
			const perSecond = 1000
			o := rebindings(b.N)
			o.Journal = journal(b)
			o.Providers = map[spec.ProviderName]providers.Provider{aliyun: steady{rate.NewLimiter(perSecond, perSecond/20)}}
			b.ResetTimer()
			report := apply.Run(b.Context(), o)
			b.StopTimer()
			require.NoError(b, report.Broken)
			require.Equal(b, b.N, report.Count(apply.Done))
			require.NoError(b, o.Journal.Close())
			reached := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(reached, "actions/s")
			b.ReportMetric(100*reached/perSecond, "%-of-rate")
		})
	}
}

// rebindings is a plan of n cards that each get another device.
func rebindings(n int) apply.Options {
	prior := &state.Snapshot{Lineage: "l", Serial: 1}
	p := &plan.Plan{Lineage: "l", Serial: 1}
	for i := range n {
		iccid := spec.ICCID(fmt.Sprintf("898600%014d", i))
		prior.Cards = append(prior.Cards, state.Card{Provider: aliyun, ICCID: iccid, Binding: state.BoundTo(device(i))})
		p.Cards = append(p.Cards, plan.Card{Provider: aliyun, ICCID: iccid, Actions: []plan.Action{
			{ID: fmt.Sprintf("a%d", i+1), Change: spec.Change{Kind: spec.ChangeBind, From: string(device(i)), To: string(device(n + i))}},
		}})
	}
	return apply.Options{Plan: p, Memory: apply.MemoryIn(prior, state.Edits{}), Parallel: 100, Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }}
}
