package main

// row is one command at one kind of fleet.
type row struct {
	name  string
	args  []string
	shape string // how the fleet is declared: "from_csv", "blocks", "for_each"
	// changes is the share of cards that the configuration wants stopped.
	changes float64
	// carrier is whose cards they are; "" is aliyun.
	carrier string
	// calls reports that the carrier is asked, at a rate.
	calls bool
	// most is the largest fleet that it is measured at; 0 is any.
	most int
	// first is a fleet that was never applied: it has no state.
	first bool
	// guarded has stops need an approval.
	guarded bool
	// labelled gives each card the label lot.
	labelled bool
	// before is a command that isn't measured, and runs once; what it prints is
	// in the file printed.
	before []string
	// once is a command that can't run a second time.
	once bool
}

// printed is the file with what the command before the measured one printed.
const printed = "printed"

// planFile is where rows save their plan.
const planFile = "fleet.fleetplan"

func rows() []row {
	remembered := []string{"plan", "-refresh=false"}
	remembered = remembered[:len(remembered):len(remembered)] // what is appended is a copy's
	saved := []string{"plan", "-refresh=false", "-out=" + planFile}
	apply := []string{"apply", "-refresh=false", "-auto-approve"}
	return []row{
		{name: "`validate`, a table", args: []string{"validate"}, shape: "from_csv"},
		{name: "`validate`, blocks", args: []string{"validate"}, shape: "blocks"},
		{name: "`validate`, `for_each`", args: []string{"validate"}, shape: "for_each", most: 100_000},
		{name: "`plan -refresh=false`, no change, a table", args: remembered, shape: "from_csv"},
		{name: "`plan -refresh=false`, no change, blocks", args: remembered, shape: "blocks"},
		{name: "`plan -refresh=false`, no change, `for_each`", args: remembered, shape: "for_each", most: 100_000},
		{name: planOfSome, args: saved, shape: "from_csv", changes: 0.01},
		{name: planOfAll, args: saved, shape: "from_csv", changes: 1},
		{name: "`plan`, a carrier that is asked card by card", args: []string{"plan"}, shape: "from_csv", calls: true},
		{name: "`plan`, a carrier that has a list", args: []string{"plan"}, shape: "from_csv", carrier: "xuyu", calls: true},
		{name: "`apply -refresh=false`, 1% changes", args: apply, shape: "from_csv", changes: 0.01, calls: true},
		{name: applyOfAll, args: apply, shape: "from_csv", changes: 1, calls: true},
		{name: "`plan -refresh=false`, a first run", args: remembered, shape: "from_csv", first: true},
		{name: "`plan -refresh=false -target`, a card", args: append(remembered, "-target="+string(iccid(0))), shape: "from_csv"},
		{name: "`plan -refresh=false -select`, all", args: append(remembered, "-select=lot=tr*"), shape: "from_csv", labelled: true},
		{name: "`show -json`, all change", args: []string{"show", "-json", planFile}, shape: "from_csv", changes: 1, before: saved},
		{name: "`show -markdown`, all change", args: []string{"show", "-markdown", planFile}, shape: "from_csv", changes: 1, before: saved},
		{name: "`show -html`, all change", args: []string{"show", "-html", planFile}, shape: "from_csv", changes: 1, before: saved},
		{name: "`approve -print`, all guarded", args: []string{"approve", "-print", planFile}, shape: "from_csv", changes: 1, guarded: true, before: saved},
		{name: "`import -iccids`, a list", args: []string{"import", "-iccids=cards.csv", "-out=imported.fleet.hcl"}, shape: "list", first: true, calls: true, most: 100_000},
		{name: "`fmt`, blocks", args: []string{"fmt", "-write=false"}, shape: "blocks"},
		{name: "`state verify`", args: []string{"state", "verify"}, shape: "from_csv"},
		{name: "`state list`", args: []string{"state", "list"}, shape: "from_csv"},
		{name: "`state show`, a card", args: []string{"state", "show", string(iccid(0))}, shape: "from_csv"},
		{name: "`state pull`", args: []string{"state", "pull"}, shape: "from_csv"},
		{name: "`state push -force`", args: []string{"state", "push", "-force", printed}, shape: "from_csv", before: []string{"state", "pull"}},
		{name: "`state history`", args: []string{"state", "history"}, shape: "from_csv"},
		{name: "`state migrate`, into a file", args: []string{"-chdir=" + newer, "state", "migrate", "."}, shape: "from_csv", once: true},
	}
}

// newer is the folder, in the fleet's own, of a fleet whose state is yet to be moved there.
const newer = "newer"

// The rows whose files are measured too.
const (
	planOfSome = "`plan -refresh=false -out`, 1% changes"
	planOfAll  = "`plan -refresh=false -out`, all change"
	applyOfAll = "`apply -refresh=false`, all change"
)

// rate is the requests a second that a fleet's provider block allows: enough
// to get done in minutes, and little enough for a machine that simulates the
// carrier besides.
func rate(cards int) int { return min(max(cards/50, 1000), 4000) }

// inFlight is how many calls the provider block allows at once.
const inFlight = 100

func (r row) provider() string {
	if r.carrier == "" {
		return "aliyun"
	}
	return r.carrier
}

// keyed reports whether the cards are rows of a table.
func (r row) keyed() bool { return r.shape != "blocks" }

// binds reports whether the carrier knows devices.
func (r row) binds() bool { return r.carrier == "" }
