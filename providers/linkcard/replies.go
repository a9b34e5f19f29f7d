package linkcard

import (
	"cmp"
	"strconv"

	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

// The replies, as far as they are used, as JAVA and ALIDOC spell them. Every
// one has Code "200" and Success true (ALIDOC 374328).

// whole is what every successful reply needs besides its data.
func whole(e *alirpc.Envelope) error { return lenient.Need(e.Success.Set, "Success") }

// detailReply is GetCardDetail's. Its Imsi, Msisdn and Ip are lists of strings,
// and VsimInstanceId a number or a string; nothing here needs them.
type detailReply struct {
	alirpc.Envelope
	Data struct {
		// VsimCardInfo is the card; ListPsimCards beside it are the cards within a
		// card of several networks, and come only with ShowPsim.
		VsimCardInfo *card
	}
}

type card struct {
	Iccid            alirpc.Text
	Status, OsStatus alirpc.Text
	DeviceImei       alirpc.Text
	CredentialNo     alirpc.Text // 套餐凭证: the card's own package
	ActiveTime       alirpc.Text
	ExpireTime       alirpc.Text // 套餐到期时间
}

func (r *detailReply) Complete() error {
	if r.Data.VsimCardInfo == nil {
		return lenient.Need(false, "Data.VsimCardInfo")
	}
	known := r.Data.VsimCardInfo.Status != "" || r.Data.VsimCardInfo.OsStatus != ""
	return cmp.Or(whole(&r.Envelope), lenient.Need(known, "Data.VsimCardInfo.Status"))
}

// flowReply is GetCardFlowInfo's.
type flowReply struct {
	alirpc.Envelope
	Data struct{ ListPackageDTO alirpc.List[listedPackage] }
}

// listedPackage has a name and no id (JAVA, ALIDOC api-getcardflowinfo).
type listedPackage struct {
	PackageName, EffectiveTime, ExpireTime, Remark alirpc.Text
}

func (r *flowReply) Complete() error {
	for _, p := range r.Data.ListPackageDTO {
		if p.PackageName == "" {
			return lenient.Need(false, "Data.ListPackageDTO.PackageName")
		}
	}
	return whole(&r.Envelope)
}

// listReply is ListCardInfo's.
type listReply struct {
	alirpc.Envelope
	Data struct {
		List  alirpc.List[struct{ Iccid, Status, OsStatus alirpc.Text }]
		Total alirpc.Text // of cards, on all pages
	}
}

// total is how many cards there are; -1 where the reply doesn't say.
func (r *listReply) total() int {
	total, err := strconv.Atoi(string(r.Data.Total))
	if err != nil {
		return -1
	}
	return total
}

func (r *listReply) Complete() error { return whole(&r.Envelope) }

// switchReply is that of StopSingleCard and ResumeSingleCard: Data is true
// (执行成功) or false (执行失败).
type switchReply struct {
	alirpc.Envelope
	Data alirpc.Flag
}

func (r *switchReply) Complete() error {
	return cmp.Or(whole(&r.Envelope), lenient.Need(r.Data.Set, "Data"))
}

// renewReply is Renew's.
type renewReply struct {
	alirpc.Envelope
	Data struct{ OrderNo, SerialNo alirpc.Text }
}

func (r *renewReply) Complete() error { return whole(&r.Envelope) }
