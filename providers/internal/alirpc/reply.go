package alirpc

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"

	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

// Replies come from gateways of several ages: names in any case, which
// encoding/json sees to, numbers and strings in each other's place, and lists
// bare or inside an object. These types take all of them.

// Text is a string that may come as a number or a boolean.
type Text = lenient.Text

// Flag is a boolean that may come as a string or as 0 and 1. Its zero value,
// which null is too, means that none came.
type Flag struct{ Set, On bool }

// UnmarshalJSON takes true, "true" and 1.
func (f *Flag) UnmarshalJSON(data []byte) error {
	var t Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	switch strings.ToLower(string(t)) {
	case "":
		*f = Flag{}
	case "true", "1":
		*f = Flag{Set: true, On: true}
	case "false", "0":
		*f = Flag{Set: true}
	default:
		return errors.New("neither true nor false stands where a boolean should")
	}
	return nil
}

// List is a list, bare or in an object whose one list member it is
// (`"CardOfferDetail":{"detail":[…]}`). null and an empty object are no elements.
type List[T any] []T

// UnmarshalJSON takes a list, or an object around one.
func (l *List[T]) UnmarshalJSON(data []byte) error {
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

// Envelope is what every reply has, in the spelling of any of the products:
// embed it in a reply. Code decides, and Success where it comes. Message of a
// success reads "ServiceUnavailable" in Dyiotapi's own sample, so nothing looks
// at it.
type Envelope struct {
	RequestID Text `json:"RequestId"`
	Code      Text
	Success   Flag
	// Message is the gateway's and the older products'; newer ones have the two below it.
	Message, ErrorMessage, LocalizedMessage Text
}

// Head implements half of [Reply].
func (e *Envelope) Head() *Envelope { return e }

// says is the carrier's own message, in whichever member it came.
func (e *Envelope) says() string {
	for _, m := range []Text{e.ErrorMessage, e.Message, e.LocalizedMessage} {
		if m != "" {
			return string(m)
		}
	}
	return ""
}

// succeeded reports whether the call was done; ok is the product's code for that.
func (e *Envelope) succeeded(ok string) bool {
	return string(e.Code) == ok && (e.Success.On || !e.Success.Set)
}

// xmlError reads an error in XML, in which the gateway answers where it doesn't
// get as far as Format (ALIDOC 25491: <Error> with RequestId, HostId, Code and Message).
func xmlError(body []byte) (head Envelope, ok bool) {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return Envelope{}, false
	}
	var e struct {
		XMLName   xml.Name
		RequestID string `xml:"RequestId"`
		Code      string
		Message   string
	}
	if xml.Unmarshal(body, &e) != nil || e.Code == "" {
		return Envelope{}, false // a proxy's page
	}
	return Envelope{RequestID: Text(e.RequestID), Code: Text(strings.TrimSpace(e.Code)), Message: Text(e.Message)}, true
}

// Reply is any action's reply.
type Reply interface {
	Head() *Envelope
	// Complete reports what a successful reply lacks; nil for a whole one.
	Complete() error
}

// Decode reads an answer; ok is the product's code for success. An error means
// that the answer is not a reply of the gateway; its words never quote the
// answer, which may echo a signed request.
func Decode(body []byte, ok string, r Reply) error {
	if head, isXML := xmlError(body); isXML && !head.succeeded(ok) {
		*r.Head() = head
		return nil
	}
	err := json.Unmarshal(body, r)
	if err != nil {
		// A refusal is one even if its body has an odd shape.
		var head Envelope
		if json.Unmarshal(body, &head) != nil || head.Code == "" || head.succeeded(ok) {
			return lenient.Describe(err, len(body))
		}
		*r.Head() = head
		return nil
	}
	switch head := r.Head(); {
	case head.Code == "":
		return errors.New("the answer has no Code")
	case head.succeeded(ok):
		return r.Complete()
	default:
		return nil
	}
}
