package aliyun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Replies come from gateways of several ages: names in any case, which
// encoding/json sees to, numbers and strings in each other's place, and lists
// bare or inside an object. These types take all of them.

// text is a string that may come as a number or a boolean; null is "".
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n':
		*t = ""
		return nil
	case '"':
		return json.Unmarshal(data, (*string)(t))
	case '{', '[':
		return fmt.Errorf("%s stands where a text should", kindOf(data))
	default:
		*t = text(data)
		return nil
	}
}

// flag is a boolean that may come as a string or as 0 and 1. Its zero value,
// which null is too, means that none came.
type flag struct{ set, on bool }

func (f *flag) UnmarshalJSON(data []byte) error {
	var t text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	switch strings.ToLower(string(t)) {
	case "":
		*f = flag{}
	case "true", "1":
		*f = flag{set: true, on: true}
	case "false", "0":
		*f = flag{set: true}
	default:
		return errors.New("neither true nor false stands where a boolean should")
	}
	return nil
}

// list is a list, bare or in an object whose one list member it is
// (`"CardOfferDetail":{"detail":[…]}`). null and an empty object are no elements.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return json.Unmarshal(data, (*[]T)(l))
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	var inner json.RawMessage
	for _, m := range members {
		if m = bytes.TrimSpace(m); len(m) > 0 && m[0] == '[' {
			if inner != nil {
				return errors.New("an object with several lists stands where a list should")
			}
			inner = m
		}
	}
	if inner == nil && len(members) > 0 {
		return errors.New("an object without a list stands where a list should")
	}
	if inner == nil {
		*l = nil
		return nil
	}
	return json.Unmarshal(inner, (*[]T)(l))
}

func kindOf(data []byte) string {
	if data[0] == '{' {
		return "an object"
	}
	return "a list"
}

// envelope is what every reply has (QueryCardStatus, 出参列表). The code
// decides; Message of a success reads "ServiceUnavailable" in the document's
// own sample, so nothing looks at it.
type envelope struct {
	RequestID text `json:"RequestId"`
	Code      text
	Message   text
}

func (e *envelope) head() *envelope { return e }

// reply is any action's reply.
type reply interface {
	head() *envelope
	// complete reports what a successful reply lacks; nil for a whole one.
	complete() error
}

// decode reads an answer. An error means that the answer is not a reply of the
// gateway; its words never quote the answer, which may echo a signed request.
func decode(body []byte, r reply) error {
	err := json.Unmarshal(body, r)
	if err != nil {
		// A refusal is one even if its body has an odd shape.
		var head envelope
		if json.Unmarshal(body, &head) != nil || head.Code == "" || head.Code == codeOK {
			return describe(err, len(body))
		}
		*r.head() = head
		return nil
	}
	switch r.head().Code {
	case "":
		return errors.New("the answer has no Code")
	case codeOK:
		return r.complete()
	default:
		return nil
	}
}

func describe(err error, size int) error {
	var syntax *json.SyntaxError
	var odd *json.UnmarshalTypeError
	switch {
	case size == 0:
		return errors.New("the answer is empty")
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return fmt.Errorf("the answer is JSON cut off after %d bytes", size)
	case errors.As(err, &syntax):
		return fmt.Errorf("the answer is no JSON (%d bytes)", size)
	case errors.As(err, &odd):
		return fmt.Errorf("the answer has an odd shape: a JSON %s stands at %q", odd.Value, odd.Field)
	default:
		return fmt.Errorf("the answer has an odd shape: %w", err)
	}
}

// The replies, field by field as the documents and JAVA (aliyun-openapi-java-sdk,
// dyiotapi 2017-11-11) spell them.

type cardStatusReply struct {
	envelope
	CardStatus struct {
		Iccid      text
		Msisdn     text
		UserStatus text
	}
}

func (r *cardStatusReply) complete() error {
	return need(r.CardStatus.UserStatus != "", "CardStatus.UserStatus")
}

type offersReply struct {
	envelope
	CardOfferDetail list[offer]
}

type offer struct {
	OfferID                              text `json:"OfferId"`
	OfferName                            text
	OrderTime, EffectiveTime, ExpireTime text
}

func (r *offersReply) complete() error {
	for _, o := range r.CardOfferDetail {
		if o.OfferID == "" {
			return need(false, "CardOfferDetail.OfferId")
		}
	}
	return nil
}

type modBindReply struct {
	envelope
	IotModBind struct{ IsModSuccess flag }
}

func (r *modBindReply) complete() error {
	return need(r.IotModBind.IsModSuccess.set, "IotModBind.IsModSuccess")
}

type stopResumeReply struct {
	envelope
	Result struct{ ControlResult flag }
}

func (r *stopResumeReply) complete() error {
	return need(r.Result.ControlResult.set, "Result.ControlResult")
}

type imeiExistReply struct {
	envelope
	IotImeiExist struct{ IsImeiExist flag }
}

func (r *imeiExistReply) complete() error {
	return need(r.IotImeiExist.IsImeiExist.set, "IotImeiExist.IsImeiExist")
}

type postImeiReply struct {
	envelope
	IotPostImei struct{ IsPostSuccess flag }
}

func (r *postImeiReply) complete() error {
	return need(r.IotPostImei.IsPostSuccess.set, "IotPostImei.IsPostSuccess")
}

// rechargeReply: OrderResult's values are in no document found, so Code alone decides.
type rechargeReply struct {
	envelope
	IotRecharge struct{ OrderNo, DoneCode, OrderResult text }
}

func (r *rechargeReply) complete() error { return nil }

// callStatusReply is Dyplsapi's. The document writes status and calledNo, the
// SDK Status and CalledNo; status 3 has no number.
type callStatusReply struct {
	envelope
	SecretCallStatusDTO struct {
		Status   text
		CalledNo text
	}
}

func (r *callStatusReply) complete() error {
	return need(r.SecretCallStatusDTO.Status != "", "SecretCallStatusDTO.status")
}

func need(there bool, name string) error {
	if there {
		return nil
	}
	return fmt.Errorf("the answer has no %s", name)
}
