// Command sdk-1.63 calls with alibaba-cloud-sdk-go v1.63.107, by parameters in
// the address, in a form and in both: sdk-1.63 DYIOTAPI DYPLSAPI, each HOST:PORT.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/dyplsapi"
)

const card = "89860617030017300390"

// result is what a call gave.
type result struct {
	Answer  any    `json:"answer,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	HostID  string `json:"hostId,omitempty"`
}

func main() {
	results := map[string]result{}
	client, err := sdk.NewClientWithAccessKey("cn-hangzhou", "testid", "testsecret")
	check(err)
	common := func(name, method, action string, query, form map[string]string) {
		r := requests.NewCommonRequest()
		r.Method, r.Scheme, r.Domain, r.Version, r.ApiName = method, "http", os.Args[1], "2017-11-11", action
		maps.Copy(r.QueryParams, query)
		maps.Copy(r.FormParams, form)
		response, err := client.ProcessCommonRequest(r)
		results[name] = gave(err, func() any { return json.RawMessage(response.GetHttpContentBytes()) })
	}
	iccid := map[string]string{"Iccid": card}
	common("query", "POST", "QueryCardStatus", iccid, nil)
	common("GET", "GET", "QueryCardStatus", iccid, nil)
	common("form", "POST", "DoIotPostImei", nil, map[string]string{"Imei": "867194030000058", "DeviceType": "IOT", "Comments": "it's (a) *test*~ 停+1 & more"})
	common("both", "POST", "DoIotUserStopResume", iccid, map[string]string{"OptionType": "MANAGE_RESUME"})
	common("no ICCID", "POST", "QueryCardStatus", nil, nil)
	common("nobody's card", "POST", "QueryCardStatus", map[string]string{"Iccid": "89860617030017300391"}, nil)

	numbers, err := dyplsapi.NewClientWithAccessKey("cn-hangzhou", "testid", "testsecret")
	check(err)
	ask := dyplsapi.CreateQuerySubscriptionDetailRequest()
	ask.Scheme, ask.Domain, ask.PoolKey, ask.SubsId, ask.PhoneNoX = "http", os.Args[2], "FC12345", "12345", "17000000000"
	detail, err := numbers.QuerySubscriptionDetail(ask)
	results["QuerySubscriptionDetail"] = gave(err, func() any { return map[string]any{"Code": detail.Code, "Detail": detail.SecretBindDetailDTO} })
	ask.SubsId = "nobody's"
	_, err = numbers.QuerySubscriptionDetail(ask)
	results["a number of nobody's"] = gave(err, func() any { return nil })

	check(json.NewEncoder(os.Stdout).Encode(results))
}

func gave(err error, answer func() any) result {
	var refused *sdkerrors.ServerError
	switch {
	case errors.As(err, &refused):
		return result{Code: refused.ErrorCode(), Message: refused.Message(), HostID: refused.HostId()}
	case err != nil:
		return result{Code: "no answer", Message: err.Error()}
	default:
		return result{Answer: answer()}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
