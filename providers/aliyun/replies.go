package aliyun

import (
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

// The replies, field by field as the documents and JAVA (aliyun-openapi-java-sdk,
// dyiotapi 2017-11-11) spell them.

type cardStatusReply struct {
	alirpc.Envelope
	CardStatus struct {
		Iccid      alirpc.Text
		Msisdn     alirpc.Text
		UserStatus alirpc.Text
	}
}

func (r *cardStatusReply) Complete() error {
	return lenient.Need(r.CardStatus.UserStatus != "", "CardStatus.UserStatus")
}

type offersReply struct {
	alirpc.Envelope
	CardOfferDetail alirpc.List[offer]
}

type offer struct {
	OfferID                              alirpc.Text `json:"OfferId"`
	OfferName                            alirpc.Text
	OrderTime, EffectiveTime, ExpireTime alirpc.Text
}

func (r *offersReply) Complete() error {
	for _, o := range r.CardOfferDetail {
		if o.OfferID == "" {
			return lenient.Need(false, "CardOfferDetail.OfferId")
		}
	}
	return nil
}

type modBindReply struct {
	alirpc.Envelope
	IotModBind struct{ IsModSuccess alirpc.Flag }
}

func (r *modBindReply) Complete() error {
	return lenient.Need(r.IotModBind.IsModSuccess.Set, "IotModBind.IsModSuccess")
}

type stopResumeReply struct {
	alirpc.Envelope
	Result struct{ ControlResult alirpc.Flag }
}

func (r *stopResumeReply) Complete() error {
	return lenient.Need(r.Result.ControlResult.Set, "Result.ControlResult")
}

// unbindResumeReply is DoIotUnbindResume's (JAVA).
type unbindResumeReply struct {
	alirpc.Envelope
	Data alirpc.Flag
}

func (r *unbindResumeReply) Complete() error { return lenient.Need(r.Data.Set, "Data") }

type imeiExistReply struct {
	alirpc.Envelope
	IotImeiExist struct{ IsImeiExist alirpc.Flag }
}

func (r *imeiExistReply) Complete() error {
	return lenient.Need(r.IotImeiExist.IsImeiExist.Set, "IotImeiExist.IsImeiExist")
}

type postImeiReply struct {
	alirpc.Envelope
	IotPostImei struct{ IsPostSuccess alirpc.Flag }
}

func (r *postImeiReply) Complete() error {
	return lenient.Need(r.IotPostImei.IsPostSuccess.Set, "IotPostImei.IsPostSuccess")
}

// rechargeReply: OrderResult's values are in no document found. Code says that the
// order was taken; an OrderResult that denies it leaves the order in doubt.
type rechargeReply struct {
	alirpc.Envelope
	IotRecharge struct{ OrderNo, DoneCode, OrderResult alirpc.Text }
}

func (r *rechargeReply) Complete() error { return nil }

// callStatusReply is Dyplsapi's. The document writes status and calledNo, the
// SDK Status and CalledNo; status 3 has no number.
type callStatusReply struct {
	alirpc.Envelope
	SecretCallStatusDTO struct {
		Status   alirpc.Text
		CalledNo alirpc.Text
	}
}

func (r *callStatusReply) Complete() error {
	return lenient.Need(r.SecretCallStatusDTO.Status != "", "SecretCallStatusDTO.status")
}

// subscriptionReply is Dyplsapi's QuerySubscriptionDetail (JAVA; ALIDOC 63174).
type subscriptionReply struct {
	alirpc.Envelope
	SecretBindDetailDTO struct {
		Status               alirpc.Text // 1 生效, 0 失效
		PhoneNoX, ExpireDate alirpc.Text
	}
}

func (r *subscriptionReply) Complete() error {
	return lenient.Need(r.SecretBindDetailDTO.Status != "", "SecretBindDetailDTO.Status")
}
