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
}

// planFile is where rows save their plan.
const planFile = "fleet.fleetplan"

func rows() []row {
	remembered := []string{"plan", "-refresh=false"}
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
	}
}

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
