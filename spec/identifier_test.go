package spec

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseICCID(t *testing.T) {
	for _, row := range []struct{ in, want, wrong string }{
		{"89860617030017300390", "89860617030017300390", ""},
		{"898600D6991330004146", "898600D6991330004146", ""}, // CMIOT_API2002's sample
		{"898600d6991330004146", "898600D6991330004146", ""},
		{"8986032012345678901", "8986032012345678901", ""}, // 19 characters
		{"", "", "it is blank; an ICCID has 19 or 20 characters"},
		{"8986", "", `"8986" has 4 characters; an ICCID has 19 or 20`},
		{"898606170300173003901", "", "has 21 characters"},
		{"8986061703001730039F", "8986061703001730039", ""}, // a modem's filler behind 19 digits
		{"8986061703001730039f", "8986061703001730039", ""},
		{"898600D699133000414F", "898600D699133000414F", ""}, // behind letters it may be the ICCID's own
		{"98680671300071039001", "", `the card's file EF_ICCID holds them; the ICCID is 89866017030017300910`},
		{"986806713000710390F1", "", `the ICCID is 8986601703001730091`},
		{"98680671300071039", "", "has 17 characters"},
		{"8986061703001730039FF", "", `has 21 characters: 19 digits and a filler of F; the ICCID is 8986061703001730039`},
		{"89860617030017300390FF", "", `has 22 characters: 20 and a filler of F; the ICCID is 89860617030017300390`},
		{"8986061703001730039012", "", "has 22 characters"},
		{" 89860617030017300390", "", "white space around it"},
		{"8986061703001730039G", "", `holds "G"; an ICCID holds 0-9 and A-F only`},
		{"8986061703001730039０", "", `holds "０"`},
		{"12860617030017300390", "", "does not begin with 89"},
		{"8.98606E+19", "", "export the column as text"},
		{"8.98606e19", "", "export the column as text"},
		{"89860617030017302528.000000", "", "took it for a number: export the column as text"},
		{"89,860,617,030,017,310,007", "", "took it for a number: export the column as text"},
		{"89 860 617 030 017 310 007", "", "took it for a number: export the column as text"},
		{"inf", "", "took it for a number: export the column as text"},
		{"nan", "", "took it for a number: export the column as text"},
		{`="89860617030017300390"`, "", "guarded against spreadsheets"},
		{"'89860617030017300390", "", "guarded against spreadsheets"},
		{"８９８６", "", "full-width digits"},
		{"89860617\u200b030017300390", "", "U+200B, which can't be seen"},
	} {
		got, err := ParseICCID(row.in)
		assert.Equal(t, ICCID(row.want), got, row.in)
		if row.wrong == "" {
			assert.NoError(t, err, row.in)
		} else {
			assert.ErrorContains(t, err, row.wrong, row.in)
		}
	}
}

func TestParseIMEI(t *testing.T) {
	for _, row := range []struct{ in, wrong string }{
		{"86153603019600", ""},
		{"861536030196001", ""},
		{"8615360301960012", ""},
		{"", "it is blank; an IMEI has 14, 15 or 16 digits"},
		{"8615360301960", `"8615360301960" has 13 digits`},
		{"86153603019600123", "has 17 digits"},
		{"861536030196001 ", "white space around it"},
		{"86153603019600A", `holds "A"; an IMEI holds digits only`},
		{"8.61536E+14", "export the column as text"},
		{"861536030196001.0", "export the column as text"},
		{"861,536,030,196,001", "export the column as text"},
	} {
		got, err := ParseIMEI(row.in)
		if row.wrong == "" {
			assert.NoError(t, err, row.in)
			assert.Equal(t, IMEI(row.in), got)
		} else {
			assert.ErrorContains(t, err, row.wrong, row.in)
			assert.Empty(t, got)
		}
	}
}

func TestIMEIsAreOneDeviceByTheirFirstFourteenDigits(t *testing.T) {
	forms := []IMEI{"86153603019600", "861536030196001", "8615360301960012"}
	for _, a := range forms {
		for _, b := range forms {
			assert.True(t, a.Same(b), "%s and %s", a, b)
		}
		assert.False(t, a.Same("86153603019601"))
		assert.False(t, a.Same(""))
	}
	assert.True(t, IMEI("").Same(""))
}

// The carriers' own samples fail; only what has a check digit can fail at all.
func TestCheckDigits(t *testing.T) {
	for in, fails := range map[ICCID]bool{
		"89860617030017300390": true,
		"89860617030017300396": false,
		"89860617020025302476": false,
		"898600D6991330004146": false,
		"8986061703001730039":  false,
		"":                     false,
	} {
		assert.Equal(t, fails, in.CheckDigitFails(), string(in))
	}
	for in, fails := range map[IMEI]bool{
		"490154203237518":  false, // 3GPP TS 23.003's sample
		"490154203237517":  true,
		"49015420323751":   false,
		"4901542032375177": false,
		"":                 false,
	} {
		assert.Equal(t, fails, in.CheckDigitFails(), string(in))
	}
}

func TestEveryICCIDParsesToItsUpperCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`89[0-9A-Fa-f]{17,18}`).Draw(t, "iccid")
		got, err := ParseICCID(s)
		require.NoError(t, err)
		require.Equal(t, strings.ToUpper(s), string(got))
		again, err := ParseICCID(string(got))
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

// A check digit catches every change of a single digit.
func TestOneWrongDigitFailsTheCheck(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringMatching(`[0-9]{14}`).Draw(t, "body")
		var good []IMEI
		for d := range 10 {
			if imei := IMEI(body + string(rune('0'+d))); !imei.CheckDigitFails() {
				good = append(good, imei)
			}
		}
		require.Len(t, good, 1, "one check digit fits")
		at := rapid.IntRange(0, 14).Draw(t, "at")
		other := rapid.IntRange(1, 9).Draw(t, "by")
		wrong := []byte(good[0])
		wrong[at] = '0' + (wrong[at]-'0'+byte(other))%10
		require.True(t, IMEI(wrong).CheckDigitFails())
	})
}

func FuzzParseICCID(f *testing.F) {
	f.Add("898600d6991330004146")
	f.Add("8.9E+19")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseICCID(s)
		if err != nil {
			require.Empty(t, got)
			return
		}
		require.Regexp(t, `^89[0-9A-F]{17,18}$`, string(got))
		require.True(t, strings.EqualFold(s, string(got)))
	})
}

func FuzzParseIMEI(f *testing.F) {
	f.Add("861536030196001")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseIMEI(s)
		if err != nil {
			require.Empty(t, got)
			return
		}
		require.Regexp(t, `^[0-9]{14,16}$`, string(got))
		require.True(t, got.Same(IMEI(got.Device())))
	})
}

func TestTwoSpellingsOfACard(t *testing.T) {
	for _, row := range []struct {
		a, b ICCID
		same bool
	}{
		{"89860617030017300390", "89860617030017300390", true},
		{"89860617030017300390", "8986061703001730039", true},
		{"8986061703001730039", "89860617030017300390", true},
		{"89860617030017300390", "89860617030017300391", false},
		{"8986061703001730039", "8986061703001730038", false},
		{"", "89860617030017300390", false},
	} {
		assert.Equal(t, row.same, row.a.SameCard(row.b), "%s %s", row.a, row.b)
	}
}

func TestNumbersOfCardsAreDigits(t *testing.T) {
	for _, good := range []string{"12345", "14765004176", "1064633113571", "861064633113571"} {
		got, err := ParseMSISDN(good)
		assert.NoError(t, err)
		assert.Equal(t, good, got)
	}
	for bad, want := range map[string]string{
		"": "has 0 digits", "1234": "an MSISDN has 5 to 15", "8610646331135710": "has 16 digits", "+8614765004176": "digits only", " 14765004176": "white space",
		"1.06463E+12": "a spreadsheet rounded", "１４７６５００４１７６": "full-width digits",
	} {
		_, err := ParseMSISDN(bad)
		assert.ErrorContains(t, err, want, bad)
	}
}
