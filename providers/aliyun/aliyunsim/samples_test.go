package aliyunsim

import (
	"encoding/xml"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
)

// The requests that the Java samples of the three documents make, written anew,
// as aliyun-java-sdk-core of their time puts them on the wire: POST, everything
// in the address, and XML, which it asks for where a program says nothing.
// S000's sample builds QueryCardInfo, though it is about QueryCardStatus.

const javaHeaders = `
Accept-Encoding: identity
x-sdk-client: Java/2.0.0
User-Agent: Java/1.8.0_121
Host: dyiotapi.aliyuncs.com
Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2
Connection: keep-alive
Content-type: application/x-www-form-urlencoded
Content-Length: 0`

type samplesAnswer struct {
	XMLName             xml.Name
	Code, Message       string
	CardInfo            struct{ Iccid, Msisdn string }
	CardStatus          struct{ UserStatus string }
	IotModBind          struct{ IsModSuccess bool }
	SecretCallStatusDTO struct{ Status, CalledNo string }
}

// java makes a sample's call.
func java(t *testing.T, h http.Handler, action string, params map[string]string) (got samplesAnswer) {
	t.Helper()
	params["Format"] = "XML"
	q := sign(http.MethodPost, "testsecret", call(action, params))
	_, body := providertest.Raw(t, h, "POST /?"+q.Encode()+" HTTP/1.1"+javaHeaders, "")
	require.NoError(t, xml.Unmarshal([]byte(body), &got), body)
	return got
}

func TestSamplesInJavaAreAccepted(t *testing.T) {
	h := &Dyiotapi{World: world()}
	got := java(t, h, "QueryCardInfo", map[string]string{"Iccid": card})
	assert.Equal(t, "OK", got.Code, got.Message)
	assert.Equal(t, "1064633113571", got.CardInfo.Msisdn)
	got = java(t, h, "QueryCardStatus", map[string]string{"Iccid": card})
	assert.Equal(t, "正常", got.CardStatus.UserStatus, "what S000's sample is about")
	got = java(t, h, "DoIotChgBindOrUnBind", map[string]string{"Iccid": card, "OpionType": "chgBind", "Imei": device, "NewImei": spare})
	assert.Equal(t, "OK", got.Code, got.Message)
	assert.True(t, got.IotModBind.IsModSuccess)

	w := world()
	w.Numbers = []carriersim.Number{{Pool: "FC12345", Subs: "12345", Status: 2, Number: "17000000009"}}
	got = java(t, &Dyplsapi{World: w}, "QueryCallStatus", map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "12345"})
	assert.Equal(t, "OK", got.Code, got.Message)
	assert.Equal(t, "2", got.SecretCallStatusDTO.Status)
	assert.Equal(t, "17000000009", got.SecretCallStatusDTO.CalledNo)
}

// S001's placeholders as they stand: refused, and told why.
func TestPlaceholdersOfTheSampleAreToldWhy(t *testing.T) {
	got := java(t, &Dyiotapi{World: world()}, "DoIotChgBindOrUnBind", map[string]string{"Iccid": card, "OpionType": "yourHopeOption", "Imei": "curBindImei", "NewImei": "NewImei"})
	assert.Equal(t, "Error", got.XMLName.Local)
	assert.Equal(t, "isv.INVALID_PARAMETERS", got.Code)
	assert.Contains(t, got.Message, "OpionType is chgBind or unBind")
}
