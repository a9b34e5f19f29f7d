#!/usr/bin/env bash
# A conditional of HCL gives its result the marks of both of its branches, whichever is
# chosen. What a mark stands for, "this is sensitive" or here "leave this out", then
# holds of a value that never had it.
#
# Expected: false ? marked : "l" is "l". Seen: "l" with the mark of the other branch.
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

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func main() {
	expr, diags := hclsyntax.ParseExpression([]byte(`label == "" ? omit : label`), "x", hcl.InitialPos)
	if diags.HasErrors() {
		panic(diags)
	}
	v, diags := expr.Value(&hcl.EvalContext{Variables: map[string]cty.Value{
		"label": cty.StringVal("l"), "omit": cty.NullVal(cty.DynamicPseudoType).Mark("leave this out"),
	}})
	if diags.HasErrors() {
		panic(diags)
	}
	plain, marks := v.Unmark()
	fmt.Println(`label == "" ? omit : label, where label is "l" and omit is marked`)
	fmt.Println(`expected: "l", without a mark`)
	fmt.Printf("seen:     %#v, with %v\n", plain, marks)
	if plain.AsString() != "l" || !v.HasMark("leave this out") {
		fmt.Println("HCL changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/hashicorp/hcl/v2@v2.25.0 github.com/zclconf/go-cty@v1.19.0 >/dev/null 2>&1
go list -m github.com/hashicorp/hcl/v2 github.com/zclconf/go-cty
go run .
