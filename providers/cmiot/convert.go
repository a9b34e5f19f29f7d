package cmiot

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// word is what a status means.
type word struct {
	text      string // the carrier's
	lifecycle spec.Lifecycle
}

// words are the statuses of both vocabularies. They are kept as strings, since
// "02" of the one would become "2" of the other.
func words() map[string]word {
	return map[string]word{
		// OneLink-PB, and all of v2 (CMIOT_API2002, STATUS). Who stopped the card is
		// for v5's stop reason to say; v2 has none, and a bare 停机 is then taken for
		// the owner's, as everywhere in this program.
		"00": {"正常", spec.Active},
		"01": {"单向停机", spec.SuspendedByOwner},
		"02": {"停机", spec.SuspendedByOwner},
		"03": {"预销号", spec.Closing},
		"04": {"销号", spec.Closed},
		"05": {"过户", spec.Transferred},
		"06": {"休眠", spec.Dormant},
		"07": {"待激", spec.Pending},
		"99": {"号码不存在", spec.NotFound},
		// OneLink-CT, in v5 only (CMIOT_API25S04; PHP-V5).
		"1": {"待激活", spec.Pending},
		"2": {"已激活", spec.Active},
		"4": {"停机", spec.SuspendedByOwner},
		"6": {"可测试", spec.Testing},
		"7": {"库存", spec.Inventory},
		"8": {"预销户", spec.Closing},
		"9": {"已销户", spec.Closed},
	}
}

// statusText is a status as people see it: the carrier's number with its word,
// or the number alone where no document has it.
func statusText(status string) string {
	return strings.TrimSpace(carriercall.Shorten(status) + " " + words()[status].text)
}

// lifecycle reads a status of v5, which tells its vocabulary by its form: two
// digits are PB's, one is CT's.
func lifecycle(status string) spec.Lifecycle {
	if w, ok := words()[status]; ok {
		return w.lifecycle
	}
	return spec.UnknownLifecycle
}

// readV2 reads a status of v2, which knows the vocabulary of PB alone.
func readV2(status string) (l spec.Lifecycle, shown string) {
	if len(status) != 2 {
		return spec.UnknownLifecycle, carriercall.Shorten(status)
	}
	return lifecycle(status), statusText(status)
}

// whoStopped reads a stop reason: twelve characters, of which those that aren't
// '0' each say one reason (PHP-V5's comments: KNOWN*; what each stands for is a
// GUESS from them). Only a card that nobody but its owner stopped can be
// resumed by its owner. A mask that says nothing is the carrier's: nothing is
// planned for a card when it isn't known who stopped it.
func whoStopped(mask string) (l spec.Lifecycle, reason string) {
	const own = 8 // 000000002000: 主动申请停机
	if len(mask) != 12 {
		return spec.SuspendedByCarrier, strings.TrimSpace("the carrier doesn't say why " + mask)
	}
	var reasons []string
	owner := false
	for i := range len(mask) {
		switch {
		case mask[i] == '0':
		case i == own:
			owner = true
		default:
			reasons = append(reasons, stopReasons()[i])
		}
	}
	switch {
	case len(reasons) > 0:
		return spec.SuspendedByCarrier, strings.Join(reasons, ", ") + " (" + mask + ")"
	case owner:
		return spec.SuspendedByOwner, ""
	default:
		return spec.SuspendedByCarrier, "the carrier gives no reason (" + mask + ")"
	}
}

// stopReasons are the reasons by their place in the mask, but for the owner's.
func stopReasons() [12]string {
	r := [12]string{
		0:  "its product has expired",                            // 200000000000: NB
		1:  "it was taken out of its device (机卡分离)",              // 020000000000
		4:  "credit control (信控停机)",                              // 000020000000
		10: "forced by the carrier (强制停机); ask China Mobile why", // 000000000020
	}
	for i := range r {
		r[i] = cmp.Or(r[i], "a reason that no document has")
	}
	return r
}

// packages converts packages in force. One that is listed twice, ordered again
// before it ran out, is one, up to the later end.
func packages(list []spec.Package) []spec.Package {
	slices.SortFunc(list, func(a, b spec.Package) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), b.Expires.Compare(a.Expires))
	})
	return slices.CompactFunc(list, func(a, b spec.Package) bool { return a.ID == b.ID })
}

func (r packagesV2) packages() []spec.Package {
	list := make([]spec.Package, 0, len(r.Prodinfos))
	for _, p := range r.Prodinfos {
		list = append(list, spec.Package{
			ID: string(p.ProdID), Name: string(p.ProdName), Effective: p.EffTime.Time(), Expires: p.ExpTime.Time(),
		})
	}
	return packages(list)
}

func (r packagesV5) packages() []spec.Package {
	list := make([]spec.Package, 0, len(r.OfferingInfoList))
	for _, o := range r.OfferingInfoList {
		list = append(list, spec.Package{
			ID: string(o.OfferingID), Name: string(o.OfferingName), Effective: o.EffectiveDate.Time(), Expires: o.ExpiriedDate.Time(),
		})
	}
	return packages(list)
}
