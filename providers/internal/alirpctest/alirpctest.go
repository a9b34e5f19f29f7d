// Package alirpctest holds what the tests of Alibaba's providers share: a fuzzer
// for any reply's decoder, and a check of a table of codes against its page.
package alirpctest

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

// FuzzDecode holds the decoder of a reply to: never a panic, every success
// complete, and no error that quotes the answer. ok is the code of a success.
func FuzzDecode[R any, P alirpc.ReplyTo[R]](f *testing.F, ok string, seeds ...string) {
	for _, s := range append(seeds, "", "null", "{}", "<html>", `{"Code":"InternalError"}`, `{"Code":"200","Success":false}`) {
		f.Add([]byte(s))
		f.Add([]byte(s)[:len(s)/2])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := P(new(R))
		err := alirpc.Decode(body, ok, r)
		head := r.Head()
		if err != nil {
			if len(body) > 60 && strings.Contains(err.Error(), string(body)) {
				t.Errorf("the error quotes the answer: %v", err)
			}
			return
		}
		if head.Code == "" {
			t.Errorf("%q passed without a code", body)
		}
		done := string(head.Code) == ok && (head.Success.On || !head.Success.Set)
		if done && r.Complete() != nil {
			t.Errorf("%q passed: %v", body, r.Complete())
		}
	})
}

// CheckCodes holds a table of codes to itself and to the page that documents
// it: every code has a line there, as [Line] writes it.
func CheckCodes(t *testing.T, page string, tables ...alirpc.Codes) {
	t.Helper()
	data, err := os.ReadFile(page)
	require.NoError(t, err)
	var want []string
	for _, codes := range tables {
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			assert.NotEmpty(t, codes[code].Text, code)
			want = append(want, Line(code, codes[code]))
		}
	}
	got := regexp.MustCompile("(?m)^\\| `[\\w.]+` \\| \\w+ \\| (?:yes|unknown) \\| .+ \\|$").FindAllString(string(data), -1)
	for _, line := range want {
		assert.True(t, slices.Contains(got, line), "%s lacks the line:\n%s", page, line)
	}
	for _, line := range got {
		assert.True(t, slices.Contains(want, line), "%s has a line too many:\n%s", page, line)
	}
}

// Line is a code's line in the documentation: its kind, whether it certainly
// had no effect, what it means and what to do.
func Line(code string, m carriercall.Meaning) string {
	kind := map[providers.Cause]string{
		providers.Refused: "refused", providers.Throttled: "throttled", providers.Unavailable: "unavailable",
		providers.Denied: "denied", providers.PriorMismatch: "prior",
	}[m.Cause]
	certain := "yes"
	if m.Proof == providers.ProvesNothing {
		certain = "unknown"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |", code, kind, certain, m.Text)
}
