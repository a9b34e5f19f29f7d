#!/usr/bin/env bash
# HCL's parser calls itself for each bracket that is open. A megabyte of brackets in a
# template overflows the stack, which ends the whole process: no recover() helps. Whoever
# parses a template from elsewhere has to look at its tokens first.
#
# Expected: diagnostics. Seen: "fatal error: stack overflow", and the process is gone.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func main() {
	defer func() { fmt.Println("recovered:", recover()) }()
	_, diags := hclsyntax.ParseTemplate([]byte("${"+strings.Repeat("(", 1<<20)), "x", hcl.InitialPos)
	fmt.Println(len(diags), "diagnostics")
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/hashicorp/hcl/v2@v2.25.0 >/dev/null 2>&1
go list -m github.com/hashicorp/hcl/v2
go build -o finding .
echo 'hclsyntax.ParseTemplate of ${ and 1,048,576 times ('
echo 'expected: diagnostics'
./finding >said 2>&1 || true
if ! grep -q 'stack overflow' said; then
	echo 'HCL changed: look at this finding again'
	cat said
	exit 1
fi
echo "seen:     $(grep -m1 'fatal error' said)"
