#!/usr/bin/env bash
# excelize writes a float64 of 19 digits by the shortest digits that read back as
# the same double, and pads them with zeros.
#
# Expected: the digits of the number that was given (8986061703001730048, which a
# double holds), or E notation that shows that some are missing, as Excel and
# LibreOffice write. Seen: 8986061703001730000, the same double, and to whoever
# reads the cell as text another ICCID that looks whole.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/xuri/excelize/v2"
)

func main() {
	const held = 8986061703001730048 // a multiple of 1,024: a double holds it
	f := excelize.NewFile()
	if err := f.SetCellValue("Sheet1", "A1", float64(held)); err != nil {
		panic(err)
	}
	raw, err := f.GetCellValue("Sheet1", "A1", excelize.Options{RawCellValue: true})
	if err != nil {
		panic(err)
	}
	fmt.Println("expected: 8986061703001730048, the number that was given")
	fmt.Println("seen:    ", raw)
	if raw != "8986061703001730000" {
		fmt.Println("excelize changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/xuri/excelize/v2@v2.11.1 >/dev/null 2>&1
go list -m github.com/xuri/excelize/v2
go run .
