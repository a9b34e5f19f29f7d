#!/usr/bin/env bash
# tealeg/xlsx makes empty cells of a sheet whose rows have no number, without an error.
# ECMA-376, part 1, section 18.3.1.73 has the number of a row (r) as optional.
#
# Expected: the four cells that the sheet holds, as excelize reads them, or an error.
# Seen: a sheet of two rows and two columns, in which every cell is empty.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"

	tealeg "github.com/tealeg/xlsx/v3"
	"github.com/xuri/excelize/v2"
)

const (
	head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	sheets = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	pkg  = "http://schemas.openxmlformats.org/package/2006"
	rel  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
)

// parts are a workbook of one sheet, with %s where a row's number may stand.
var parts = [][2]string{
	{"[Content_Types].xml", `<Types xmlns="` + pkg + `/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + kind + `.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + kind + `.worksheet+xml"/></Types>`},
	{"_rels/.rels", `<Relationships xmlns="` + pkg + `/relationships"><Relationship Id="rId1" Type="` + rel + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/workbook.xml", `<workbook xmlns="` + sheets + `" xmlns:r="` + rel + `"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + pkg + `/relationships"><Relationship Id="rId1" Type="` + rel + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`},
}

func text(at, v string) string { return `<c r="` + at + `" t="str"><v>` + v + `</v></c>` }

func workbook(first, second string) []byte {
	sheet := `<worksheet xmlns="` + sheets + `"><sheetData><row` + first + `>` + text("A1", "iccid") + text("B1", "label") +
		`</row><row` + second + `>` + text("A2", "89860617030017300008") + text("B2", "gate") + `</row></sheetData></worksheet>`
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range append(parts, [2]string{"xl/worksheets/sheet1.xml", sheet}) {
		w, err := z.Create(part[0])
		if err != nil {
			panic(err)
		}
		io.WriteString(w, head+part[1])
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func byTealeg(book []byte) string {
	f, err := tealeg.OpenBinary(book)
	if err != nil {
		return "an error: " + err.Error()
	}
	rows, err := f.ToSlice()
	if err != nil {
		return "an error: " + err.Error()
	}
	return fmt.Sprintf("%q", rows[0])
}

func byExcelize(book []byte) string {
	f, err := excelize.OpenReader(bytes.NewReader(book))
	if err != nil {
		return "an error: " + err.Error()
	}
	rows, err := f.GetRows("Sheet1")
	if err != nil {
		return "an error: " + err.Error()
	}
	return fmt.Sprintf("%q", rows)
}

func main() {
	const whole, empty = `[["iccid" "label"] ["89860617030017300008" "gate"]]`, `[["" ""] ["" ""]]`
	numbered, bare := workbook(` r="1"`, ` r="2"`), workbook("", "")
	fmt.Println("with numbers, by tealeg/xlsx:", byTealeg(numbered))
	fmt.Println("without,      by excelize:   ", byExcelize(bare))
	fmt.Println("expected:                     the same")
	fmt.Println("seen:         by tealeg/xlsx:", byTealeg(bare))
	if byTealeg(numbered) != whole || byExcelize(bare) != whole || byTealeg(bare) != empty {
		fmt.Println("tealeg/xlsx or excelize changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/tealeg/xlsx/v3@v3.3.13 github.com/xuri/excelize/v2@v2.11.1 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go list -m github.com/tealeg/xlsx/v3 github.com/xuri/excelize/v2
go run .
