#!/usr/bin/env bash
# alibaba-cloud-sdk-go reads an answer's members in one case only: its JSON parser
# is set to CaseSensitive, other than Go's own. Alibaba's document of Dyplsapi's
# QueryCallStatus writes status and calledNo, the SDK has Status and CalledNo.
#
# Expected: Status 2 and CalledNo 17000000009 from the answer that the document
# describes, as encoding/json reads it, or an error. Seen: Status 0 and an empty
# CalledNo, and no error.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/dyplsapi"
)

const answer = `{"RequestId":"8906582E-6722","Code":"OK","Message":"OK","SecretCallStatusDTO":{"status":2,"calledNo":"17000000009"}}`

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) }))
	defer server.Close()
	client, err := dyplsapi.NewClientWithAccessKey("cn-hangzhou", "testid", "testsecret")
	if err != nil {
		panic(err)
	}
	ask := dyplsapi.CreateQueryCallStatusRequest()
	ask.Scheme, ask.Domain, ask.PoolKey, ask.SubsId = "http", strings.TrimPrefix(server.URL, "http://"), "FC12345", "12345"
	got, err := client.QueryCallStatus(ask)
	var own struct{ SecretCallStatusDTO dyplsapi.SecretCallStatusDTO }
	if err := json.Unmarshal([]byte(answer), &own); err != nil {
		panic(err)
	}
	fmt.Println("answer:              ", answer)
	fmt.Printf("expected, as by Go:   %+v\n", own.SecretCallStatusDTO)
	if err != nil {
		fmt.Println("seen: an error:      ", err)
	} else {
		fmt.Printf("seen, and no error:   %+v\n", got.SecretCallStatusDTO)
	}
	if err != nil || got.Code != "OK" || got.SecretCallStatusDTO != (dyplsapi.SecretCallStatusDTO{}) {
		fmt.Println("alibaba-cloud-sdk-go changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/aliyun/alibaba-cloud-sdk-go@v1.61.112 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go list -m github.com/aliyun/alibaba-cloud-sdk-go
go run .
