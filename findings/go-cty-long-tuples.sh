#!/usr/bin/env bash
# What a for expression of HCL makes is a tuple, and a function whose parameter is a list
# has it converted. go-cty compares the type of each element with that of every other one,
# so the time grows with the square of the length: alltrue([for c in cards : …]) of
# 100,000 cards takes minutes.
#
# Expected: four times the elements take four times as long. Seen: some sixteen times.
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
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// took is the least time of three.
func took(n int) time.Duration {
	list := make([]cty.Value, n)
	for i := range list {
		list[i] = cty.True
	}
	tuple, least := cty.TupleVal(list), time.Hour
	for range 3 {
		start := time.Now()
		if _, err := convert.Convert(tuple, cty.List(cty.Bool)); err != nil {
			panic(err)
		}
		least = min(least, time.Since(start))
	}
	return least
}

func main() {
	small, large := took(4000), took(16000)
	fmt.Println("convert.Convert of a tuple of bools to list(bool)")
	fmt.Println("expected: 16,000 elements take about 4 times what 4,000 do")
	fmt.Printf("seen:     %.0f times (%v, %v)\n", float64(large)/float64(small), small, large)
	if large < 8*small {
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
