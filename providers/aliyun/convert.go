package aliyun

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// lifecycle reads UserStatus, a Chinese text. The documents name only 正常,
// 营业预销 and 未激活状态 (QueryCardStatus); the rest is a GUESS from how the
// operators behind Alibaba word theirs. A word that we don't know is unknown,
// and plans nothing.
func lifecycle(status string) (l spec.Lifecycle, reason string) {
	word := strings.TrimSuffix(strings.TrimSpace(status), "状态")
	has := func(part string) bool { return strings.Contains(word, part) }
	switch {
	case word == "正常":
		return spec.Active, ""
	case has("预销"): // before 销户: 预销户 is still being closed
		return spec.Closing, ""
	case has("销户"), has("销号"):
		return spec.Closed, ""
	case has("停机"), has("停用"):
		if slices.ContainsFunc(carriersReasons(), has) {
			return spec.SuspendedByCarrier, status
		}
		return spec.SuspendedByOwner, ""
	case has("未激活"):
		return spec.Pending, ""
	default:
		return spec.UnknownLifecycle, ""
	}
}

// carriersReasons are the words in a stop's text that say that the carrier
// stopped the card, so that a resume by its owner can't help: arrears,
// violation, real name, forced, the operator's own reasons, quota, credit,
// taken out of its device, moved to another.
func carriersReasons() []string {
	return []string{"欠费", "欠停", "违章", "违规", "实名", "强制", "局方", "达量", "信控", "机卡分离", "换绑"}
}

// packages converts the offers that are in force now ("当前时间有效套餐列表",
// ALIDOC 64525). A package that is listed twice, ordered again before it ran
// out, is one, up to the later end.
func packages(offers []offer) []spec.Package {
	packages := make([]spec.Package, 0, len(offers))
	for _, o := range offers {
		packages = append(packages, spec.Package{
			ID: string(o.OfferID), Name: string(o.OfferName),
			Effective: o.EffectiveTime.Time(), Expires: o.ExpireTime.Time(),
		})
	}
	slices.SortFunc(packages, func(a, b spec.Package) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), b.Expires.Compare(a.Expires))
	})
	return slices.CompactFunc(packages, func(a, b spec.Package) bool { return a.ID == b.ID })
}

// forDevice reports whether the carrier stopped the card since it was taken out
// of its device (机卡分离), or moved to another (换绑).
func forDevice(r spec.Reading) bool {
	return r.Lifecycle == spec.SuspendedByCarrier && (strings.Contains(r.Reason, "机卡分离") || strings.Contains(r.Reason, "换绑"))
}
