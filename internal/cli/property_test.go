package cli_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// drawn is a card as it is at the carrier, and as it is wanted.
type drawn struct {
	iccid    spec.ICCID
	imei     spec.IMEI
	stopped  bool
	packages []string

	wantIMEI     spec.IMEI // "" not managed
	unbind       bool
	wantActive   string // "true", "false", "" not managed
	wantPackages []string
}

func drawFleet(t *rapid.T) []drawn {
	n := rapid.IntRange(1, 6).Draw(t, "cards")
	imei := func(i int) spec.IMEI { return spec.IMEI(fmt.Sprintf("86153603000%03d00", i)) }
	takes := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}).Draw(t, "devices")
	ids := []string{"10001", "10002", "10003"}
	var fleet []drawn
	for i := range n {
		d := drawn{
			iccid:    spec.ICCID(fmt.Sprintf("8986000000000000%04d", i)),
			imei:     imei(i),
			stopped:  rapid.Bool().Draw(t, "stopped"),
			packages: rapid.SliceOfDistinct(rapid.SampledFrom(ids), rapid.ID).Draw(t, "packages"),
		}
		switch rapid.IntRange(0, 4).Draw(t, "binding") {
		case 0:
		case 1:
			d.unbind = true
		default:
			d.wantIMEI = imei(takes[i])
		}
		d.wantActive = rapid.SampledFrom([]string{"", "true", "false"}).Draw(t, "active")
		d.wantPackages = slices.Clone(d.packages)
		for _, id := range ids {
			if !slices.Contains(d.packages, id) && rapid.IntRange(0, 3).Draw(t, "more") == 0 {
				d.wantPackages = append(d.wantPackages, id)
			}
		}
		fleet = append(fleet, d)
	}
	return fleet
}

// hcl declares the card; before the first apply its device is said too.
func (d drawn) hcl(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "card \"c%d\" {\n  iccid = %q\n", i, d.iccid)
	if d.unbind || d.wantIMEI != "" {
		fmt.Fprintf(&b, "  current_imei = %q\n", d.imei) // what isn't managed may go to another card
	}
	switch {
	case d.unbind:
		b.WriteString("  bound = false\n")
	case d.wantIMEI != "":
		fmt.Fprintf(&b, "  imei = %q\n", d.wantIMEI)
	}
	if d.wantActive != "" {
		fmt.Fprintf(&b, "  active = %s\n", d.wantActive)
	}
	fmt.Fprintf(&b, "  packages = [\"%s\"]\n}\n", strings.Join(d.wantPackages, `", "`))
	if len(d.wantPackages) == 0 {
		return strings.Replace(b.String(), `[""]`, "[]", 1)
	}
	return b.String()
}

func drawFaults(t *rapid.T) []carriersim.Fault {
	actions := []string{"", "QueryCardStatus", "QueryIotCardOfferDtl", "DoIotChgBindOrUnBind", "DoIotUserStopResume", "DoIotRecharge", "DoIotIsImeiExist", "DoIotPostImei"}
	kinds := []carriersim.FaultKind{
		carriersim.LostAfter, carriersim.LostBefore, carriersim.HTML5xx, carriersim.Truncated, carriersim.Throttle,
		carriersim.CodeFault("isv.SYSTEM_ERROR"), carriersim.CodeFault("isv.QUERY_ASSETS_ERROR"),
	}
	var faults []carriersim.Fault
	for range rapid.IntRange(0, 4).Draw(t, "faults") {
		faults = append(faults, carriersim.Fault{
			Action: rapid.SampledFrom(actions).Draw(t, "action"),
			Kind:   rapid.SampledFrom(kinds).Draw(t, "kind"),
			Times:  rapid.IntRange(1, 3).Draw(t, "times"),
		})
	}
	return faults
}

// TestAnyFleetIsBroughtToItsDeclaredState draws a fleet, what is wanted of it,
// and faults of the carrier. Whatever goes wrong: a plan makes no changing
// call; once an apply says that all is done, the next plan is empty; and after
// the faults are over, every card is as declared, and nothing was done twice.
func TestAnyFleetIsBroughtToItsDeclaredState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fleet := drawFleet(rt)
		world := &carriersim.World{Record: true, Faults: drawFaults(rt), ShowDelay: carriersim.Duration(rapid.SampledFrom([]time.Duration{0, 0, 2 * time.Second, time.Minute}).Draw(rt, "delay"))}
		r := newRig(t, world)
		var config strings.Builder
		config.WriteString(provider + "fleet {\n  policy {\n    limit \"stop\" { count = 100 }\n  }\n}\n")
		args := []string{"apply", "-auto-approve"}
		for i, d := range fleet {
			card := carriersim.Card{ICCID: d.iccid, IMEI: d.imei}
			if d.stopped {
				card.Status = spec.SuspendedByOwner
			}
			for _, id := range d.packages {
				card.Packages = append(card.Packages, spec.Package{ID: id, Expires: r.clock.Now().AddDate(1, 0, 0)})
			}
			world.Cards = append(world.Cards, card)
			config.WriteString(d.hcl(i))
			if d.unbind {
				args = append(args, "-approve-unbind="+string(d.iccid)+"="+string(d.imei))
			}
		}
		r.write("main.fleet.hcl", config.String())

		r.run("plan")
		if n := changing(world); n > 0 {
			rt.Fatalf("a plan made %d changing calls", n)
		}
		for attempt := range 8 {
			got := r.run(args...)
			if got.code == 0 {
				if again := r.run("plan", "-detailed-exitcode"); again.code != 0 && len(world.Faults) == 0 {
					rt.Fatalf("attempt %d said that all is done, but:\n%s%s", attempt, again.out, again.errors)
				}
			}
			r.clock.Advance(11 * time.Minute) // what is in doubt shows by then
			if got.code == 0 && r.run("plan", "-detailed-exitcode").code == 0 {
				break
			}
		}
		got := r.run("plan", "-detailed-exitcode")
		if got.code != 0 && !strings.Contains(got.out, "Outcome in doubt") {
			rt.Fatalf("the fleet never came to its declared state:\n%s%s", got.out, got.errors)
		}
		checkEffects(rt, world, fleet, strings.Contains(got.out, "Outcome in doubt"))
	})
}

// checkEffects looks at what the carrier did, card by card.
func checkEffects(t *rapid.T, world *carriersim.World, fleet []drawn, doubtful bool) {
	for _, d := range fleet {
		effects := map[string]int{}
		for _, r := range world.Requests() {
			if r.ICCID == d.iccid && r.Effect {
				effects[r.Action+" "+r.Params["OpionType"]+r.Params["OfferIds"]]++
			}
		}
		for what, n := range effects {
			if n > 1 {
				t.Fatalf("card %s: %s had its effect %d times", d.iccid, what, n)
			}
		}
		if doubtful {
			continue
		}
		card, _ := world.Card(d.iccid)
		switch {
		case d.unbind && effects["DoIotChgBindOrUnBind unBind"] != 1:
			t.Fatalf("card %s was not unbound", d.iccid)
		case d.wantIMEI != "" && card.IMEI != d.wantIMEI:
			t.Fatalf("card %s is bound to %s, want %s", d.iccid, card.IMEI, d.wantIMEI)
		case d.wantIMEI == "" && !d.unbind && card.IMEI != d.imei:
			t.Fatalf("card %s is bound to %s, and nobody asked for that", d.iccid, card.IMEI)
		}
		for _, id := range d.wantPackages {
			if !d.unbind && !slices.ContainsFunc(card.Packages, func(p spec.Package) bool { return p.ID == id }) {
				t.Fatalf("card %s has no package %s", d.iccid, id)
			}
		}
	}
}

// TestAPlanIsTheSameWhateverTheOrder shuffles blocks over files, and rows of a
// table: the plan is the same to the letter.
func TestAPlanIsTheSameWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fleet := drawFleet(rt)
		world := &carriersim.World{Open: true}
		first := ""
		for range 2 {
			r := newRig(t, world)
			r.write("providers.fleet.hcl", provider+"fleet {\n  policy {\n    limit \"stop\" { count = 100 } # its message names a file\n  }\n}\n")
			files := map[string]string{}
			rows := []string{}
			for _, i := range rapid.Permutation(numbers(len(fleet))).Draw(rt, "order") {
				file := rapid.SampledFrom([]string{"a.fleet.hcl", "b.fleet.hcl", "c.fleet.hcl"}).Draw(rt, "file")
				files[file] += fleet[i].hcl(i)
				rows = append(rows, fmt.Sprintf("8986000000000001%04d,86153603001%03d00\n", i, i))
			}
			for name, text := range files {
				r.write(name, text)
			}
			r.write("rows.csv", "iccid,imei\n"+strings.Join(rows, ""))
			r.write("rows.fleet.hcl", "card \"row\" {\n  from_csv = \"rows.csv\"\n  iccid = each.key\n  imei = each.value.imei\n}\n")
			got := r.run("plan")
			if first == "" {
				first = got.out
			}
			if got.code != 0 || got.out != first {
				rt.Fatalf("%s\n%s\nand before\n%s", got.errors, got.out, first)
			}
		}
	})
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestNoUnbindRunsThatNobodyApproved draws unbinds, and approvals that fit or
// don't: another card, another device, expired, by flag. Whatever is applied in
// whatever way, the carrier unbinds only cards from devices that a valid
// approval named together; and where one lacks its approval, nothing runs at all.
func TestNoUnbindRunsThatNobodyApproved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(rt, "cards")
		world := &carriersim.World{Record: true}
		r := newRig(t, world)
		var b strings.Builder
		b.WriteString(provider)
		args := []string{"apply", "-auto-approve"}
		named := map[string]bool{}
		imei := func(i int) string { return fmt.Sprintf("86153603000%03d0", i) }
		for i := range n {
			iccid := fmt.Sprintf("8986000000000000%04d", i)
			world.Cards = append(world.Cards, carriersim.Card{ICCID: spec.ICCID(iccid), IMEI: spec.IMEI(imei(i))})
			fmt.Fprintf(&b, "card \"c%d\" {\n  iccid = %q\n  bound = false\n  current_imei = %q\n}\n", i, iccid, imei(i))
			switch rapid.IntRange(0, 4).Draw(rt, "approval") {
			case 0: // none
			case 1:
				args = append(args, "-approve-unbind="+iccid+"="+imei(i))
				named[iccid+imei(i)] = true
			default:
				device := imei(rapid.IntRange(0, n).Draw(rt, "device"))
				expired := rapid.Bool().Draw(rt, "expired")
				expires := map[bool]string{true: "2026-01-01T00:00:00Z", false: "2027-01-01T00:00:00Z"}[expired]
				fmt.Fprintf(&b, "approval \"a%d\" {\n  action = \"unbind\"\n  cards = { %q = %q }\n  expires = %q\n}\n", i, iccid, device, expires)
				named[iccid+device] = named[iccid+device] || !expired
			}
		}
		skip := rapid.Bool().Draw(rt, "skip")
		if skip {
			args = append(args, "-skip-unapproved")
		}
		r.write("main.fleet.hcl", b.String())
		got := r.run(args...)
		all := true
		for i := range n {
			all = all && named[fmt.Sprintf("8986000000000000%04d", i)+imei(i)]
		}
		if want := map[bool]int{true: 0, false: 3}[all || skip]; got.code != want {
			rt.Fatalf("exit code %d, want %d: %s%s", got.code, want, got.out, got.errors)
		}
		for _, request := range world.Requests() {
			switch {
			case request.Action != "DoIotChgBindOrUnBind":
			case got.code == 3:
				rt.Fatalf("a refused apply made a call: %v", request)
			case !named[string(request.ICCID)+request.Params["Imei"]]:
				rt.Fatalf("nobody approved %s from %s", request.ICCID, request.Params["Imei"])
			}
		}
	})
}
