#!/usr/bin/env bash
# hclwrite writes three files that HCL can't read. A key "for" of an object isn't
# quoted, so HCL takes { for = … } for a for expression. What is added to a body whose
# last line ends with the file, or that is a block in one line, stands in the line of
# what is before it.
#
# Expected: HCL reads what hclwrite wrote. HCL's specification (hclsyntax/spec.md) says
# under "Collection Values" that a key for has to be quoted, and under "Structural
# Elements" that an attribute ends with a newline, and that a block in one line has one
# attribute at most. Seen: errors.
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
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

func main() {
	unread := 0
	try := func(what, before string, set func(*hclwrite.Body)) {
		f, diags := hclwrite.ParseConfig([]byte(before), "before", hcl.InitialPos)
		if diags.HasErrors() {
			panic(diags)
		}
		set(f.Body())
		_, diags = hclsyntax.ParseConfig(f.Bytes(), "after", hcl.InitialPos)
		fmt.Println(what)
		fmt.Println("expected: HCL reads it")
		if !diags.HasErrors() {
			fmt.Printf("seen:     %q, which HCL reads\n", f.Bytes())
			return
		}
		unread++
		fmt.Printf("seen:     %q, of which HCL says: %s\n", f.Bytes(), diags[0].Summary)
	}
	try("labels = { for = \"gate 3\" }, in an empty file", "", func(b *hclwrite.Body) {
		b.SetAttributeValue("labels", cty.ObjectVal(map[string]cty.Value{"for": cty.StringVal("gate 3")}))
	})
	try("active = true, after a line without a newline", `imei = "861536030196001"`, func(b *hclwrite.Body) {
		b.SetAttributeValue("active", cty.True)
	})
	try("active = true, in a block in one line", `card "gate" { imei = "861536030196001" }`+"\n", func(b *hclwrite.Body) {
		b.Blocks()[0].Body().SetAttributeValue("active", cty.True)
	})
	if unread != 3 {
		fmt.Println("hclwrite changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/hashicorp/hcl/v2@v2.25.0 github.com/zclconf/go-cty@v1.19.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go list -m github.com/hashicorp/hcl/v2
go run .
