package alirpc

import (
	"fmt"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// Credentials are the settings that hold an access key.
func Credentials() []spec.Setting {
	return []spec.Setting{
		{Name: "access_key_id", Type: spec.SettingString, Env: "ALIBABA_CLOUD_ACCESS_KEY_ID", Doc: "id of the access key"},
		{Name: "access_key_secret", Type: spec.SettingString, Env: "ALIBABA_CLOUD_ACCESS_KEY_SECRET", Secret: true, Doc: "secret of the access key"},
	}
}

// ParseTime reads a date in any form seen at Alibaba; zero for others. No
// document gives the zone: GUESS, China's time.
func ParseTime(t Text) time.Time {
	china := time.FixedZone("UTC+8", 8*60*60)
	for _, layout := range []string{time.DateTime, "20060102150405", time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly, "20060102"} {
		if t, err := time.ParseInLocation(layout, string(t), china); err == nil {
			return t
		}
	}
	return time.Time{}
}

// CheckCard compares the card asked for with the one in an answer, which may
// leave it out, write it in lower case, or leave out the check digit.
func CheckCard(action string, asked spec.ICCID, answered Text, head *Envelope) error {
	if sameCard(asked, string(answered)) {
		return nil
	}
	return &providers.Error{
		Call: action, RequestID: string(head.RequestID), Proof: providers.NeverSeen,
		Message: fmt.Sprintf("the carrier answered about another card, %q", carriercall.Shorten(string(answered))),
	}
}

func sameCard(asked spec.ICCID, answered string) bool {
	answered = strings.TrimSpace(answered)
	iccid, err := spec.ParseICCID(answered)
	return answered == "" || err == nil && iccid.SameCard(asked)
}
