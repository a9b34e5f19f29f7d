package linkcard

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/spec"
)

// state is what a value of Status or OsStatus means.
type state struct {
	words     string // the carrier's
	lifecycle spec.Lifecycle
}

// osStatuses is OsStatus, the card's status in detail ("物联网卡的具体状态", ALIDOC 374328).
func osStatuses() map[alirpc.Text]state {
	return map[alirpc.Text]state{
		"10":  {"测试期", spec.Testing},
		"20":  {"静默期", spec.Pending}, // between testing and the first use, with its package not begun
		"100": {"使用中", spec.Active},
		"130": {"测试期换绑停用", spec.SuspendedByCarrier},
		"150": {"部分使用中", spec.Active}, // some of its networks are stopped. GUESS: a card that works somewhere is in service
		"200": {"主动停用", spec.SuspendedByOwner},
		// ResumeSingleCard takes this one too (ALIDOC 374305). It is the carrier's
		// all the same: resuming costs more data than the limit allows, which is
		// for a person to decide.
		"300": {"达量停用", spec.SuspendedByCarrier},
		"400": {"信控停用", spec.SuspendedByCarrier},
		"500": {"换绑停用", spec.SuspendedByCarrier}, // moved to another device; RebindResumeSingleCard accepts that
		"600": {"实名停用", spec.SuspendedByCarrier},
		"700": {"异常停用", spec.SuspendedByCarrier},
		"40":  {"已停机", spec.SuspendedByCarrier}, // not among the two that a resume helps
		"50":  {"已销户", spec.Closed},
	}
}

// statuses is Status, which counts where no OsStatus came (ALIDOC 374328).
func statuses() map[alirpc.Text]state {
	return map[alirpc.Text]state{
		"10": {"可测试", spec.Testing},
		"20": {"未使用", spec.Pending},
		"30": {"使用中", spec.Active},
		"35": {"已停用", spec.UnknownLifecycle}, // by whom is OsStatus's to say
		"40": {"已停机", spec.SuspendedByCarrier},
		"50": {"已销户", spec.Closed},
	}
}

// lifecycle reads a card's status, and why the carrier stopped it. A value that
// we don't know is unknown, and plans nothing.
func lifecycle(status, osStatus alirpc.Text) (l spec.Lifecycle, reason string) {
	s := find(status, osStatus)
	if s.lifecycle == spec.SuspendedByCarrier {
		reason = s.words
	}
	return cmp.Or(s.lifecycle, spec.UnknownLifecycle), reason
}

func find(status, osStatus alirpc.Text) state {
	if osStatus != "" {
		return osStatuses()[osStatus]
	}
	return statuses()[status]
}

// words is a status as people see it: the number in detail with the carrier's
// word for it, or the numbers where we have no word.
func words(status, osStatus alirpc.Text) string {
	if s := find(status, osStatus); s.words != "" {
		return string(cmp.Or(osStatus, status)) + " " + s.words
	}
	return strings.Trim(string(status+"/"+osStatus), "/")
}

// bound is the device that the card is bound to, "" for none. A card binds
// itself to the first device it is used in (ALIDOC api-rebindresumesinglecard).
// ok is false for what is no IMEI, of which nothing is known then.
func bound(t alirpc.Text) (imei spec.IMEI, ok bool) {
	text := strings.TrimSpace(string(t))
	if text == "" {
		return "", true
	}
	imei, err := spec.ParseIMEI(text)
	return imei, err == nil
}

// packages are the card's own package, by its CredentialNo, and those that
// GetCardFlowInfo lists, until they run out. The list has names and no ids
// (JAVA): a package's id is the one that the setting offers has for the name,
// else the name itself. GUESS: that is what a package ordered by an OfferCode
// is called. One that is there twice is one, up to the later end.
func (p *provider) packages(card *card, listed []listedPackage) []spec.Package {
	packages := make([]spec.Package, 0, len(listed)+1)
	if card.CredentialNo != "" {
		packages = append(packages, spec.Package{
			ID: string(card.CredentialNo), Effective: card.ActiveTime.Time(), Expires: card.ExpireTime.Time(),
		})
	}
	for _, l := range listed {
		name := string(l.PackageName)
		packages = append(packages, spec.Package{
			ID: cmp.Or(p.ids[name], name), Name: name, Effective: l.EffectiveTime.Time(), Expires: l.ExpireTime.Time(),
		})
	}
	now := p.api.Now()
	packages = slices.DeleteFunc(packages, func(o spec.Package) bool { return !o.Expires.IsZero() && !o.Expires.After(now) })
	slices.SortFunc(packages, func(a, b spec.Package) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), b.Expires.Compare(a.Expires), cmp.Compare(b.Name, a.Name))
	})
	return slices.CompactFunc(packages, func(a, b spec.Package) bool { return a.ID == b.ID })
}
