#!/usr/bin/env bash
# kin-openapi fills in defaults before it looks at a body, so one that lacks a required
# property with a default is valid. 1NCE's document requires status, whose default is
# Enabled: a PUT without it passes, and turns the card on.
#
# Expected: an error, since status is required. Seen: none, and status is Enabled.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

const document = `
openapi: 3.0.0
info: {title: t, version: "1"}
paths:
  /sim:
    put:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [status]
              properties:
                status: {type: string, default: Enabled}
      responses: {"200": {description: OK}}
`

func main() {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(document))
	check(err)
	router, err := gorillamux.NewRouter(doc)
	check(err)
	request, err := http.NewRequest("PUT", "/sim", strings.NewReader(`{}`))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	route, params, err := router.FindRoute(request)
	check(err)
	err = openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route})
	body, _ := io.ReadAll(request.Body)
	fmt.Println("PUT {}, where status is required and has a default")
	fmt.Println("expected: an error")
	fmt.Printf("seen:     error %v, and the body is %s\n", err, body)
	if err != nil || string(body) != `{"status":"Enabled"}` {
		fmt.Println("kin-openapi changed: look at this finding again")
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/getkin/kin-openapi@v0.153.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go list -m github.com/getkin/kin-openapi
go run .
