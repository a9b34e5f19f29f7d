package xuyu

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// word is a status: the carrier's word for it, and ours.
type word struct {
	text      string
	lifecycle spec.Lifecycle
}

// statuses are S003 卡状态表 in full, by operator. The words are the document's;
// whose stop it is, is read from them. Where the owner stopped a card, a resume
// may help, and is refused by the carrier where it can't. Where the carrier did,
// none is tried.
func statuses() map[string]map[string]word {
	const owner, carrier = spec.SuspendedByOwner, spec.SuspendedByCarrier
	return map[string]map[string]word{
		"cmcc": { // 移动卡
			"0": {"正常", spec.Active},
			// The document lists 1 twice, as 单向停机 and as 停机. Neither says who
			// stopped the card: GUESS, its owner, as for a plain 停机 everywhere.
			"1":  {"单向停机/停机", owner},
			"2":  {"停机", owner},
			"3":  {"预销号", spec.Closing},
			"4":  {"销号", spec.Closed},
			"5":  {"过户", spec.Transferred},
			"6":  {"休眠", spec.Dormant},
			"7":  {"待激", spec.Pending},
			"99": {"号码不存在", spec.NotFound},
		},
		"ctcc": { // 电信卡
			"-1": {"未知", spec.UnknownLifecycle},
			"1":  {"在用", spec.Active},
			"2":  {"用户报停", owner},
			"3":  {"用户拆机", spec.Closed}, // disconnected at the owner's wish, for good
			"5":  {"欠停(双向)", carrier},   // arrears
			"6":  {"欠停(单向)", carrier},
			"7":  {"违章停机", carrier}, // violation
			// Reported lost. Its owner did that, but 停复机 doesn't lift it, and a
			// lost card must not come back by itself.
			"8":  {"挂失", carrier},
			"11": {"施工未完", spec.Pending}, // not yet set up
			"19": {"活卡待激活", spec.Pending},
			// GUESS: a stop without a reason is the owner's.
			"120000": {"停机", owner},
			"100001": {"已激活(测试期)", spec.Testing},
			"140003": {"未激活(测试期)", spec.Pending},
			"150001": {"未实名制违规停机", carrier}, // no real name
			"140000": {"预拆机停机", carrier},    // about to be disconnected
			"160000": {"数据异常停机", carrier},
			"170000": {"局方原因停机", carrier}, // the operator's own reasons
		},
		"cucc": { // 联通卡
			"1": {"已激活", spec.Active},
			// GUESS: the owner's. The platform behind it (Jasper) has one word for
			// its owner's stop and its rules'.
			"2": {"已停用", owner},
			"3": {"可测试", spec.Testing},
			"4": {"库存", spec.Inventory},
			"5": {"体验", spec.Testing}, // a trial
			"6": {"可激活", spec.Pending},
			"7": {"已失效", spec.Closed}, // retired, for good
			"8": {"已清除", spec.Closed},
			"9": {"", spec.UnknownLifecycle}, // blank in the document
			// Accounting periods, not states of a card.
			"10": {"当前账期", spec.UnknownLifecycle},
			"11": {"一直", spec.UnknownLifecycle},
		},
	}
}

// lifecycle reads a status by its operator's table. A value or an operator that
// we don't know is unknown, shown as it came, and plans nothing: 2 is a stopped
// card at one operator and a working one's neighbour at another.
func lifecycle(tables map[string]map[string]word, operator, value string) (l spec.Lifecycle, status, reason string) {
	value = strings.TrimSpace(value)
	table, known := tables[strings.ToLower(strings.TrimSpace(operator))]
	if !known {
		return spec.UnknownLifecycle, carriercall.Shorten(fmt.Sprintf("%s (operator %q)", value, operator)), ""
	}
	w, known := table[value]
	if !known {
		return spec.UnknownLifecycle, carriercall.Shorten(value), ""
	}
	if w.lifecycle == spec.SuspendedByCarrier {
		reason = w.text
	}
	return w.lifecycle, strings.TrimSpace(value + " " + w.text), reason
}

// inForce are the packages that have not run out. A package that is listed
// twice is one, up to the later end; one without an end lasts longest.
func inForce(reply packagesReply, now time.Time) []spec.Package {
	packages := make([]spec.Package, 0, len(reply))
	for _, r := range reply {
		p := spec.Package{ID: string(r.ID), Name: string(r.Name), Effective: r.Effective.Time(), Expires: r.Expire.Time()}
		if p.Expires.IsZero() || p.Expires.After(now) {
			packages = append(packages, p)
		}
	}
	slices.SortStableFunc(packages, func(a, b spec.Package) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), -compareEnds(a.Expires, b.Expires))
	})
	return slices.CompactFunc(packages, func(a, b spec.Package) bool { return a.ID == b.ID })
}

func compareEnds(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	default:
		return a.Compare(b)
	}
}
