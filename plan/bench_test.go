package plan_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// bigFleet has n cards, of which a tenth changes: stops, subscriptions, and
// chains of five cards that pass their devices on.
func bigFleet(n int) plan.Input {
	block := &spec.Block{Name: "bike", Keyed: true, Table: &spec.BlockTable{CSV: "bikes.csv"}}
	fleet := &spec.Fleet{Providers: []spec.ProviderConfig{{Name: aliyun}}}
	prior := &state.Snapshot{Lineage: "l", Cards: make([]state.Card, 0, n)}
	in := plan.Input{Fleet: fleet, Prior: prior, Now: now, Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: dyiotapi()}}
	imei := func(i int) spec.IMEI { return spec.IMEI(fmt.Sprintf("86%012d0", i)) }
	for i := range n {
		iccid := spec.ICCID(fmt.Sprintf("898600%014d", i))
		c := spec.Card{Provider: aliyun, ICCID: iccid, Block: block, Key: string(iccid), Row: i + 2, IMEI: imei(i), Active: spec.On, Packages: []string{"10002"}}
		packages := []spec.Package{{ID: "10002"}}
		switch k := i % 100; {
		case k < 5:
			c.IMEI = imei(i + 1) // a chain: each takes the device of the next
		case k == 5:
			c.IMEI = imei(i + n)
		case k < 8:
			c.Active = spec.Off
		case k < 10:
			packages = nil
		}
		if i%100 == 5 { // the end of the chain takes a new device
			c.IMEI = imei(10*n + i)
		}
		fleet.Cards = append(fleet.Cards, c)
		prior.Cards = append(prior.Cards, state.Card{Provider: aliyun, ICCID: iccid, Binding: state.BoundTo(imei(i)),
			Last: state.Last{At: now.Add(-1), Lifecycle: spec.Active, Has: spec.AttrActive | spec.AttrPackages, Packages: packages}})
		in.Live = append(in.Live, spec.Reading{Provider: aliyun, ICCID: iccid, At: now, Lifecycle: spec.Active, Status: "正常", Has: spec.AttrActive | spec.AttrPackages, Packages: packages})
	}
	return in
}

// BenchmarkMake is the difference, its order and its guard: 100,000 cards have
// 10,000 changes and 1,000 chains. The cost for each card has to stay flat.
func BenchmarkMake(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			in := bigFleet(n)
			b.ReportAllocs()
			for b.Loop() {
				p, diags := plan.Make(in)
				require.Empty(b, diags)
				require.Equal(b, n/10, n-p.Unchanged)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/card")
		})
	}
}

// BenchmarkFile writes and reads saved plans in which every card has a change.
func BenchmarkFile(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		p := changeAll(b, n)
		var file bytes.Buffer
		_, err := plan.Write(&file, p)
		require.NoError(b, err)
		report := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/card")
			b.ReportMetric(float64(file.Len())/float64(n), "B/card")
		}
		b.Run(fmt.Sprintf("write/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := plan.Write(io.Discard, p)
				require.NoError(b, err)
			}
			report(b)
		})
		b.Run(fmt.Sprintf("read/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, err := plan.Read(bytes.NewReader(file.Bytes()))
				require.NoError(b, err)
			}
			report(b)
		})
	}
}

// changeAll is a plan that stops n cards.
func changeAll(b *testing.B, n int) *plan.Plan {
	in := bigFleet(n)
	for i := range in.Fleet.Cards {
		c := &in.Fleet.Cards[i]
		c.IMEI, c.Active, c.Packages = in.Prior.Cards[i].Binding.IMEI, spec.Off, nil
	}
	p, diags := plan.Make(in)
	require.Empty(b, diags)
	require.Zero(b, p.Unchanged)
	return p
}
