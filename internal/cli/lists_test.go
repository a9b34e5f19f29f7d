package cli_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// The two cards that every list is about, unless it says otherwise.
const (
	listedA, listedB         = "89860617030017300008", "89860617030017300016"
	listedIMEIa, listedIMEIb = "861536030200001", "861536030200019"
)

// handed is a list as somebody hands it over, and what each reader makes of it.
type handed struct {
	name string // of the file; its ending is part of it
	data []byte
	// strict is what from_csv and csvdecode say, lenient what table and import
	// say; "" is that both cards are read right.
	strict, lenient string
	// onlyIMEI reports that the fault is in a column that import doesn't read.
	onlyIMEI bool
	columns  string // of table and import
	want     map[string]string
}

func bothCards() map[string]string {
	return map[string]string{listedA: listedIMEIa, listedB: listedIMEIb}
}

// texts are lists as portals, scripts, modems and people write them.
func handedTexts(t *testing.T) []handed {
	t.Helper()
	plain := "iccid,imei\n" + listedA + "," + listedIMEIa + "\n" + listedB + "," + listedIMEIb + "\n"
	with := func(sep string) []byte { return []byte(strings.ReplaceAll(plain, ",", sep)) }
	rows := func(header, a, b string) []byte { return []byte(header + "\n" + a + "\n" + b + "\n") }
	a, b := listedA+","+listedIMEIa, listedB+","+listedIMEIb
	gbk := func(s string) []byte {
		out, err := simplifiedchinese.GBK.NewEncoder().String(s)
		require.NoError(t, err)
		return []byte(out)
	}
	utf16 := func(s string, order unicode.Endianness, mark unicode.BOMPolicy) []byte {
		out, err := unicode.UTF16(order, mark).NewEncoder().String(s)
		require.NoError(t, err)
		return []byte(out)
	}
	imeis := func(x, y string) []byte { return rows("iccid,imei", listedA+","+x, listedB+","+y) }
	iccids := func(x, y string) []byte { return rows("iccid,imei", x+","+listedIMEIa, y+","+listedIMEIb) }
	return []handed{
		{name: "plain.csv", data: []byte(plain)},
		{name: "mark.csv", data: []byte("\uFEFF" + plain)},
		{name: "crlf.csv", data: []byte(strings.ReplaceAll(plain, "\n", "\r\n"))},
		{name: "noend.csv", data: []byte(strings.TrimSuffix(plain, "\n"))},
		{name: "blanklines.csv", data: []byte(strings.ReplaceAll(plain, "\n", "\n\n"))},
		{name: "quoted.csv", data: rows(`"iccid","imei"`, `"`+listedA+`","`+listedIMEIa+`"`, `"`+listedB+`","`+listedIMEIb+`"`)},
		{name: "commas-at-end.csv", data: []byte("iccid,imei,note\n" + a + ",\n" + b + ",\n,,\n,,\n")},
		{name: "line-break.csv", data: []byte("note,iccid,imei\n\"a\nb\"," + a + "\n," + b + "\n")},
		{name: "oldmac.csv", data: []byte(strings.ReplaceAll(plain, "\n", "\r")), strict: "CR alone"},
		{name: "oldmac-mark.csv", data: []byte("\uFEFF" + strings.ReplaceAll(plain, "\n", "\r")), strict: "CR alone"},
		{name: "doubled-cr.csv", data: []byte(strings.ReplaceAll(plain, "\n", "\r\r\n")), strict: "CR CR LF"},
		{name: "semicolons.csv", data: with(";"), strict: "semicolons"},
		{name: "wide-semicolons.csv", data: with("；"), strict: "full-width semicolons"},
		{name: "wide-commas.csv", data: with("，"), strict: "full-width commas"},
		{name: "tabs.txt", data: with("\t"), strict: "tabs"},
		{name: "bars.txt", data: with("|"), strict: "separated by"},
		{name: "sep.csv", data: append([]byte("sep=,\r\n"), plain...), strict: "sep="},
		{name: "sep-semicolon.csv", data: append([]byte("sep=;\r\n"), with(";")...), strict: "sep="},
		{name: "utf16.txt", data: utf16(strings.ReplaceAll(plain, ",", "\t"), unicode.LittleEndian, unicode.UseBOM), strict: "UTF-16"},
		{name: "utf16be.txt", data: utf16(plain, unicode.BigEndian, unicode.UseBOM), strict: "UTF-16"},
		{name: "utf16-nomark.csv", data: utf16(plain, unicode.LittleEndian, unicode.IgnoreBOM), strict: "UTF-16"},
		{name: "gbk.csv", data: gbk("卡号,设备IMEI,城市\n" + a + ",杭州\n" + b + ",宁波\n"), strict: "GBK"},
		{name: "gbk-notes.csv", data: gbk("iccid,imei,note\n" + a + ",杭州市\n" + b + ",宁波\n"), strict: "GBK"},
		{name: "chinese.csv", data: rows("卡号,设备IMEI", a, b), strict: "卡号"},
		{name: "iccid号.csv", data: rows("ICCID号,IMEI号", a, b), strict: `Did you mean|seems to be it: rename it to iccid`},
		{name: "upper.csv", data: rows("ICCID,IMEI", a, b), strict: `Did you mean|seems to be it: rename it to iccid`},
		{name: "spaced-header.csv", data: rows(" iccid , imei ", a, b), strict: `Did you mean|seems to be it: rename it to iccid`},
		{name: "wide-header.csv", data: rows("ＩＣＣＩＤ,ＩＭＥＩ", a, b), strict: `Did you mean|seems to be it: rename it to iccid`},
		{name: "brackets.csv", data: rows("卡号（ICCID）,终端IMEI(15位)", a, b), strict: `Did you mean|seems to be it: rename it to iccid`},
		{name: "both-numbers.csv", data: rows("卡号,ICCID,IMEI", "1440000000001,"+a, "1440000000002,"+b), strict: `Did you mean|seems to be it: rename it to iccid`},
		{name: "title.csv", data: rows("物联网卡清单,\niccid,imei", a, b), strict: "header seems to be line 2"},
		{name: "titles.csv", data: rows("物联网卡清单,\n导出时间：2026-11-21,\n,\niccid,imei", a, b), strict: "header seems to be line 4"},
		{name: "merged-header.csv", data: rows("卡号,设备\n,IMEI", a, b), strict: "卡号"},
		{name: "groups.csv", data: rows("卡,设备\niccid,imei", a, b), strict: "header seems to be line 2"},
		{name: "other-order.csv", data: rows("imei,city,iccid", listedIMEIb+",x,"+listedB, listedIMEIa+",y,"+listedA)},
		{name: "guards.csv", data: iccids(`="`+listedA+`"`, `="`+listedB+`"`), strict: "guarded"},
		{name: "quoted-guards.csv", data: iccids(`"=""`+listedA+`"""`, `"=""`+listedB+`"""`), strict: "guarded"},
		{name: "apostrophes.csv", data: iccids("'"+listedA, "'"+listedB), strict: "guarded"},
		{name: "tab-guards.csv", data: iccids("\t"+listedA, "\t"+listedB), strict: "white space"},
		{name: "spaces.csv", data: iccids(listedA+" ", " "+listedB), strict: "white space"},
		{name: "nbsp.csv", data: iccids(listedA+"\u00a0", listedB), strict: "white space"},
		{name: "zero-width.csv", data: iccids(listedA+"\u200b", listedB), strict: "can't be seen"},
		{name: "wide-digits.csv", data: iccids("８９８６０６１７０３００１７３００００８", listedB), strict: "full-width"},
		{name: "groups-of-four.csv", data: iccids("8986 0617 0300 1730 0008", "8986-0617-0300-1730-0016"), strict: `"8986 0617 0300 1730 0008" holds " "`},
		{name: "point-zero.csv", data: imeis(listedIMEIa+".0", listedIMEIb+".0"), strict: "took it for a number"},
		{name: "point-zeros.csv", data: imeis(listedIMEIa+".000000", listedIMEIb), strict: "took it for a number"},
		{name: "thousands.csv", data: imeis(`"861,536,030,200,001"`, listedIMEIb), strict: "took it for a number"},
		{name: "full-e.csv", data: imeis("8.61536030200001E+14", listedIMEIb), strict: `looks like a number that a spreadsheet rounded`},
		{name: "lower-e.csv", data: imeis("8.61536e+14", listedIMEIb), strict: `looks like a number that a spreadsheet rounded`, lenient: "lost digits", onlyIMEI: true},
		{name: "nan.csv", data: imeis("nan", listedIMEIb), strict: `took it for a number|looks like a number`, lenient: "lost digits", onlyIMEI: true},
		{name: "e.csv", data: iccids("8.98606E+19", listedB), strict: `looks like a number that a spreadsheet rounded`, lenient: "lost digits"},
		{name: "comma-e.csv", data: []byte("iccid;imei\n8,98606E+19;" + listedIMEIa + "\n"), strict: "semicolons", lenient: "lost digits"},
		{name: "inf.csv", data: iccids("inf", listedB), strict: `took it for a number|looks like a number`, lenient: "lost digits"},
		{name: "float-iccid.csv", data: iccids("89860617030017302528.000000", listedB), strict: `took it for a number|looks like a number`, lenient: "lost digits"},
		{name: "thousands-iccid.csv", data: iccids(`"89,860,617,030,017,300,008"`, listedB), strict: `took it for a number|looks like a number`, lenient: "lost digits"},
		{name: "cut-to-15.csv", data: iccids("89860617030017300000", "89860617030117300000"), strict: `2 of 2 ICCIDs end in zeros`, lenient: "end in zeros"},
		{name: "doubles.csv", data: rounded(), strict: `All 6 ICCIDs are multiples of 1,024 or 16,384`, lenient: "multiples"},
		{name: "header-alone.csv", data: []byte("iccid,imei\n"), strict: `"header-alone.csv" has no row`, lenient: "no row below it"},
		{name: "lower-hex.csv", data: rows("iccid,imei", "898600d6991330004146,"+listedIMEIa, b), want: map[string]string{"898600D6991330004146": listedIMEIa, listedB: listedIMEIb}},
		{name: "filler.csv", data: iccids("8986061703001730001F", "8986061703001730002f"), want: map[string]string{"8986061703001730001": listedIMEIa, "8986061703001730002": listedIMEIb}},
		{name: "filled-to-22.csv", data: iccids(listedA+"FF", listedB), strict: "filler of F", lenient: "filler of F"},
		{name: "swapped.csv", data: iccids("98680671300071030080", listedB), strict: "swapped", lenient: "swapped"},
		{name: "short-iccid.csv", data: iccids("898606170300", listedB), strict: "12 characters", lenient: "12 characters"},
		{name: "phone-numbers.csv", data: rows("卡号,imei", "1440000000001,"+listedIMEIa, "1440000000002,"+listedIMEIb), strict: "卡号", lenient: "13 characters"},
		{name: "short-imei.csv", data: imeis("86153603", listedIMEIb), strict: "8 digits", lenient: "8 digits", onlyIMEI: true},
		{name: "open-quote.csv", data: []byte("iccid,imei,note\n" + a + ",\"x\n" + b + ",y\n"), strict: `closing quote is missing|extraneous or missing`, lenient: "a quote is opened in row 2"},
		{name: "bare-quote.csv", data: []byte("iccid,imei,note\n" + a + ",5\" x\n" + b + ",y\n"), strict: `bare "|quote stands inside a field`, lenient: "quote"},
		{name: "more-fields.csv", data: []byte("iccid,imei,note\n" + a + ",x,y\n" + b + ",y\n"), strict: `wrong number of fields`, lenient: "more fields"},
		{name: "cut-off.csv", data: []byte("iccid,imei,note\n" + a + ",x\n" + listedB), strict: `wrong number of fields`, lenient: "cut off"},
		{name: "sum.csv", data: []byte("iccid,imei\n" + a + "\n" + b + "\n合计,2\n"), strict: "合计"},
		{name: "remarks.csv", data: []byte("# from the portal\niccid,imei\n" + a + "\n" + b + "\n"), strict: "header seems to be line 2"},
		{name: "twice.csv", data: []byte(plain + a + "\n"), strict: `ICCID 89860617030017300008.*twice|declared twice|duplicate object key|two different items`},
		{name: "conflict.csv", data: []byte("iccid,imei\n" + a + "\n" + listedA + "," + listedIMEIb + "\n"), strict: `ICCID 89860617030017300008.*twice|declared twice|duplicate object key|two different items`, lenient: "nothing tells which is right", onlyIMEI: true},
		{name: "empty.csv", data: nil, strict: `the file is empty|missing header line`, lenient: "empty"},
		{name: "marks-alone.csv", data: []byte("\uFEFF"), strict: `the file is empty|missing header line`, lenient: "empty"},
		{name: "no-iccids.csv", data: []byte("name,count\nbike,2\n"), strict: `no column "iccid"|does not have an attribute named "iccid"`, lenient: "no column of ICCIDs"},
		{name: "no-header.csv", data: []byte(a + "\n" + b + "\n"), strict: `no column "iccid"|does not have an attribute named "iccid"`, lenient: "no line of names"},
		{name: "named.csv", data: rows("编号,模组", a, b), strict: `no column "iccid"|does not have an attribute named "iccid"`, columns: "iccid=编号,imei=模组"},
		{name: "page.xls", data: []byte("<html><table><tr><td>ICCID</td></tr><tr><td>" + listedA + "</td></tr></table></html>"), strict: `web page`, lenient: "web page"},
		{name: "gzip.csv.gz", data: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), strict: `compressed file`, lenient: "compressed"},
		{name: "doc.pdf", data: []byte("%PDF-1.7\n1 0 obj"), strict: "PDF", lenient: "PDF"},
		{name: "latin.csv", data: []byte("iccid,imei,note\n" + a + ",Z\xfcrich\n" + b + ",\xff\n"), strict: "UTF-8", lenient: "neither UTF-8 nor GBK"},
	}
}

// handedTrees are lists in JSON and YAML, as scripts write them: what table and
// import say of them, and what a for_each over their decoded value says.
func handedTrees() []handed {
	const json = `[{"iccid": "` + listedA + `", "imei": "` + listedIMEIa + `"}, {"iccid": "` + listedB + `", "imei": "` + listedIMEIb + `"}]`
	const yaml = "- iccid: \"" + listedA + "\"\n  imei: \"" + listedIMEIa + "\"\n- iccid: \"" + listedB + "\"\n  imei: \"" + listedIMEIb + "\"\n"
	with := func(text string, pairs ...string) []byte { return []byte(strings.NewReplacer(pairs...).Replace(text)) }
	bare := func(text string, numbers ...string) []byte {
		for _, n := range numbers {
			text = strings.ReplaceAll(text, `"`+n+`"`, n)
		}
		return []byte(text)
	}
	return []handed{
		{name: "plain.json", data: []byte(json)},
		{name: "mark.json", data: []byte("\uFEFF" + json)},
		{name: "bare-iccids.json", data: bare(json, listedA, listedB), strict: "An ICCID is a text: write it in quotes"},
		{name: "bare-imeis.json", data: bare(json, listedIMEIa, listedIMEIb), strict: "An IMEI is a text: write it in quotes"},
		{name: "one-bare-imei.json", data: bare(json, listedIMEIb), strict: "An IMEI is a text: write it in quotes"},
		{name: "e.json", data: with(json, `"`+listedA+`"`, "8.98606e+19"), strict: "An ICCID is a text: write it in quotes"},
		{name: "e-text.json", data: with(json, listedA, "8.98606e+19"), strict: "looks like a number that a spreadsheet rounded"},
		{name: "cut-to-15.json", data: with(json, listedA, "89860617030017300000", listedB, "89860617030117300000"), strict: "2 of 2 ICCIDs end in zeros"},
		{name: "key-twice.json", data: with(json, `"imei": "`+listedIMEIa, `"iccid": "`+listedB), strict: `the key "iccid" stands twice in one map: in line 1 and in line 1`},
		{name: "no-rows.json", data: []byte("[]"), strict: `"no-rows.json" has no row`},
		{name: "nothing.json", data: []byte("\n"), strict: `it is empty; a list without cards is \[\]`},
		{name: "half.json", data: []byte(json[:len(json)/2]), strict: "half.json: it ends within a value, in line 1"},
		{name: "lines.json", data: with(json, "[", "", "]", "", "}, ", "}\n"), strict: "line 2: more than one value"},
		{name: "nan.json", data: with(json, `"`+listedIMEIb+`"`, "NaN"), strict: "line 1: invalid character 'N'"},
		{name: "lacking.json", data: with(json, `, "imei": "`+listedIMEIb+`"`, ""), strict: `does not have an attribute named "imei"`},
		{name: "plain.yaml", data: []byte(yaml)},
		{name: "crlf.yaml", data: with(yaml, "\n", "\r\n")},
		{name: "bare-iccids.yaml", data: bare(yaml, listedA, listedB), strict: "An ICCID is a text: write it in quotes"},
		{name: "lost-zero.yaml", data: with(yaml, `"`+listedIMEIa+`"`, "012345670123459"), strict: "lost-zero.yaml: line 2: 012345670123459 is a number, and a number loses its leading zero"},
		{name: "bare-keys.yaml", data: []byte(listedA + ": {imei: \"" + listedIMEIa + "\"}\n"), strict: "is a number in place of a text: write it in quotes"},
		{name: "key-twice.yaml", data: []byte(yaml + "  imei: \"" + listedIMEIa + "\"\n"), strict: `the key "imei" stands twice in one map: in line 4 and in line 5`},
		{name: "no-rows.yaml", data: []byte("[]\n"), strict: `"no-rows.yaml" has no row`},
		{name: "two-documents.yaml", data: []byte(yaml + "---\n" + yaml), strict: "unexpected extra content"},
	}
}

func TestNoTreeIsReadWrongly(t *testing.T) {
	for _, list := range handedTrees() {
		t.Run(list.name, func(t *testing.T) {
			list.want = bothCards()
			r := newRig(t, &carriersim.World{})
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, list.name), list.data, 0o600))
			decode := strings.TrimPrefix(filepath.Ext(list.name), ".") + "decode"
			list.checkStrict(r, fmt.Sprintf("for_each = { for row in %s(file(%q)) : row.iccid => row }", decode, list.name))
			got := r.want(1, r.run("table", list.name))
			assert.Empty(t, got.out, "no tree is a table")
			if opened := strings.TrimLeft(string(list.data), "\uFEFF"); strings.HasPrefix(opened, "[") {
				assert.Contains(t, got.errors, "It is JSON, not a CSV file. A configuration reads it by jsondecode(file(…))")
			}
		})
	}
}

// rounded is a list whose ICCIDs went through doubles.
func rounded() []byte {
	var b bytes.Buffer
	b.WriteString("iccid,imei\n")
	for i := range 6 {
		const step = 1 << 14 // of a double between 2^66 and 2^67
		n := 17300008 + 99991*i
		fmt.Fprintf(&b, "%s,8615360302%05d\n", multiple(n, step), 10*i)
	}
	return b.Bytes()
}

// multiple is the ICCID 898606170300NNNNNNNN, rounded down to a multiple of step.
func multiple(n, step int) string {
	const high = 898606170300
	rest := (high%step*(100_000_000%step) + n) % step
	return fmt.Sprintf("%d%08d", high, n-rest)
}

// handedWorkbooks are lists in workbooks as programs make them with a library.
func handedWorkbooks(t *testing.T) []handed {
	t.Helper()
	const kind = "workbook"
	a, b := []any{listedA, listedIMEIa}, []any{listedB, listedIMEIb}
	header := []any{"iccid", "imei"}
	book := func(rows ...[]any) []byte { return workbookOf(t, func(*excelize.File) {}, rows...) }
	with := func(change func(f *excelize.File), rows ...[]any) []byte { return workbookOf(t, change, rows...) }
	return []handed{
		{name: "texts.xlsx", data: book(header, a, b), strict: kind},
		{name: "workbook-named.csv", data: book(header, a, b), strict: kind},
		{name: "imei-numbers.xlsx", data: book(header, []any{listedA, 861536030200001}, []any{listedB, 861536030200019.0}), strict: kind},
		{name: "iccid-whole.xlsx", data: book(header, []any{uint64(8986061703001730001), listedIMEIa}, []any{uint64(8986061703001730012), listedIMEIb}), strict: kind,
			want: map[string]string{"8986061703001730001": listedIMEIa, "8986061703001730012": listedIMEIb}},
		{name: "iccid-doubles.xlsx", data: book(header, []any{89860617030017300008.0, listedIMEIa}, []any{89860617030017300016.0, listedIMEIb}), strict: kind, lenient: "digits"},
		{name: "chinese.xlsx", data: book([]any{"卡号", "设备IMEI", "状态", "套餐"}, append(a, "停机", 10002), append(b, "在用", "10003")), strict: kind},
		{name: "title.xlsx", data: book([]any{"物联网卡清单"}, []any{}, []any{"卡号", "设备IMEI"}, a, b), strict: kind},
		{name: "merged-title.xlsx", data: with(func(f *excelize.File) { require.NoError(t, f.MergeCell("Sheet1", "A1", "B1")) }, []any{"物联网卡清单"}, header, a, b), strict: kind},
		{name: "merged-header.xlsx", data: with(func(f *excelize.File) { require.NoError(t, f.MergeCell("Sheet1", "A1", "A2")) }, []any{"卡号", "设备"}, []any{nil, "IMEI"}, a, b), strict: kind},
		{name: "merged-cities.xlsx", data: with(func(f *excelize.File) { require.NoError(t, f.MergeCell("Sheet1", "C2", "C3")) }, append(header, "city"), append(a, "杭州"), b), strict: kind},
		{name: "merged-imei.xlsx", data: with(func(f *excelize.File) { require.NoError(t, f.MergeCell("Sheet1", "B2", "B3")) }, header, a, []any{listedB}), strict: kind,
			want: map[string]string{listedA: listedIMEIa, listedB: listedIMEIa}},
		{name: "offset.xlsx", data: book([]any{}, []any{}, []any{nil, "iccid", "imei"}, append([]any{nil}, a...), append([]any{nil}, b...)), strict: kind},
		{name: "dates.xlsx", data: with(func(f *excelize.File) {
			style, err := f.NewStyle(&excelize.Style{NumFmt: 14})
			require.NoError(t, err)
			require.NoError(t, f.SetCellStyle("Sheet1", "C2", "C3", style))
		}, append(header, "激活日期"), append(a, 45987), append(b, 45988)), strict: kind},
		{name: "hidden-rows.xlsx", data: with(func(f *excelize.File) { require.NoError(t, f.SetRowVisible("Sheet1", 3, false)) }, header, a, b), strict: kind},
		{name: "formula.xlsx", data: with(func(f *excelize.File) { require.NoError(t, f.SetCellFormula("Sheet1", "B2", `"861536030200001"`)) }, header, []any{listedA}, b), strict: kind, lenient: "formulas that nobody calculated, in cells B2"},
		{name: "two-sheets.xlsx", data: with(func(f *excelize.File) { sheet(t, f, "说明", []any{"本表由平台导出"}) }, header, a, b), strict: kind},
		{name: "two-lists.xlsx", data: with(func(f *excelize.File) { sheet(t, f, "旧", header, a) }, header, a, b), strict: kind, lenient: "ICCIDs in several sheets"},
		{name: "hidden-sheet.xlsx", data: with(func(f *excelize.File) {
			sheet(t, f, "旧", header, a)
			require.NoError(t, f.SetSheetVisible("旧", false))
		}, header, a, b), strict: kind},
		{name: "empty.xlsx", data: book(), strict: kind, lenient: "holds nothing"},
		{name: "header-alone.xlsx", data: book(header), strict: kind, lenient: "no row below it"},
		{name: "no-iccids.xlsx", data: book([]any{"名称", "数量"}, []any{"车", 2}), strict: kind, lenient: "no column of ICCIDs"},
		{name: "error-cell.xlsx", data: book(header, []any{listedA, "#N/A"}, b), strict: kind, lenient: "#N/A", onlyIMEI: true},
		{name: "cut.xlsx", data: book(header, a, b)[:2000], strict: kind, lenient: "can't be read as a workbook"},
		{name: "password.xlsx", data: locked(t, book(header, a, b)), strict: "password", lenient: "without a password"},
	}
}

func workbookOf(t *testing.T, change func(*excelize.File), rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	fillSheet(t, f, "Sheet1", rows...)
	change(f)
	out, err := f.WriteToBuffer()
	require.NoError(t, err)
	return out.Bytes()
}

func sheet(t *testing.T, f *excelize.File, name string, rows ...[]any) {
	t.Helper()
	_, err := f.NewSheet(name)
	require.NoError(t, err)
	fillSheet(t, f, name, rows...)
}

func fillSheet(t *testing.T, f *excelize.File, name string, rows ...[]any) {
	t.Helper()
	for i, row := range rows {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		require.NoError(t, err)
		require.NoError(t, f.SetSheetRow(name, at, &row))
	}
}

func locked(t *testing.T, data []byte) []byte {
	t.Helper()
	out, err := excelize.Encrypt(data, &excelize.Options{Password: "x"})
	require.NoError(t, err)
	return out
}

// handedByOffice are lists that LibreOffice wrote, of texts and of numbers.
func handedByOffice(t *testing.T) []handed {
	t.Helper()
	needs(t, "soffice")
	dir := t.TempDir()
	text := "卡号,设备IMEI,城市\n" + listedA + "," + listedIMEIa + ",杭州\n" + listedB + "," + listedIMEIb + ",宁波\n"
	for _, name := range []string{"texts", "numbers"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".csv"), []byte(text), 0o600))
	}
	office(t, dir, "ods", "CSV:44,34,76,1,1/2/2/2/3/1", "texts.csv")
	office(t, dir, "ods", "CSV:44,34,76,1,", "numbers.csv")
	var out []handed
	take := func(name, strict, lenient string) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		out = append(out, handed{name: name, data: data, strict: strict, lenient: lenient})
	}
	both := func(to, ending, strict, texts, numbers string) {
		office(t, dir, to, "", "texts.ods", "numbers.ods")
		take("texts."+ending, strict, texts)
		take("numbers."+ending, strict, numbers)
	}
	both("xlsx", "xlsx", "workbook", "", "lost digits")
	both("xls", "xls", "workbook", "save it as xlsx", "save it as xlsx")
	both("html", "html", "web page", "web page", "web page")
	take("texts.ods", "OpenDocument", "save it as xlsx")
	both(`csv:Text - txt - csv (StarCalc):44,34,76`, "csv", "seems to be it: rename it to iccid", "", "digits")
	both(`csv:Text - txt - csv (StarCalc):59,34,67`, "csv", "GBK", "", "digits")
	both(`csv:Text - txt - csv (StarCalc):9,34,65535`, "csv", "UTF-16", "", "digits")
	return out
}

// office converts files of a folder with LibreOffice.
func office(t *testing.T, dir, to, filter string, files ...string) {
	t.Helper()
	args := []string{"--headless", "-env:UserInstallation=file://" + filepath.Join(dir, "profile"), "--convert-to", to, "--outdir", "."}
	if filter != "" {
		args = append(args, "--infilter="+filter)
	}
	cmd := exec.Command("soffice", append(args, files...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// No list is read wrongly without a word, whatever it is and wherever it is
// read: either both cards are right, or an error says what the cause is.
func TestNoListIsReadWrongly(t *testing.T) {
	lists := slices.Concat(handedTexts(t), handedWorkbooks(t))
	assert.GreaterOrEqual(t, len(lists), 80)
	for _, list := range lists {
		t.Run(list.name, func(t *testing.T) { list.check(t) })
	}
}

func TestNoListOfLibreOfficeIsReadWrongly(t *testing.T) {
	for _, list := range handedByOffice(t) {
		t.Run(list.name, func(t *testing.T) { list.check(t) })
	}
}

func (l handed) check(t *testing.T) {
	if l.want == nil {
		l.want = bothCards()
	}
	world := &carriersim.World{}
	for iccid := range l.want {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: spec.ICCID(iccid)})
	}
	r := newRig(t, world)
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, l.name), l.data, 0o600))
	l.checkTable(r)
	l.checkImport(r)
	l.checkStrict(r, "from_csv = "+fmt.Sprintf("%q", l.name))
	l.checkStrict(r, fmt.Sprintf("for_each = { for row in csvdecode(file(%q)) : row.iccid => row }", l.name))
}

func (l handed) options() []string {
	if l.columns == "" {
		return nil
	}
	return []string{"-columns=" + l.columns}
}

func (l handed) checkTable(r *rig) {
	got := r.run(append([]string{"table", l.name}, l.options()...)...)
	if l.lenient != "" {
		r.want(1, got)
		assert.Empty(r.t, got.out, "table")
		assert.Regexp(r.t, l.lenient, got.errors, "table")
		return
	}
	r.want(0, got)
	found := map[string]string{}
	rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
	require.NoError(r.t, err)
	for _, cells := range rows[1:] {
		found[cells[0]] = cells[1]
	}
	assert.Equal(r.t, l.want, found, "table")
}

var importedCard = regexp.MustCompile(`(?m)^card "imported_(\w+)"`)

func (l handed) checkImport(r *rig) {
	r.write("main.fleet.hcl", provider)
	columns, _, _ := strings.Cut(l.columns, ",")
	args := []string{"import", "-iccids=" + l.name}
	if columns != "" {
		args = append(args, "-columns="+columns)
	}
	got := r.run(args...)
	if l.lenient != "" && !l.onlyIMEI {
		r.want(1, got)
		assert.Regexp(r.t, l.lenient, got.errors, "import")
		return
	}
	r.want(0, got)
	found := map[string]bool{}
	for _, m := range importedCard.FindAllStringSubmatch(got.out, -1) {
		found[m[1]] = true
	}
	for iccid := range found {
		assert.Contains(r.t, l.want, iccid, "import")
	}
	if !l.onlyIMEI {
		assert.Len(r.t, found, len(l.want), "import")
	}
}

func (l handed) checkStrict(r *rig, rows string) {
	r.write("main.fleet.hcl", "provider \"aliyun\" {}\ncard \"bike\" {\n  "+rows+"\n  iccid = each.value.iccid\n  imei = each.value.imei\n}\n")
	c, diags := config.Load(config.Options{Dir: r.dir, Schemas: []spec.Schema{{Type: "aliyun"}}})
	var text strings.Builder
	for _, d := range diags {
		fmt.Fprintf(&text, "%s: %s\n", d.Summary, d.Detail)
		if d.Snippet != nil {
			assert.NotContains(r.t, d.Snippet.Code, "\x00", "bytes on the terminal")
		}
	}
	if l.strict != "" {
		text.WriteString(r.run("validate").errors) // what hangs on the state too is said there
		assert.Regexp(r.t, "(?i)"+l.strict, text.String(), rows)
		return
	}
	require.False(r.t, diags.HasErrors(), "%s: %s", rows, &text)
	found := map[string]string{}
	for _, card := range c.Fleet.Cards {
		found[string(card.ICCID)] = string(card.IMEI)
	}
	assert.Equal(r.t, l.want, found, rows)
}

// docs/lists.md shows the messages that people get.
func TestTheMessagesOfListsAreTheProgramsOwn(t *testing.T) {
	lists := map[string]handed{}
	for _, l := range slices.Concat(handedTexts(t), handedWorkbooks(t)) {
		lists[l.name] = l
	}
	page, err := os.ReadFile(root + "/docs/lists.md")
	require.NoError(t, err)
	shown := regexp.MustCompile("(?s)<!-- (\\S+) -->\n```text\n(.*?)\n```").FindAllStringSubmatch(string(page), -1)
	assert.GreaterOrEqual(t, len(shown), 10)
	for _, m := range shown {
		l, known := lists[m[1]]
		require.True(t, known, m[1])
		r := newRig(t, &carriersim.World{})
		r.write("main.fleet.hcl", "provider \"aliyun\" { endpoint = \"simulator\" }\ncard \"bike\" {\n  from_csv = \"bikes.csv\"\n  iccid = each.value.iccid\n  imei = each.value.imei\n}\n")
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, "bikes.csv"), l.data, 0o600))
		got := r.want(1, r.run("validate"))
		assert.Contains(t, got.errors, m[2], m[1])
	}
}
