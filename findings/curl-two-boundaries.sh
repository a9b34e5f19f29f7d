#!/usr/bin/env bash
# curl -F writes a multipart form with a boundary of its own. Beside a -H that
# sets the content type, as Postman exports it and Shingsou's document has it,
# curl keeps that header and adds its boundary to it.
# It needs curl and Go; without curl, it ends with code 2.
#
# Expected: one boundary in the header, or a word that -H can't stand beside -F.
# Seen: two boundaries, so that strict servers can't read the form (Go's mime:
# duplicate parameter name), and others look for the one that isn't in the body.
set -euo pipefail
command -v curl >/dev/null || { echo "curl isn't installed: apt-get install curl"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
)

func main() {
	var seen string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("Content-Type") }))
	defer server.Close()
	out, err := exec.Command("curl", "-sS", "-X", "POST", server.URL, "-H", "content-type: multipart/form-data; boundary=----given", "-F", "a=b").CombinedOutput()
	if err != nil {
		fmt.Printf("%s%v\n", out, err)
		os.Exit(1)
	}
	fmt.Println("given:    content-type: multipart/form-data; boundary=----given")
	fmt.Println("expected: one boundary, that of the body")
	fmt.Println("seen:     Content-Type:", seen)
	_, _, err = mime.ParseMediaType(seen)
	fmt.Println("          Go's mime:", err)
	if strings.Count(seen, "boundary=") != 2 || len(out) > 0 || err == nil {
		fmt.Println("curl changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
curl --version | head -1
go run .
