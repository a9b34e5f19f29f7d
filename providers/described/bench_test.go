package described_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

// canned is a network that answers from memory: what is left is the definition's.
type canned struct{ sim, token []byte }

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	body := c.sim
	if strings.HasSuffix(r.URL.Path, "/auth") {
		body = c.token
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// BenchmarkRead is a read of a reply of 1 KB by the page's example, all but the
// network: at most 60 µs.
func BenchmarkRead(b *testing.B) {
	sim := newSims().sim()
	sim["groupId"], sim["tags"] = strings.Repeat("g", 400), map[string]string{"name": strings.Repeat("n", 300)}
	body, err := json.Marshal(sim)
	require.NoError(b, err)
	d := example(b)
	network := &canned{body, []byte(`{"apiKey":"api-key-of-all","token":"token-number-1"}`)}
	p := providertest.OpenOn(b, d.Type(), providertest.Env(network, nil), map[string]any{"auth_key_id": "keyId-x", "auth_key": authKey, "requests_per_second": 1e9})
	p.(providers.Keyed).SetKeys(func(spec.ICCID) providers.Key { return providers.Key{IDs: map[string]string{"sim_id": string(iccid)}} })
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		if _, err := p.Read(b.Context(), iccid, spec.AttrBinding|spec.AttrPackages); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// What is allocated stands for what a read costs, on machines of any speed.
func TestAReadOfOneKilobyteAllocatesLittle(t *testing.T) {
	body, err := json.Marshal(newSims().sim())
	require.NoError(t, err)
	network := &canned{body, []byte(`{"apiKey":"api-key-of-all","token":"token-number-1"}`)}
	p := providertest.OpenOn(t, example(t).Type(), providertest.Env(network, nil), map[string]any{"auth_key_id": "keyId-x", "auth_key": authKey, "requests_per_second": 1e9})
	p.(providers.Keyed).SetKeys(func(spec.ICCID) providers.Key { return providers.Key{IDs: map[string]string{"sim_id": string(iccid)}} })
	allocations := testing.AllocsPerRun(100, func() {
		_, err := p.Read(t.Context(), iccid, spec.AttrBinding|spec.AttrPackages)
		require.NoError(t, err)
	})
	require.LessOrEqual(t, allocations, 350.0)
}
