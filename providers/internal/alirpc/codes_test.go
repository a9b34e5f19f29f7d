package alirpc

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

func TestCodesSayWhatHappened(t *testing.T) {
	const unknown, none = providers.EffectUnknown, providers.EffectNone
	api := &API{Account: &Account{Client: &carriercall.Client{}}, Codes: Codes{
		"InternalError": {Cause: providers.Refused, Proof: providers.Declined, Text: "the product's word comes before the gateway's"},
	}}
	api.Veil.Add("s3cret")
	for code, want := range map[string]struct {
		cause  providers.Cause
		effect providers.Effect // of a changing call
	}{
		"Throttling":                   {providers.Throttled, none},
		"Throttling.User":              {providers.Throttled, none},
		"Throttling.Api":               {providers.Throttled, none},
		"InvalidAccessKeyId.NotFound":  {providers.Denied, none},
		"InvalidAccessKeyId.Inactive":  {providers.Denied, none},
		"MissingAccessKeyId":           {providers.Denied, none},
		"SignatureDoesNotMatch":        {providers.Denied, none},
		"IncompleteSignature":          {providers.Denied, none},
		"InvalidTimeStamp.Expired":     {providers.Denied, none},
		"InvalidTimeStamp.Format":      {providers.Denied, none},
		"SignatureNonceUsed":           {providers.Unavailable, unknown},
		"Forbidden.RAM":                {providers.Denied, none},
		"Forbidden.AccessKeyDisabled":  {providers.Denied, none},
		"InvalidVersion":               {providers.Denied, none},
		"InvalidAction.NotFound":       {providers.Denied, none},
		"InvalidApi.NotFound":          {providers.Denied, none},
		"UnsupportedOperation":         {providers.Denied, none},
		"UnsupportedHTTPMethod":        {providers.Denied, none},
		"ServiceUnavailable":           {providers.Unavailable, unknown},
		"InternalError":                {providers.Refused, none},
		"MissingOfferIds":              {providers.Refused, none},
		"MissingIccid":                 {providers.Refused, none},
		"InvalidParameter":             {providers.Refused, none},
		"Invalid.Iccid":                {providers.Refused, none},
		"InvalidEffCode.Malformed":     {providers.Refused, none},
		"MissingSecurityToken":         {providers.Denied, none},
		"InvalidSecurityToken.Expired": {providers.Denied, none},
		"MissingTimestamp":             {providers.Denied, none},
		"InvalidFormat":                {providers.Denied, none},
		"InvalidRegionId":              {providers.Denied, none},
		"Invalidated":                  {providers.Refused, unknown}, // no parameter's name
		"Missing":                      {providers.Refused, unknown},
		"isv.INVALID_THING":            {providers.Refused, unknown}, // the product's
		"isv.NOBODY_KNOWS":             {providers.Refused, unknown},
		"s3cret":                       {providers.Refused, unknown},
	} {
		head := &Envelope{Code: Text(code), RequestID: "8906582E", Message: "s3cret"}
		changing := api.explain(carriercall.Call{Name: "DoIt", Changing: true}, head)
		assert.Equal(t, want.cause, changing.Cause, code)
		assert.Equal(t, want.effect, providers.EffectOf(changing), code)
		assert.Equal(t, "8906582E", changing.RequestID)
		assert.NotContains(t, changing.Error(), "s3cret")
		assert.Equal(t, none, providers.EffectOf(api.explain(carriercall.Call{Name: "Read"}, head)), "reading changes nothing")
	}
}

func TestCarriersOwnWordsAreKeptShort(t *testing.T) {
	api := &API{Account: &Account{Client: &carriercall.Client{}}}
	for _, head := range []Envelope{
		{Code: "x", Message: Text(strings.Repeat("长", 1000))},
		{Code: "x", ErrorMessage: Text(strings.Repeat("长", 1000)), Message: "no"},
		{Code: "x", LocalizedMessage: Text(strings.Repeat("长", 1000))},
	} {
		message := api.explain(carriercall.Call{}, &head).Message
		assert.Contains(t, message, `the carrier says "长长长`)
		assert.Less(t, len([]rune(message)), 200)
	}
}

func TestRetiredActions(t *testing.T) {
	for code, want := range map[string]bool{
		"InvalidAction.NotFound": true, "InvalidApi.NotFound": true, "UnsupportedOperation": true,
		"InvalidVersion": false, "isv.NO_NOT_EXIST": false, "InvalidAccessKeyId.NotFound": false,
	} {
		assert.Equal(t, want, Retired(fmt.Errorf("read: %w", &providers.Error{Code: code})), code)
	}
	assert.False(t, Retired(errors.New("InvalidAction.NotFound")))
	assert.False(t, Retired(nil))
}
