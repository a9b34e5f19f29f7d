package described_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/cardfleet/cardfleet/spec"
)

const declaring = `carrier "m" {
  endpoint = "https://m.example"
  read {
    request = { path = "/${card.iccid}" }
    status  = reply.xml.card.status
    imei    = reply.xml.card.imei
  }
  lifecycle = { "正常" = "active", "已停机" = "suspended-by-owner" }
  sample "in what its XML declares" {
    card  = { iccid = "8942310000000000001" }
    reply = { xml = "<?xml version=\"1.0\" encoding=\"GBK\"?><card><status>已停机</status><imei>861536030196001</imei></card>" }
    gives = { lifecycle = "suspended-by-owner", imei = "861536030196001" }
  }
}
`

func TestXMLIsReadInTheEncodingThatItDeclaresUnlessTheHeaderSaysAnother(t *testing.T) {
	const body = `<card><status>正常</status><imei>861536030196001</imei></card>`
	gbk, gb18030 := simplifiedchinese.GBK, simplifiedchinese.GB18030
	for name, row := range map[string]struct {
		declaration string
		in          encoding.Encoding // nil for UTF-8
		header      string
	}{
		"GBK":                        {`<?xml version="1.0" encoding="GBK"?>`, gbk, "text/xml"},
		"GB2312":                     {`<?xml version='1.0' encoding='gb2312' standalone='yes'?>`, gbk, "text/xml"},
		"GB18030, behind a new line": {"\n" + `<?xml version="1.0" encoding = "GB18030"?>`, gb18030, ""},
		"UTF-8":                      {`<?xml version="1.0" encoding="UTF-8"?>`, nil, "text/xml"},
		"the header is right":        {`<?xml version="1.0" encoding="GBK"?>`, nil, "text/xml; charset=utf-8"},
		"UTF-16, which it isn't":     {`<?xml version="1.0" encoding="utf-16"?>`, nil, "text/xml"},
		"an order in the prolog":     {`<?xml version="1.0"?><?other encoding="GBK"?>`, nil, "text/xml"},
	} {
		t.Run(name, func(t *testing.T) {
			sent := row.declaration + body
			if row.in != nil {
				var err error
				sent, err = row.in.NewEncoder().String(sent)
				require.NoError(t, err)
			}
			p := serving(t, well(t, declaring), replying(row.header, sent), nil)
			r, err := p.Read(t.Context(), iccid, spec.AttrBinding)
			require.NoError(t, err)
			assert.Equal(t, "正常", r.Status)
			assert.Equal(t, spec.Active, r.Lifecycle)
			assert.Equal(t, spec.IMEI(device), r.IMEI)
		})
	}
}

func TestSamplesOfXMLAreSentInTheEncodingThatTheyDeclare(t *testing.T) { tried(t, declaring) }

func TestXMLInAnEncodingThatNobodyKnowsIsUnreadAndSaysSo(t *testing.T) {
	const declaration = `<?xml version="1.0" encoding="x-klingon"?>`
	p := serving(t, well(t, declaring), replying("text/xml", declaration+`<card><status>正常</status></card>`), nil)
	_, err := p.Read(t.Context(), iccid, 0)
	require.ErrorContains(t, err, `its XML is said to be in "x-klingon", an encoding that isn't known`)

	p = serving(t, well(t, declaring), replying("text/xml", declaration+`<card><status>9</status></card>`), nil)
	r, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err, "ASCII reads the same in each")
	assert.Equal(t, "9", r.Status)
}

// replying is a carrier that says one thing; header is its media type, "" for an
// application/xml without a charset.
func replying(header, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header == "" {
			header = "application/xml"
		}
		w.Header().Set("Content-Type", header)
		_, _ = w.Write([]byte(body))
	})
}
