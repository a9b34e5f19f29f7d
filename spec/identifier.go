package spec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ICCID is a card's number in its one spelling: upper case, 19 or 20
// characters, without the filler that modems print behind 19. Make one with
// [ParseICCID]; the zero value is no card.
type ICCID string

// ParseICCID reads an ICCID: "89", then 17 or 18 of 0-9 and A-F. Lower case is
// folded up, and a filler F behind 19 digits, as modems print it, is dropped.
// China Mobile's ICCIDs hold hex letters (CMIOT_API2002 shows
// 898600D6991330004146), so letters are no mistake, nor is an F behind some. The
// check digit is not looked at, since it holds for none of the carriers' own
// samples; see [ICCID.CheckDigitFails].
//
// Forms that clearly come from an ICCID are errors that say which: digits
// swapped in pairs as the card's file EF_ICCID holds them (3GPP TS 31.102 §4.2,
// ETSI TS 102 221 §13.2), and 21 or 22 characters.
func ParseICCID(s string) (ICCID, error) {
	if err := checkICCID(s); err != nil {
		return "", err
	}
	return ICCID(withoutFiller(strings.ToUpper(s))), nil
}

// withoutFiller drops the F that fills up the tenth byte of 19 digits.
func withoutFiller(s string) string {
	if bare, filled := strings.CutSuffix(s, "F"); filled && len(bare) == 19 && allDigits(bare) {
		return bare
	}
	return s
}

// Stem is what is left of an ICCID without its check digit: two of 19 and 20
// characters with one stem may be one card.
func (c ICCID) Stem() ICCID {
	if len(c) == 20 {
		return c[:19]
	}
	return c
}

// SameCard reports whether both may name one card: they are equal, or one of
// them is the other without its check digit.
func (c ICCID) SameCard(other ICCID) bool {
	return c == other || len(c) != len(other) && c.Stem() == other.Stem()
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
			return fmt.Errorf("%q holds %s; an ICCID holds 0-9 and A-F only%s", s, quoteRune(s[i:]), dressHint(s))
		}
	}
	n := len(s)
	if (n == 19 || n == 20) && s[:2] == "89" {
		return nil
	}
	if from := origin(strings.ToUpper(s)); from != "" {
		return fmt.Errorf("%q %s", s, from)
	}
	if n != 19 && n != 20 {
		return fmt.Errorf("%q has %d characters; an ICCID has 19 or 20", s, n)
	}
	return fmt.Errorf("%q does not begin with 89, as every ICCID does", s)
}

// origin says which form of an ICCID s is, where it is no ICCID; "" for none.
func origin(s string) string {
	n := len(s)
	switch {
	case n == 20 && strings.HasPrefix(s, "98") && checkICCID(unswap(s)) == nil:
		return fmt.Sprintf("has its digits swapped in pairs, as the card's file EF_ICCID holds them; the ICCID is %s", withoutFiller(unswap(s)))
	case (n == 21 || n == 22) && strings.HasPrefix(s, "89") && strings.TrimRight(s[19:], "F") == "":
		return fmt.Sprintf("has %d characters: 19 digits and a filler of F; the ICCID is %s", n, s[:19])
	case (n == 21 || n == 22) && strings.HasPrefix(s, "89") && strings.TrimRight(s[20:], "F") == "":
		return fmt.Sprintf("has %d characters: 20 and a filler of F; the ICCID is %s", n, s[:20])
	case n == 21 || n == 22:
		return fmt.Sprintf("has %d characters; an ICCID has 19 or 20. Two columns may be joined, or a digit is twice there", n)
	}
	return ""
}

// unswap exchanges the two characters of each pair.
func unswap(s string) string {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

// Operator is the operator that issued the card, such as "China Mobile", by the
// issuer's identifier behind 89 and the country's code (ITU-T E.118); ""
// where that isn't known. What is known are China's, 8986 and two digits: 00 and
// 02, and 04, 07 and 08, which public samples show, are China Mobile's; 01, 06 and
// 09 China Unicom's; 03 and 11 China Telecom's. They are gathered from samples of
// the carriers' documents and others, since no official list is public.
func (c ICCID) Operator() string {
	if len(c) < 6 || c[:4] != "8986" {
		return ""
	}
	switch c[4:6] {
	case "00", "02", "04", "07", "08":
		return "China Mobile"
	case "01", "06", "09":
		return "China Unicom"
	case "03", "11":
		return "China Telecom"
	}
	return ""
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
			return "", fmt.Errorf("%q holds %s; an IMEI holds digits only%s", s, quoteRune(s[i:]), dressHint(s))
		}
	}
	if n := len(s); n < 14 || n > 16 {
		return "", fmt.Errorf("%q has %d digits; an IMEI has 14, 15 or 16", s, n)
	}
	return IMEI(s), nil
}

// ParseMSISDN reads a card's number as carriers write it: 5 to 15 digits, the
// country's code included where the carrier includes it (ITU-T E.164 allows 15;
// China Mobile's have 11 or 13, CMIOT_API2002).
func ParseMSISDN(s string) (string, error) {
	if strings.TrimSpace(s) != s {
		return "", fmt.Errorf("%q has white space around it", s)
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return "", fmt.Errorf("%q holds %s; an MSISDN holds digits only%s", s, quoteRune(s[i:]), dressHint(s))
		}
	}
	if n := len(s); n < 5 || n > 15 {
		return "", fmt.Errorf("%q has %d digits; an MSISDN has 5 to 15", s, n)
	}
	return s, nil
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

// TAC is the type allocation code: the first eight digits, which all devices of a
// model share (3GPP TS 23.003, 6.2.1); "" where there are fewer.
func (i IMEI) TAC() string {
	if len(i) < 8 {
		return ""
	}
	return string(i[:8])
}

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

// quoteRune quotes the first character of s; one that can't be seen is named.
func quoteRune(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	if !unicode.IsGraphic(r) || unicode.IsSpace(r) && r != ' ' {
		return fmt.Sprintf("the character %U, which can't be seen", r)
	}
	return strconv.Quote(string(r))
}

// dressHint explains what programs put around a number, or make of it.
func dressHint(s string) string {
	switch {
	case strings.ContainsAny(s, ".+") && strings.ContainsAny(s, "eE"):
		return "; this looks like a number that a spreadsheet rounded: export the column as text"
	case LooksNumeric(s):
		return "; a program took it for a number: export the column as text"
	case strings.HasPrefix(s, "=") || strings.HasPrefix(s, "'"):
		return "; it is guarded against spreadsheets: write the digits alone"
	case strings.ContainsFunc(s, func(r rune) bool { return r >= '０' && r <= '９' }):
		return "; it is written in full-width digits: write 0-9"
	}
	return ""
}

// LooksNumeric reports whether s is a number as programs print one: with a
// fraction, with thousands parted, with an exponent, or none at all (inf, nan).
// Bare digits are not.
func LooksNumeric(s string) bool {
	s = strings.TrimLeft(strings.ToLower(strings.TrimSpace(s)), "+-")
	switch s {
	case "inf", "infinity", "nan":
		return true
	case "":
		return false
	}
	if !isDigit(s[0]) {
		return false
	}
	mantissa, exponent, hasExponent := strings.Cut(s, "e")
	if hasExponent && !allDigits(strings.TrimLeft(exponent, "+-")) {
		return false
	}
	bare := strings.NewReplacer(".", "", ",", "", "'", "", "_", "", " ", "", "\u00a0", "", "\u202f", "", "，", "", "．", "").Replace(mantissa)
	return allDigits(bare) && (len(bare) < len(mantissa) || hasExponent && strings.ContainsAny(exponent, "+-"))
}
