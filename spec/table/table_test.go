package table_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

const (
	cardA, cardB, cardC = "89860617030017300008", "89860617030017300016", "89860617030017300024"
	imeiA, imeiB        = "861536030200001", "861536030200019"
	canonical           = "iccid,imei\n" + cardA + "," + imeiA + "\n" + cardB + "," + imeiB + "\n"
)

// grids reads texts by their names, in the order that is given.
func grids(t *testing.T, texts ...string) []*table.Grid {
	t.Helper()
	var out []*table.Grid
	for i, text := range texts {
		g, diags := table.FromText("abc"[i:i+1]+".csv", []byte(text))
		require.Empty(t, diags)
		out = append(out, g)
	}
	return out
}

func written(t *testing.T, made *table.Table) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, made.Write(&b))
	return b.String()
}

func gbk(t *testing.T, s string) string {
	t.Helper()
	out, err := simplifiedchinese.GBK.NewEncoder().String(s)
	require.NoError(t, err)
	return out
}

func utf16(t *testing.T, s string, order unicode.Endianness, mark unicode.BOMPolicy) string {
	t.Helper()
	out, err := unicode.UTF16(order, mark).NewEncoder().String(s)
	require.NoError(t, err)
	return out
}

func TestTablesAreReadWhateverDressTheyCameIn(t *testing.T) {
	crlf := strings.ReplaceAll(canonical, "\n", "\r\n")
	with := func(sep string) string { return strings.ReplaceAll(crlf, ",", sep) }
	const chinese = "卡号,设备IMEI\n" + cardA + "," + imeiA + "\n" + cardB + "," + imeiB + "\n"
	for name, text := range map[string]string{
		"as it should be":   canonical,
		"mark":              "\uFEFF" + canonical,
		"Windows":           crlf,
		"old Mac":           strings.ReplaceAll(canonical, "\n", "\r"),
		"doubled CR":        strings.ReplaceAll(canonical, "\n", "\r\r\n"),
		"semicolons":        with(";"),
		"wide semicolons":   with("；"),
		"wide commas":       with("，"),
		"tabs":              with("\t"),
		"bars":              with("|"),
		"sep=":              "sep=;\r\n" + with(";"),
		"quoted sep=":       "\"sep=,\"\r\n" + crlf,
		"UTF-16":            utf16(t, with("\t"), unicode.LittleEndian, unicode.UseBOM),
		"UTF-16BE":          utf16(t, with("\t"), unicode.BigEndian, unicode.UseBOM),
		"UTF-16, no mark":   utf16(t, with("\t"), unicode.LittleEndian, unicode.IgnoreBOM),
		"Chinese":           chinese,
		"GBK":               gbk(t, chinese),
		"ICCID号":            strings.Replace(chinese, "卡号,设备IMEI", "ICCID号（20位）,IMEI 号", 1),
		"full-width header": strings.Replace(canonical, "iccid,imei", "ＩＣＣＩＤ,ＩＭＥＩ", 1),
		"in brackets":       strings.Replace(canonical, "iccid", "集成卡(ICCID)", 1),
		"title":             "物联网卡清单,\n2026-11-21,\n" + chinese,
		"group header":      "卡信息,设备信息\n" + chinese,
		"merged header":     "卡号,设备\n,IMEI\n" + strings.SplitN(canonical, "\n", 2)[1],
		"guards":            "iccid,imei\n=\"" + cardA + "\",=\"" + imeiA + "\"\n\"=\"\"" + cardB + "\"\"\",\"=\"\"" + imeiB + "\"\"\"\n",
		"apostrophes":       "iccid,imei\n'" + cardA + ",'" + imeiA + "\n'" + cardB + ",'" + imeiB + "\n",
		"tabs as guards":    "iccid,imei\n\t" + cardA + ",\"" + imeiA + "\t\"\n\t" + cardB + ",\t" + imeiB + "\n",
		"full-width digits": "iccid,imei\n８９８６０６１７０３００１７３００００８," + imeiA + "\n" + cardB + ",８６１５３６０３０２０００１９\n",
		"white space":       "iccid,imei\n " + cardA + " ,\u00a0" + imeiA + "\n\u3000" + cardB + "\u200b," + imeiB + "\u202c\n",
		"groups of four":    "iccid,imei\n8986 0617 0300 1730 0008,86-153603-020000-1\n8986-0617-0300-1730-0016," + imeiB + "\n",
		"point zero":        "iccid,imei\n" + cardA + "," + imeiA + ".0\n" + cardB + "," + imeiB + ".000000\n",
		"thousands":         "iccid,imei\n" + cardA + ",\"861,536,030,200,001\"\n" + cardB + ",861 536 030 200 019\n",
		"all 15 digits":     "iccid,imei\n" + cardA + ",8.61536030200001E+14\n" + cardB + "," + imeiB + "\n",
		"rows of commas":    "iccid,imei,,\n" + cardA + "," + imeiA + ",,\n" + cardB + "," + imeiB + ",,\n,,,\n,,,\n",
		"sum":               "iccid,imei\n" + cardA + "," + imeiA + "\n" + cardB + "," + imeiB + "\n合计,2\n",
		"remark":            "# exported\niccid,imei\n# north\n" + cardA + "," + imeiA + "\n" + cardB + "," + imeiB + "\n",
		"not in order":      "imei,iccid\n" + imeiB + "," + cardB + "\n" + imeiA + "," + cardA + "\n",
		"twice, alike":      canonical + cardA + "," + imeiA + "\n" + cardA + ",\n",
		"no last line end":  strings.TrimSuffix(canonical, "\n"),
		"short row":         "iccid,imei,\n" + cardA + "," + imeiA + "\n" + cardB + "," + imeiB + ",\n",
	} {
		t.Run(name, func(t *testing.T) {
			made, diags := table.New(grids(t, text), table.Options{})
			require.Empty(t, diags)
			assert.Equal(t, canonical, written(t, made))
		})
	}
}

func TestAnICCIDHasOneSpellingInATable(t *testing.T) {
	made, diags := table.New(grids(t, "iccid\n898600d6991330004146\n8986061703001730099F\n"), table.Options{})
	require.Empty(t, diags)
	assert.Equal(t, "iccid\n898600D6991330004146\n8986061703001730099\n", written(t, made))
}

func TestAListOfICCIDsNeedsNoHeader(t *testing.T) {
	made, diags := table.New(grids(t, "# returned\n"+cardB+"\n\n"+cardA+"\n"), table.Options{})
	require.Empty(t, diags)
	assert.Equal(t, "iccid\n"+cardA+"\n"+cardB+"\n", written(t, made))
}

func TestOtherColumnsAreKeptAndWordsOfStatusAreNoWish(t *testing.T) {
	text := "序号,ICCID,卡号,状态,套餐,\n1," + cardA + ",1440000000001,停机,10002,x\n"
	made, diags := table.New(grids(t, text), table.Options{})
	require.Empty(t, diags)
	assert.Equal(t, "iccid,序号,卡号,状态,套餐,column_F\n"+cardA+",1,1440000000001,停机,10002,x\n", written(t, made))

	made, diags = table.New(grids(t, "ICCID,启用,地市\n"+cardA+",是,杭州\n"+cardB+",FALSE,宁波\n"),
		table.Options{Columns: map[string]string{"active": "启用", "city": "地市"}})
	require.Empty(t, diags)
	assert.Equal(t, "iccid,active,city\n"+cardA+",true,杭州\n"+cardB+",false,宁波\n", written(t, made))
}

func TestWhatCantBeKnownIsRefusedWithItsCell(t *testing.T) {
	for name, row := range map[string]struct {
		text, summary, detail string
		columns               map[string]string
	}{
		"E notation":         {"iccid,imei\n8.98606E+19,\n", "Lost digits", `a.csv row 2, column "iccid": "8.98606E+19" is a number that lost digits`, nil},
		"E notation, IMEI":   {"iccid,imei\n" + cardA + ",8.61536E+14\n", "Lost digits", `row 2, column "imei": "8.61536E+14" is a number that lost digits: it shows 6 of its 15 digits`, nil},
		"fraction":           {"iccid,imei\n89860617030017302528.000000,\n", "Lost digits", "a number of so many digits is rounded", nil},
		"thousands":          {"iccid,imei\n\"89,860,617,030,017,310,007\",\n", "Lost digits", "take the list anew", nil},
		"inf":                {"iccid,imei\ninf,\n", "Lost digits", `"inf"`, nil},
		"nan":                {"iccid,imei\n" + cardA + ",nan\n", "Lost digits", `"nan"`, nil},
		"cut to 15":          {"iccid\n89860617030017300000\n89860617030117300000\n", "Lost digits", "2 of 2 ICCIDs end in zeros", nil},
		"no ICCIDs":          {"名称,数量\n车,2\n", "Missing column", `its first line is "名称", "数量". Say which one holds the ICCIDs with -columns=iccid=NAME`, nil},
		"no header":          {cardA + "," + imeiA + "\n", "Missing column", "write one above, such as iccid,imei", nil},
		"no such column":     {canonical, "Missing column", `has no column "卡" among its first lines`, map[string]string{"iccid": "卡"}},
		"no such other":      {canonical, "Missing column", `has no column "城市"; its columns are "iccid", "imei"`, map[string]string{"city": "城市"}},
		"two for one":        {"ICCID,SIM ICCID\n" + cardA + "," + cardB + "\n", "Two columns for one", "-columns=iccid=NAME", nil},
		"a phone number":     {"卡号,IMEI\n1440000000001,\n", "Invalid ICCID", `column "卡号": "1440000000001" has 13 characters`, nil},
		"swapped":            {"iccid\n98680671300071390080\n", "Invalid ICCID", "digits swapped in pairs", nil},
		"bad IMEI":           {"iccid,imei\n" + cardA + ",12345\n", "Invalid IMEI", "has 5 digits", nil},
		"a stop is no wish":  {"iccid,状态\n" + cardA + ",停机\n", "Not true or false", `row 2, column "状态" is "停机". active takes`, map[string]string{"active": "状态"}},
		"twice, differently": {"iccid,imei\n" + cardA + "," + imeiA + "\n" + cardA + "," + imeiB + "\n", "Conflict", `imei of ` + cardA + ` is "` + imeiA + `" (a.csv row 2, column "imei") and "` + imeiB + `" (a.csv row 3, column "imei")`, nil},
		"too many fields":    {"iccid,note\n" + cardA + ",a,b\n", "Too many fields", "a.csv row 2 has more fields", nil},
		"which card":         {"iccid\n8986061703001730001\n89860617030017300016\n89860617030017300017\n", "Which card?", "8986061703001730001 (a.csv row 2", nil},
		"nothing":            {"iccid\n", "No row", "a.csv", nil},
	} {
		t.Run(name, func(t *testing.T) {
			made, diags := table.New(grids(t, row.text), table.Options{Columns: row.columns})
			require.Nil(t, made)
			require.True(t, diags.HasErrors())
			assert.Equal(t, row.summary, diags[0].Summary)
			assert.Contains(t, diags[0].Detail, row.detail)
		})
	}
}

func TestWhatIsNoTableIsRefusedWithTheWayOut(t *testing.T) {
	for name, row := range map[string]struct{ file, text, detail string }{
		"open quote":  {"a.csv", "iccid,note\n" + cardA + ",\"x\n" + cardB + ",y\n", "a quote is opened in row 2 and not closed there: it swallows what follows, up to row 3"},
		"bare quote":  {"a.csv", "iccid,note\n" + cardA + ",5\" x\n", "a.csv row 2: a quote stands inside a field"},
		"cut off":     {"a.csv", canonical + "89860617030017300024", "a.csv row 4 is the last"},
		"xls":         {"卡.xls", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00\x00", "卡.xls: It is a workbook of Excel 97 to 2003 (xls), not a CSV file. Open it in Excel, WPS or LibreOffice, and save it as xlsx. Then this makes a table of it: cardfleet table 卡.xlsx -out=卡.csv"},
		"password":    {"a.xlsx", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1E\x00n\x00c\x00r\x00y\x00p\x00t\x00i\x00o\x00n\x00I\x00n\x00f\x00o\x00", "Save it without a password"},
		"web page":    {"a.xls", "<html><table><tr><td>ICCID</td></tr></table></html>", "It is a web page, whatever its name"},
		"PDF":         {"a.pdf", "%PDF-1.7 x", "Hand over the list itself"},
		"JSON":        {"a.json", "\uFEFF[\n {\"iccid\": \"" + cardA + "\"}]", "It is JSON, not a CSV file. A configuration reads it by jsondecode(file(…))"},
		"gzip":        {"a.csv.gz", "\x1f\x8b\x08\x00", "compressed"},
		"an archive":  {"a.zip", "PK\x03\x04\x14\x00\x00\x00notes.txt", "compressed"},
		"ods":         {"a.ods", "PK\x03\x04\x14\x00\x00\x00mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "save it as xlsx"},
		"bytes":       {"a.csv", "\x00\x01\x02\x03\xff\xfe\x00", "It is no text."},
		"empty":       {"a.csv", "", "The file is empty. Its first line names the columns"},
		"nobody's":    {"a.csv", "iccid,n\xe9,\x80\n", "neither UTF-8 nor GBK"},
		"two of them": {"a.csv", "iccid,note\n" + cardA + ",杭州\n" + cardB + ",\xba\xbc\n" + strings.Repeat(cardA+",杭州,\n", 3000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := table.FromText(row.file, []byte(row.text))
			require.True(t, diags.HasErrors())
			assert.Contains(t, diags[0].Detail, row.detail)
		})
	}
}

func TestAFormNamesWhatKeepsAStrictReaderFromAFile(t *testing.T) {
	assert.Empty(t, table.Recognise([]byte(canonical)).Cause())
	assert.Empty(t, table.Recognise([]byte("\uFEFF"+strings.ReplaceAll(canonical, "\n", "\r\n"))).Cause())
	assert.Empty(t, table.Recognise([]byte("name,city\na;b,c\n")).Cause(), "what isn't ours is left alone")
	for text, cause := range map[string]string{
		"iccid;imei\n1;2\n":                 "separated by semicolons (;)",
		"iccid；imei\n1；2\n":                 "separated by full-width semicolons",
		"iccid\timei\n1\t2\n":               "separated by tabs",
		"sep=,\niccid,imei\n":               `"sep=", which is no header: delete that line`,
		"iccid,imei\r1,2\r":                 "end in CR alone",
		"iccid,imei\r\r\n1,2\r\r\n":         "CR CR LF",
		"清单,\niccid,imei\n1,2\n":            "The header seems to be line 2",
		"iccid,imei\n=\"1\",2\n":            `guarded against spreadsheets`,
		"PK\x03\x04..xl/worksheets/":        "a workbook (xlsx)",
		"iccid,note\n1,\xba\xbc\xd6\xdd\n":  "looks like GBK",
		"\xff\xfei\x00c\x00c\x00i\x00d\x00": "UTF-16",
	} {
		assert.Contains(t, table.Recognise([]byte(text)).Cause(), cause, "%q", text)
	}
}

func TestGBKThatIsValidUTF8IsToldFromWhatPeopleWrite(t *testing.T) {
	for _, word := range []string{"状态", "停机状态", "状态x"} {
		text := gbk(t, word)
		if strings.ToValidUTF8(text, "") == text {
			assert.True(t, table.LooksGBK(text), word)
		}
	}
	assert.True(t, table.LooksGBK("\xd7\xb4\xcc\xac"))
	for _, text := range []string{"", "abc", "状态", "é", "Düsseldorf Süd", "±5 °C", "Москва", "Αθήνα", "شركة", "ọ̣ọ", "naïve café", "½ ¼"} {
		assert.False(t, table.LooksGBK(text), text)
	}
}

func TestFilesOfOneFleetAreJoinedByICCID(t *testing.T) {
	made, diags := table.New(grids(t, "iccid,imei\n"+cardA+","+imeiA+"\n"+cardB+",\n", "卡号,IMEI,城市\n8986061703001730001,"+imeiB+",杭州\n"+cardC+",,宁波\n"), table.Options{})
	require.Len(t, diags, 1)
	assert.Equal(t, spec.Warning, diags[0].Severity)
	assert.Equal(t, "One card in two spellings", diags[0].Summary)
	assert.Equal(t, "iccid,imei,城市\n"+cardA+","+imeiA+",\n"+cardB+","+imeiB+",杭州\n"+cardC+",,宁波\n", written(t, made))

	_, diags = table.New(grids(t, canonical, "iccid,imei\n"+cardA+","+imeiB+"\n"), table.Options{})
	require.True(t, diags.HasErrors())
	assert.Contains(t, diags[0].Detail, `"`+imeiA+`" (a.csv row 2, column "imei") and "`+imeiB+`" (b.csv row 2, column "imei")`)
}

func TestOneDeviceInTwoCardsIsAWarning(t *testing.T) {
	made, diags := table.New(grids(t, "iccid,imei\n"+cardA+","+imeiA+"\n"+cardB+","+imeiA[:14]+"\n"), table.Options{})
	require.NotNil(t, made)
	require.Len(t, diags, 1)
	assert.Equal(t, "One device in two cards", diags[0].Summary)
}

func TestATableThatIsThereKeepsItsOtherColumns(t *testing.T) {
	make := func(text string) *table.Table {
		made, diags := table.New(grids(t, text), table.Options{})
		require.False(t, diags.HasErrors())
		return made
	}
	old := make("iccid,imei,city\n" + cardA + "," + imeiA + ",hangzhou\n8986061703001730001,,ningbo\n89860617030017300032,,taizhou\n")
	next := make("iccid,imei,套餐\n" + cardA + ",,10002\n" + cardB + "," + imeiB + ",\n" + cardC + ",,\n")
	merged, d := next.Onto(old)
	assert.Equal(t, "iccid,imei,city,套餐\n"+cardA+","+imeiA+",hangzhou,10002\n8986061703001730001,"+imeiB+",ningbo,\n"+cardC+",,,\n", written(t, merged))
	assert.Equal(t, []spec.ICCID{cardC}, d.Added)
	assert.Equal(t, []spec.ICCID{"89860617030017300032"}, d.Gone)
	assert.Equal(t, []string{"套餐"}, d.NewColumns)
	assert.Equal(t, 1, d.Kept)
	assert.Len(t, d.Changed, 2)
	assert.True(t, d.Any())

	again, d := merged.Onto(merged)
	assert.False(t, d.Any())
	assert.Equal(t, written(t, merged), written(t, again))
}

func TestTheNotesSayWhatWasDoneToWhichRows(t *testing.T) {
	made, diags := table.New(grids(t, "卡号;imei\n"+cardA+"; "+imeiA+"\n'"+cardB+";"+imeiB+".0\n"), table.Options{})
	require.Empty(t, diags)
	var notes []string
	for _, n := range made.Notes {
		notes = append(notes, n.What)
		if n.Count > 0 {
			assert.NotEmpty(t, n.Rows)
		}
	}
	assert.Equal(t, []string{"fields are separated by semicolons (;)", `column "卡号" becomes iccid`, "white space and characters that can't be seen are taken away",
		`guards (="…", ') are taken away`, "numbers are written out (such as 861536030196001.0)"}, notes)
}
