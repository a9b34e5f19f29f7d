#!/usr/bin/env bash
# go-cty makes a number of the texts "inf" and "1p3", since it reads them with Go's
# big.Float, which knows more than decimals. In HCL, every text that stands where a
# number is wanted goes that way: a variable, an operand, a cell of a table. ctyjson
# then can't write what convert took for a number.
#
# Expected: the error that "0x10", "1_000" and "infinity" get, "a number is required".
# Terraform's document of tonumber: only texts that are decimal representations of
# numbers are converted. Seen: positive infinity, and 8.
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

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

func number(text string) (cty.Value, error) {
	v, err := convert.Convert(cty.StringVal(text), cty.Number)
	if err != nil {
		fmt.Printf("%-11q an error: %v\n", text, err)
	} else {
		fmt.Printf("%-11q %#v\n", text, v)
	}
	return v, err
}

func main() {
	fmt.Println("convert.Convert of a text to a number")
	fmt.Println("expected: an error for each")
	fmt.Println("seen:")
	for _, text := range []string{"0x10", "1_000", "infinity"} {
		if _, err := number(text); err == nil {
			fmt.Println("go-cty changed: look at this finding again")
			os.Exit(1)
		}
	}
	inf, infErr := number("inf")
	eight, eightErr := number("1p3")
	if infErr != nil || eightErr != nil || !inf.RawEquals(cty.PositiveInfinity) || !eight.RawEquals(cty.NumberIntVal(8)) {
		fmt.Println("go-cty changed: look at this finding again")
		os.Exit(1)
	}
	_, err := ctyjson.Marshal(inf, cty.Number)
	fmt.Println(`"inf" as JSON:`, err)
	if err == nil {
		fmt.Println("go-cty changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/zclconf/go-cty@v1.19.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go list -m github.com/zclconf/go-cty
go run .
