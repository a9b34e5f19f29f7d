// Command sdk-1.61 calls QueryCallStatus with alibaba-cloud-sdk-go v1.61.112, in
// which dyplsapi has it: sdk-1.61 HOST:PORT.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/dyplsapi"
)

func main() {
	client, err := dyplsapi.NewClientWithAccessKey("cn-hangzhou", "testid", "testsecret")
	check(err)
	results := map[string]any{}
	for _, subs := range []string{"12345", "3"} {
		ask := dyplsapi.CreateQueryCallStatusRequest()
		ask.Scheme, ask.Domain, ask.PoolKey, ask.SubsId, ask.CallNo = "http", os.Args[1], "FC12345", subs, "17000000000"
		got, err := client.QueryCallStatus(ask)
		check(err)
		results[subs] = map[string]any{"answer": map[string]any{"Code": got.Code, "Status": got.SecretCallStatusDTO.Status, "CalledNo": got.SecretCallStatusDTO.CalledNo}}
	}
	check(json.NewEncoder(os.Stdout).Encode(results))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
