// Command darabonba calls with darabonba-openapi/v2 v2.1.13, which signs with
// ACS3-HMAC-SHA256, and in the RPC style on request: darabonba HOST:PORT.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	models "github.com/alibabacloud-go/darabonba-openapi/v2/models"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
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
	for style, algorithm := range map[string]string{"ACS3": "", "RPC": "v2"} {
		client := open(algorithm)
		call := func(name, method, action string, request *models.OpenApiRequest) {
			params := &models.Params{
				Action: dara.String(action), Version: dara.String("2017-11-11"), Protocol: dara.String("HTTP"), Pathname: dara.String("/"),
				Method: dara.String(method), AuthType: dara.String("AK"), Style: dara.String("RPC"),
				ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
			}
			answer, err := client.CallApi(params, request, &dara.RuntimeOptions{})
			results[style+" "+name] = gave(answer, err)
		}
		query := map[string]*string{"Iccid": dara.String(card)}
		call("query", "POST", "QueryCardStatus", &models.OpenApiRequest{Query: query})
		call("GET", "GET", "QueryCardStatus", &models.OpenApiRequest{Query: query})
		call("form", "POST", "DoIotPostImei", &models.OpenApiRequest{Body: map[string]any{
			"Imei": "867194030000066", "DeviceType": "IOT", "Comments": "it's (a) *test*~ 停+1 & more",
		}})
		call("both", "POST", "DoIotUserStopResume", &models.OpenApiRequest{Query: query, Body: map[string]any{"OptionType": "MANAGE_RESUME"}})
		call("no ICCID", "POST", "QueryCardStatus", &models.OpenApiRequest{})
	}
	check(json.NewEncoder(os.Stdout).Encode(results))
}

func open(algorithm string) *openapi.Client {
	config := &models.Config{
		AccessKeyId: dara.String("testid"), AccessKeySecret: dara.String("testsecret"), Endpoint: dara.String(os.Args[1]), Protocol: dara.String("HTTP"),
	}
	if algorithm != "" {
		config.SignatureAlgorithm = dara.String(algorithm)
	}
	client, err := openapi.NewClient(config)
	check(err)
	return client
}

func gave(answer map[string]any, err error) result {
	var refused *tea.SDKError
	switch {
	case errors.As(err, &refused):
		var data struct{ Message, HostID string }
		check(json.Unmarshal([]byte(tea.StringValue(refused.Data)), &data))
		return result{Code: tea.StringValue(refused.Code), Message: data.Message, HostID: data.HostID}
	case err != nil:
		return result{Code: "no answer", Message: err.Error()}
	default:
		return result{Answer: answer["body"]}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
