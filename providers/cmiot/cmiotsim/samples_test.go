package cmiotsim

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
)

// The requests that the four samples of CMIOT_API2002 make, written anew, each
// as its language's library puts it on the wire. Their appids, transids and
// ebids are the samples'; their tokens were made of passwords that nobody has.

const samplesCard = "898602B0011430000544"

func samplesWorld() *carriersim.World {
	w := world(
		carriersim.Card{ICCID: samplesCard}, carriersim.Card{ICCID: "898600D6991330004146", MSISDN: "14765004732"},
		carriersim.Card{ICCID: "898600D6991330004147", MSISDN: "1064830000000"},
	)
	w.Accounts = []carriersim.Account{{ID: "A0B40O5", Secret: "testsecret"}, {ID: "A0B40MI", Secret: "testsecret"}, {ID: "0NZ", Secret: "testsecret"}}
	return w
}

func tokenV2(appid, transid string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(appid+"testsecret"+transid)))
}

// samples are heads of requests, by language.
func samples() map[string]string {
	java, python, csharp := tokenV2("A0B40O5", "A0B40O520161121001"), tokenV2("A0B40MI", "2016071314451512365445"), tokenV2("0NZ", "0NZ2017051611163080000001")
	return map[string]string{
		"Java": `GET /v2/userstatusrealsingle?appid=A0B40O5&ebid=0001000000427&iccid=` + samplesCard + `&transid=A0B40O520161121001&token=` + java + ` HTTP/1.1
User-Agent: Java/1.8.0_121
Host: api.iot.10086.cn
Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2
Connection: keep-alive`,
		"PHP": `GET /v2/userstatusrealsingle?token=` + java + `&appid=A0B40O5&transid=A0B40O520161121001&ebid=0001000000427&iccid=` + samplesCard + ` HTTP/1.1
Host: api.iot.10086.cn
Accept: */*`,
		"Python": `GET /v2/userstatusrealsingle?msisdn=14765004732&token=` + python + `&transid=2016071314451512365445&ebid=0006000000345&appid=A0B40MI HTTP/1.1
Accept-Encoding: identity
Host: api.iot.10086.cn
Connection: close
User-Agent: Python-urllib/2.7`,
		"C#": `POST /v2/userstatusrealsingle?appid=0NZ&transid=0NZ2017051611163080000001&ebid=0001000000559&token=` + csharp + `&msisdn=1064830000000 HTTP/1.1
Host: api.iot.10086.cn
Content-Length: 0
Connection: Keep-Alive`,
	}
}

// asked sends a sample's request, and reads the answer.
func asked(t *testing.T, o *OneLink, head string) (r reply) {
	t.Helper()
	status, body := providertest.Raw(t, o, head, "")
	require.Equal(t, 200, status, body)
	require.NoError(t, json.Unmarshal([]byte(body), &r), body)
	return r
}

func TestSamplesOfEachLanguageAreAccepted(t *testing.T) {
	for language, head := range samples() {
		r := asked(t, &OneLink{World: samplesWorld()}, head)
		assert.Equal(t, "0", r.Status, "%s: %s", language, r.Message)
		assert.Equal(t, "00", r.one(t, "STATUS"), language)
	}
}

// The Java and the PHP sample have the same transid, and a sample that is run
// twice repeats its own.
func TestTransidUsedTwiceIsRefusedUnlessTheWorldTakesIt(t *testing.T) {
	o := &OneLink{World: samplesWorld()}
	require.Equal(t, "0", asked(t, o, samples()["Java"]).Status)
	r := asked(t, o, samples()["PHP"])
	assert.Equal(t, "12004", r.Status)
	assert.Contains(t, r.Message, "transid A0B40O520161121001 was used before")
	assert.Contains(t, r.Message, "repeat_transids")

	o = &OneLink{World: samplesWorld()}
	o.World.RepeatTransids = true
	for _, language := range []string{"Java", "PHP", "Java"} {
		assert.Equal(t, "0", asked(t, o, samples()[language]).Status, language)
	}
}

// 以msisdn进行查询, 以iccid进行查询, 以imsi进行查询: API请求URL示例.
func TestEachExampleOfAnAddressIsAccepted(t *testing.T) {
	card := carriersim.Card{ICCID: samplesCard}
	for _, key := range []string{"msisdn=14765004732", "iccid=" + samplesCard, "imsi=" + card.IMSI()} {
		head := strings.Replace(samples()["C#"], "msisdn=1064830000000", key, 1)
		assert.Equal(t, "0", asked(t, &OneLink{World: samplesWorld()}, head).Status, key)
	}
}
