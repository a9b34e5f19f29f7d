package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

// fleetShapes are the three ways to declare the same n cards.
func fleetShapes() map[string]func(dir string, n int) error {
	const provider = "provider \"aliyun\" {\n  endpoint = \"http://127.0.0.1:9\"\n  access_key_id = \"id\"\n  access_key_secret = \"secret\"\n}\n"
	table := func(dir string, n int) error {
		var b bytes.Buffer
		b.WriteString("iccid,imei,active\n")
		for i := range n {
			fmt.Fprintf(&b, "%s,%s,true\n", benchICCID(i), benchIMEI(i))
		}
		return os.WriteFile(filepath.Join(dir, "cards.csv"), b.Bytes(), 0o600)
	}
	write := func(dir, text string) error {
		return os.WriteFile(filepath.Join(dir, "main.fleet.hcl"), []byte(provider+text), 0o600)
	}
	return map[string]func(string, int) error{
		"blocks": func(dir string, n int) error {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "card \"c%d\" {\n  iccid  = %q\n  imei   = %q\n  active = true\n}\n", i, benchICCID(i), benchIMEI(i))
			}
			return write(dir, b.String())
		},
		"for_each": func(dir string, n int) error {
			if err := table(dir, n); err != nil {
				return err
			}
			return write(dir, `card "c" {
  for_each = { for row in csvdecode(file("cards.csv")) : row.iccid => row }
  iccid    = each.value.iccid
  imei     = each.value.imei
  active   = each.value.active
}
`)
		},
		"from_csv": func(dir string, n int) error {
			if err := table(dir, n); err != nil {
				return err
			}
			return write(dir, `card "c" {
  from_csv = "cards.csv"
  iccid    = each.value.iccid
  imei     = each.value.imei
  active   = each.value.active
}
`)
		},
	}
}

func benchICCID(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("898600%014d", i)) }
func benchIMEI(i int) spec.IMEI   { return spec.IMEI(fmt.Sprintf("86%012d0", i)) }

// managed is the state of n cards as they are declared.
func managed(dir string, n int) error {
	snap := &state.Snapshot{}
	read := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for i := range n {
		snap.Cards = append(snap.Cards, state.Card{
			Provider: "aliyun", ICCID: benchICCID(i), Address: fmt.Sprintf("card.c%d", i), Binding: state.BoundTo(benchIMEI(i)),
			Last: state.Last{At: read, Status: "正常", Lifecycle: spec.Active, Has: spec.AttrActive},
		})
	}
	b := local.New(filepath.Join(dir, "fleet.state"), state.Env{Now: time.Now, Random: fill, Version: cli.Version})
	unlock, err := b.Lock(context.Background(), state.LockInfo{ID: "bench"})
	if err != nil {
		return err
	}
	if err := b.Commit(context.Background(), &state.Snapshot{}, state.Edits{Put: snap.Cards}); err != nil {
		return err
	}
	return unlock()
}

// BenchmarkFleet is what validate and a plan without a refresh cost for each
// card, whichever way the cards are declared. The cost for each card has to
// stay flat as the fleet grows.
func BenchmarkFleet(b *testing.B) {
	for _, command := range [][]string{{"validate"}, {"plan", "-refresh=false"}} {
		for _, shape := range []string{"blocks", "for_each", "from_csv"} {
			for _, n := range []int{1000, 10_000, 100_000, 1_000_000} {
				b.Run(fmt.Sprintf("%s/%s/%d", command[0], shape, n), func(b *testing.B) {
					dir := b.TempDir()
					require.NoError(b, fleetShapes()[shape](dir, n))
					require.NoError(b, managed(dir, n))
					env := &cli.Env{
						Dir: dir, Out: io.Discard, Err: io.Discard, LookupEnv: func(string) (string, bool) { return "", false },
						Now: time.Now, Random: fill,
					}
					b.ReportAllocs()
					before := cpuTime()
					for b.Loop() {
						require.Zero(b, cli.Run(context.Background(), command, env))
					}
					cards := float64(n) * float64(b.N)
					b.ReportMetric(float64((cpuTime()-before).Microseconds())/cards, "cpu-µs/card")
				})
			}
		}
	}
}
