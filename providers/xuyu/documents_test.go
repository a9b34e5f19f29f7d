package xuyu

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

func page(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	require.NoError(t, err)
	return string(text)
}

func TestDefaultAddressesAreTheDocuments(t *testing.T) {
	assert.Equal(t, "https://openapis.shingsou.com", defaultEndpoint)
	assert.Equal(t, "https://ids.shingsou.com/connect/token", defaultToken)
	config := spec.ProviderConfig{Name: "xuyu", Settings: map[string]any{"client_id": "i", "client_secret": "s", "subscription_key": "k"}}
	p, diagnostics := open(config, providers.Env{Getenv: func(string) string { return "" }})
	require.Empty(t, diagnostics)
	assert.Equal(t, defaultEndpoint, p.(*provider).endpoint.String())
	want := defaults()
	want.Account = "i at https://openapis.shingsou.com"
	assert.Equal(t, want, p.(providers.Paced).Limits())
	assert.InDelta(t, 10, providers.PaceOf(p).PerSecond, 0)
}

// The provider's page shows what the program does.
func TestPageHasEachOperationStatusAndCode(t *testing.T) {
	text := page(t, "providers/xuyu.md")
	for _, o := range modelled() {
		assert.Contains(t, text, "| `"+o.name+"` | "+o.method+" `"+o.path+"`", o.name)
		if o.body != "" {
			assert.Contains(t, text, "`"+o.path+"` with `"+o.body+"` |", o.name)
		}
	}
	for operator, table := range statuses() {
		_, section, _ := strings.Cut(text, "\n| `"+operator+"` |")
		for value, w := range table {
			want := value + " " + w.text
			if w.text == "" || value == "1" && operator == "cmcc" {
				want = value + " " // what the document has beside it is odd, and told so
			}
			assert.Contains(t, section, want, "%s", operator)
		}
	}
	kinds := map[providers.Cause]string{providers.Refused: "refused", providers.Denied: "denied", providers.Unavailable: "unavailable", providers.Throttled: "throttled"}
	row := func(code string, m carriercall.Meaning) string {
		effect := map[bool]string{false: "yes", true: "unknown"}[m.Proof == providers.ProvesNothing]
		return fmt.Sprintf("| `%s` | %s | %s | %s |", code, kinds[m.Cause], effect, m.Text)
	}
	for code, m := range meanings() {
		if code == codeUnauthorised {
			m.Text = "as HTTP 401"
		}
		assert.Contains(t, text, row(code, m))
	}
	for status, m := range httpMeanings() {
		assert.Contains(t, text, row(fmt.Sprint(status), m))
	}
	for code := range tokenErrors() {
		assert.Contains(t, text, "`"+code+"`")
	}
}

// The page of coverage names tests that exist, and leaves no fact out.
func TestCoverageIsTrueAndWhole(t *testing.T) {
	text := page(t, "coverage/xuyu.md")
	source := ""
	for _, pattern := range []string{"*_test.go", "xuyusim/*_test.go", "../internal/carriercall/*_test.go", "../internal/lenient/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, f := range files {
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			source += string(data)
		}
	}
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(text, -1) {
		assert.Contains(t, source, "func "+m[1]+"(", m[1])
	}
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			assert.NotEmpty(t, strings.TrimSpace(cells[3]), line)
		}
	}
	for operator, heading := range map[string]string{"cmcc": "移动卡", "ctcc": "电信卡", "cucc": "联通卡"} {
		for value := range statuses()[operator] {
			assert.Contains(t, text, "| status, "+heading+" | "+value+" ")
		}
	}
	for code := range meanings() {
		assert.True(t, strings.Contains(text, "`"+code+"` ") || strings.Contains(text, "HTTP "+code), code)
	}
}
