package spec

import (
	"errors"
	"fmt"
	"strings"
)

// ICCID is a card's number in its canonical form: upper case, 19 or 20
// characters. Make one with [ParseICCID]; the zero value is no card.
type ICCID string

// ParseICCID reads an ICCID: "89", then 17 or 18 of 0-9 and A-F. Lower case is
// folded up. China Mobile's ICCIDs hold hex letters (CMIOT_API2002 shows
// 898600D6991330004146), so letters are no mistake. The check digit is not
// looked at, since it holds for none of the carriers' own samples; see
// [ICCID.CheckDigitFails].
func ParseICCID(s string) (ICCID, error) {
	if err := checkICCID(s); err != nil {
		return "", err
	}
	return ICCID(strings.ToUpper(s)), nil
}

func checkICCID(s string) error {
	if s == "" {
		return errors.New("it is blank; an ICCID has 19 or 20 characters")
	}
	if strings.TrimSpace(s) != s {
		return fmt.Errorf("%q has white space around it", s)
	}
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && (c < 'A' || c > 'F') && (c < 'a' || c > 'f') {
			return fmt.Errorf("%q holds %q; an ICCID holds 0-9 and A-F only%s", s, runeAt(s, i), spreadsheetHint(s))
		}
	}
	if n := len(s); n != 19 && n != 20 {
		return fmt.Errorf("%q has %d characters; an ICCID has 19 or 20", s, n)
	}
	if s[:2] != "89" {
		return fmt.Errorf("%q does not begin with 89, as every ICCID does", s)
	}
	return nil
}

// CheckDigitFails reports whether the last digit is not the Luhn digit of the
// rest. It is worth a warning at most, and only where all 20 characters are
// digits: for anything else it is false.
func (c ICCID) CheckDigitFails() bool {
	return len(c) == 20 && allDigits(string(c)) && !luhn(string(c))
}

// IMEI is a device's number as it was written: 14, 15 or 16 digits. The forms
// differ in what follows the first 14 (nothing, a check digit, a software
// version), so compare with [IMEI.Same]. The zero value is no device.
type IMEI string

// ParseIMEI reads an IMEI of 14, 15 or 16 digits (3GPP TS 23.003).
func ParseIMEI(s string) (IMEI, error) {
	if s == "" {
		return "", errors.New("it is blank; an IMEI has 14, 15 or 16 digits")
	}
	if strings.TrimSpace(s) != s {
		return "", fmt.Errorf("%q has white space around it", s)
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return "", fmt.Errorf("%q holds %q; an IMEI holds digits only%s", s, runeAt(s, i), spreadsheetHint(s))
		}
	}
	if n := len(s); n < 14 || n > 16 {
		return "", fmt.Errorf("%q has %d digits; an IMEI has 14, 15 or 16", s, n)
	}
	return IMEI(s), nil
}

// Device is the part that names the device: the first 14 digits. Two IMEIs are
// the same device when their Device is equal.
func (i IMEI) Device() string {
	if len(i) < 14 {
		return string(i)
	}
	return string(i[:14])
}

// Same reports whether both name one device. No device is the same as no device.
func (i IMEI) Same(other IMEI) bool { return i.Device() == other.Device() }

// CheckDigitFails reports whether a 15-digit IMEI ends in a wrong check digit,
// which is worth a warning: cheap modules ship such numbers.
func (i IMEI) CheckDigitFails() bool { return len(i) == 15 && !luhn(string(i)) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// luhn checks the Luhn sum of s, which must be all digits.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func runeAt(s string, i int) string {
	for _, r := range s[i:] {
		return string(r)
	}
	return ""
}

// spreadsheetHint explains numbers like 8.98606E+19, which a spreadsheet
// leaves in a CSV file where a column was not text.
func spreadsheetHint(s string) string {
	if strings.ContainsAny(s, ".+") && strings.ContainsAny(s, "eE") {
		return "; this looks like a number that a spreadsheet rounded: export the column as text"
	}
	return ""
}
