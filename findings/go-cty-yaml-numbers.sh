#!/usr/bin/env bash
# go-cty-yaml, the yamldecode of Terraform and of this program, keeps the last of
# two equal keys in one map, though YAML 1.2 demands unique keys (3.2.1.3), and
# reads a bare number with a leading zero as a number, which has none. YAML 1.2's
# core schema says so too; in YAML 1.1, 012345670123459 is a text.
#
# Expected: an error for the second key, and all digits of an IMEI. Seen: the
# second value, and 12345670123459, without a word.
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

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
)

func decode(text string) cty.Value {
	v, err := yaml.YAMLDecodeFunc.Call([]cty.Value{cty.StringVal(text)})
	if err != nil {
		fmt.Println("an error:", err)
		fmt.Println("go-cty-yaml changed: look at this finding again")
		os.Exit(1)
	}
	return v
}

func main() {
	imei := decode("imei: 012345670123459\n").GetAttr("imei")
	fmt.Println("imei: 012345670123459")
	fmt.Println("expected: all digits, as a text")
	fmt.Println("seen:    ", imei.GoString())
	twice := decode("imei: \"861536030196001\"\nimei: \"861536030196019\"\n").GetAttr("imei")
	fmt.Println("imei: \"861536030196001\", imei: \"861536030196019\"")
	fmt.Println("expected: an error, since a key stands twice")
	fmt.Println("seen:    ", twice.GoString())
	number := imei.Type() == cty.Number && imei.RawEquals(cty.MustParseNumberVal("12345670123459"))
	if !number || twice.AsString() != "861536030196019" {
		fmt.Println("go-cty-yaml changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/zclconf/go-cty-yaml@v1.2.0 github.com/zclconf/go-cty@v1.19.0 >/dev/null 2>&1
go list -m github.com/zclconf/go-cty-yaml github.com/zclconf/go-cty
go run .
