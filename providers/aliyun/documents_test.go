package aliyun

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/alirpctest"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

// network keeps the request, and is no network.
type network struct{ got *http.Request }

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.got = r
	return nil, errors.New("no network")
}

// leaves is the request that a provider without an endpoint sends.
func leaves(t *testing.T, call func(p providers.Provider)) *http.Request {
	var n network
	config := spec.ProviderConfig{Settings: map[string]any{"access_key_id": "i", "access_key_secret": "s", "retries": 0}}
	p, diagnostics := Type().Open(config, providertest.Hurried(&n, nil))
	require.Empty(t, diagnostics)
	call(p)
	return n.got
}

func readsCard(t *testing.T) func(providers.Provider) {
	return func(p providers.Provider) {
		_, err := p.Read(t.Context(), "89860617030017300390", 0)
		assert.Error(t, err)
	}
}

func readsNumber(t *testing.T) func(providers.Provider) {
	return func(p providers.Provider) {
		_, err := p.(providers.NumberReader).ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "12345", CallNo: "17000000000"})
		assert.Error(t, err)
	}
}

func TestDefaultEndpoints(t *testing.T) {
	got := leaves(t, readsCard(t)).URL
	assert.Equal(t, "https://dyiotapi.aliyuncs.com/", got.Scheme+"://"+got.Host+got.Path)
	got = leaves(t, readsNumber(t)).URL
	assert.Equal(t, "https://dyplsapi.aliyuncs.com/", got.Scheme+"://"+got.Host+got.Path)
}

func TestReadingAsksForTheCard(t *testing.T) {
	q := leaves(t, readsCard(t)).URL.Query()
	assert.Equal(t, []string{"QueryCardStatus", "2017-11-11", "89860617030017300390"}, []string{q.Get("Action"), q.Get("Version"), q.Get("Iccid")})
}

func TestNumberRequestOnTheWire(t *testing.T) {
	q := leaves(t, readsNumber(t)).URL.Query()
	for name, want := range map[string]string{
		"Action": "QueryCallStatus", "Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "12345", "CallNo": "17000000000",
	} {
		assert.Equal(t, want, q.Get(name), name)
	}
}

// Every code of both APIs, as it comes, with what it says of a change and of a
// reading.
func TestEveryCodeOnTheWire(t *testing.T) {
	for code, m := range cardCodes() {
		effect := providers.EffectNone
		if m.Proof == providers.ProvesNothing {
			effect = providers.EffectUnknown
		}
		p := alirpctest.Answering(t, Type(), "endpoint", http.StatusBadRequest, `{"RequestId":"8906582E","Code":"`+code+`","Message":"m"}`)
		_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Unbind, From: "867194030000017"}, ICCID: "89860617030017300390"})
		shows(t, err, code, m)
		assert.Equal(t, effect, providers.EffectOf(err), code)
	}
	for code, m := range numberCodes() {
		p := alirpctest.Answering(t, Type(), "privacy_endpoint", http.StatusBadRequest, `{"RequestId":"8906582E","Code":"`+code+`","Message":"m"}`)
		_, err := p.(providers.NumberReader).ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "12345"})
		shows(t, err, code, m)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err), code)
	}
}

func shows(t *testing.T, err error, code string, m carriercall.Meaning) {
	t.Helper()
	require.Error(t, err, code)
	cause, _ := providers.CauseOf(err)
	assert.Equal(t, m.Cause, cause, code)
	assert.ErrorContains(t, err, code)
	assert.ErrorContains(t, err, m.Text)
	assert.Equal(t, "8906582E", providers.RequestIDOf(err), code)
}

func TestCoverageNamesEveryCodeAndTestsThatExist(t *testing.T) {
	data, err := os.ReadFile("../../docs/coverage/aliyun.md")
	require.NoError(t, err)
	page := string(data)
	tests := declared(t, "..")
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(page, -1) {
		assert.True(t, tests[m[1]], m[1])
	}
	for _, codes := range []alirpc.Codes{cardCodes(), numberCodes()} {
		for code := range codes {
			if code != codeHasIMEI && code != "FlowLimited" { // of other documents
				assert.Contains(t, page, "`"+code+"`")
			}
		}
	}
}

// declared is the tests and fuzz tests in a folder and below it.
func declared(t *testing.T, root string) map[string]bool {
	names := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			names[m[1]] = true
		}
		return err
	}))
	return names
}
