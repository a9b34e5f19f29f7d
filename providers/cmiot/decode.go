package cmiot

import (
	"encoding/json"
	"errors"

	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

// text is a string that may come as a number: "02" is not "2".
type text = lenient.Text

// list is a list of objects, or a single one without the list around it.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return json.Unmarshal(data, (*[]T)(l))
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*l = list[T]{one}
	return nil
}

// envelope is what every reply has (CMIOT_API2002, 应答公共信息): "0-正确,非0-失败".
type envelope struct {
	Status  text `json:"status"`
	Message text `json:"message"`
}

func (e *envelope) head() *envelope { return e }

// reply is any function's reply.
type reply interface {
	head() *envelope
	// complete reports what a successful reply lacks; nil for a whole one.
	complete() error
}

// row is an element of a reply's result.
type row interface{ lacks() error }

// rows is a reply whose result is a list of rows, of which there is one at least.
type rows[R row] struct {
	envelope
	Result list[R] `json:"result"`
}

func (r *rows[R]) complete() error {
	if len(r.Result) == 0 {
		return errors.New("the answer's result is empty")
	}
	for _, row := range r.Result {
		if err := row.lacks(); err != nil {
			return err
		}
	}
	return nil
}

// decode reads an answer. An error means that the answer is not a reply of the
// carrier; its words never quote the answer, which may echo a token.
func decode(body []byte, r reply) error {
	err := json.Unmarshal(body, r)
	if err != nil {
		// A refusal is one even if its result has an odd shape: "可能为空,也可能包含其他提示数据".
		var head envelope
		if json.Unmarshal(body, &head) != nil || head.Status == "" || head.Status == codeOK {
			return lenient.Describe(err, len(body))
		}
		*r.head() = head
		return nil
	}
	switch r.head().Status {
	case "":
		return errors.New("the answer has no status")
	case codeOK:
		return r.complete()
	default:
		return nil
	}
}

// The rows, field by field as the documents spell them.

// statusV2 is userstatusrealsingle's (CMIOT_API2002, 应答数据信息).
type statusV2 struct {
	Status text `json:"STATUS"`
}

func (r statusV2) lacks() error { return lenient.Need(r.Status != "", "STATUS") }

// packagesV2 is querycardprodinfo's (CMIOT_API2037; PHP-V2).
type packagesV2 struct {
	ICCID     text `json:"iccid"`
	Prodinfos list[struct {
		ProdID   text `json:"prodid"`
		ProdName text `json:"prodname"`
		EffTime  text `json:"prodinstefftime"`
		ExpTime  text `json:"prodinstexptime"`
	}] `json:"prodinfos"`
}

func (r packagesV2) lacks() error {
	for _, p := range r.Prodinfos {
		if p.ProdID == "" {
			return lenient.Need(false, "prodinfos.prodid")
		}
	}
	return nil
}

// tokenRow is get/token's (PHP-V5). TTL is the seconds that are left of it.
type tokenRow struct {
	Token text `json:"token"`
	TTL   text `json:"ttl"`
}

func (r tokenRow) lacks() error { return lenient.Need(r.Token != "", "token") }

// statusV5 is query/sim-status's (CMIOT_API25S04; PHP-V5).
type statusV5 struct {
	CardStatus     text `json:"cardStatus"`
	LastChangeDate text `json:"lastChangeDate"`
}

func (r statusV5) lacks() error { return lenient.Need(r.CardStatus != "", "cardStatus") }

// stopReasonRow is query/sim-stop-reason's (CMIOT_API25S02; PHP-V5).
type stopReasonRow struct {
	PlatformType text `json:"platformType"`
	StopReason   text `json:"stopReason"`
}

func (r stopReasonRow) lacks() error { return nil } // a blank reason is one that isn't known

// imeiRow is query/sim-imei's (CMIOT_API23S04). A card that no device has used
// has a blank one.
type imeiRow struct {
	IMEI text `json:"imei"`
}

func (r imeiRow) lacks() error { return nil }

// packagesV5 is query/ordered-offerings' (CMIOT_API23R00; PHP-V5).
type packagesV5 struct {
	OfferingInfoList list[struct {
		OfferingID    text `json:"offeringId"`
		OfferingName  text `json:"offeringName"`
		EffectiveDate text `json:"effectiveDate"`
		ExpiriedDate  text `json:"expiriedDate"` // sic
	}] `json:"offeringInfoList"`
}

func (r packagesV5) lacks() error {
	for _, o := range r.OfferingInfoList {
		if o.OfferingID == "" {
			return lenient.Need(false, "offeringInfoList.offeringId")
		}
	}
	return nil
}

// orderRow is change/sim-status's (CMIOT_API23S03; PHP-V5). The manual of 2020
// echoes the card instead of the order's number.
type orderRow struct {
	OrderNum text `json:"orderNum"`
	MSISDN   text `json:"msisdn"`
}

func (r orderRow) lacks() error { return nil }
