package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

func iccid(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("898600%014d", i)) }
func imei(i int) spec.IMEI   { return spec.IMEI(fmt.Sprintf("86%012d0", i)) }

// stateFile is the state's name beside the configuration.
const stateFile = "fleet.state"

// writeFleet declares n cards in a folder, as the row wants them, behind the
// carrier at base.
func writeFleet(dir string, r row, n int, base string) error {
	if r.keyed() {
		if err := writeTo(filepath.Join(dir, "cards.csv"), func(w io.Writer) { writeTable(w, r, n) }); err != nil {
			return err
		}
	}
	if err := writeNewer(dir, r, n, base); err != nil {
		return err
	}
	return writeTo(filepath.Join(dir, "main.fleet.hcl"), func(w io.Writer) {
		writeProvider(w, r, n, base)
		if r.shape == "list" {
			return // the table alone
		}
		if r.keyed() {
			writeBlockOfTable(w, r)
			return
		}
		for i := range n {
			fmt.Fprintf(w, "card \"c%d\" {\n  iccid  = %q\n  imei   = %q\n  active = %t\n}\n", i, iccid(i), imei(i), r.active(i, n))
		}
	})
}

// writeNewer writes the fleet without cards that a state is moved to, where the row does so.
func writeNewer(dir string, r row, n int, base string) error {
	if !r.once {
		return nil
	}
	if err := os.Mkdir(filepath.Join(dir, newer), 0o700); err != nil {
		return err
	}
	return writeTo(filepath.Join(dir, newer, "main.fleet.hcl"), func(w io.Writer) { writeProvider(w, r, n, base) })
}

func writeTo(path string, write func(io.Writer)) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	write(w)
	if err := w.Flush(); err != nil {
		_ = f.Close() // the failed write is the news
		return err
	}
	return f.Close()
}

func writeTable(w io.Writer, r row, n int) {
	fmt.Fprint(w, "iccid,imei,active\n")
	for i := range n {
		fmt.Fprintf(w, "%s,%s,%t\n", iccid(i), imei(i), r.active(i, n))
	}
}

// active reports whether card i of n stays in service.
func (r row) active(i, n int) bool {
	changes := int(r.changes * float64(n))
	return changes == 0 || i%(n/changes) != 0
}

// writeProvider writes the block that reaches the simulated carrier, and a
// policy that lets every card be stopped.
func writeProvider(w io.Writer, r row, n int, base string) {
	fmt.Fprintf(w, "provider %q {\n  requests_per_second = %d\n  max_in_flight       = %d\n", r.provider(), rate(n), inFlight)
	for _, c := range all.Simulators(&carriersim.World{}) {
		if c.Type != r.provider() {
			continue
		}
		for _, s := range c.Services {
			fmt.Fprintf(w, "  %s = %q\n", s.Setting, base+s.Path)
		}
		fmt.Fprintf(w, "  %s = %q\n  %s = %q\n", c.IDSetting, carriersim.TestID, c.SecretSetting, carriersim.TestSecret)
		if c.KeySetting != "" {
			fmt.Fprintf(w, "  %s = %q\n", c.KeySetting, carriersim.TestKey)
		}
	}
	guard := ""
	if r.guarded {
		guard = "    guard = [\"stop\"]\n"
	}
	fmt.Fprintf(w, "}\n\nfleet {\n  policy {\n%s    limit \"stop\" { percent = 100 }\n  }\n}\n\n", guard)
}

func writeBlockOfTable(w io.Writer, r row) {
	rows := `from_csv = "cards.csv"`
	if r.shape == "for_each" {
		rows = `for_each = { for row in csvdecode(file("cards.csv")) : row.iccid => row }`
	}
	fmt.Fprintf(w, "card \"c\" {\n  %s\n\n  iccid  = each.value.iccid\n", rows)
	if r.binds() {
		fmt.Fprint(w, "  imei   = each.value.imei\n")
	}
	if r.labelled {
		fmt.Fprint(w, "  labels = { lot = each.value.active }\n")
	}
	fmt.Fprint(w, "  active = each.value.active == \"true\"\n}\n")
}

// writeState is the state of n cards that are all in service and as declared,
// each read at a time of its own.
func writeState(ctx context.Context, path string, r row, n int) error {
	read := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	cards := make([]state.Card, n)
	for i := range cards {
		address := fmt.Sprintf("card.c%d", i)
		if r.keyed() {
			address = fmt.Sprintf("card.c[%q]", iccid(i))
		}
		cards[i] = state.Card{
			Provider: spec.ProviderName(r.provider()), ICCID: iccid(i), Address: address,
			Last: state.Last{At: read.Add(time.Duration(i) * time.Millisecond), Status: wordsOf(r.provider()), Lifecycle: spec.Active, Has: spec.AttrActive},
		}
		if r.binds() {
			cards[i].Binding = state.BoundTo(imei(i))
		}
	}
	backend := local.New(path, state.Env{Now: time.Now, Random: func(p []byte) { rand.Read(p) }, Version: "measure"}) //nolint:errcheck // crypto/rand.Read never fails
	unlock, err := backend.Lock(ctx, state.LockInfo{ID: "measure"})
	if err != nil {
		return err
	}
	if err := backend.Commit(ctx, &state.Snapshot{}, state.Edits{Put: cards}); err != nil {
		_ = unlock() // the failed commit is the news
		return err
	}
	return unlock()
}

// wordsOf is what a simulated carrier says of a card in service.
func wordsOf(carrier string) string {
	if carrier == "xuyu" {
		return "2"
	}
	return "正常"
}

// described are the cards as the carrier has them. A carrier with a list lists
// what is described; the others have any card that is asked for.
func described(r row, n int) *carriersim.World {
	w := &carriersim.World{Open: true}
	if r.carrier == "" {
		return w
	}
	w.Cards = make([]carriersim.Card, n)
	for i := range w.Cards {
		w.Cards[i] = carriersim.Card{ICCID: iccid(i), IMEI: imei(i), MSISDN: fmt.Sprintf("1064%09d", i)}
	}
	return w
}
