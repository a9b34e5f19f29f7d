package sample_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/providers/providertest/sample"
	"github.com/cardfleet/cardfleet/providers/providertest/sample/samplesim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     sample.Type(),
		Carrier:  samplesim.Carrier,
		ReadCall: "read",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop: "stop", spec.Resume: "resume", spec.ChangeBind: "bind", spec.Subscribe: "order",
		},
	})
}

// A carrier that is asked card by card over JSON takes at most 600 lines of its
// own, its simulator and its conformance test among them, and not one of the
// lines decides what a lost answer did, or whether a call is repeated.
func TestCarrierOfItsOwnWireTakesAtMost600Lines(t *testing.T) {
	lines := 0
	for _, pattern := range []string{"*.go", "samplesim/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, f := range files {
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			lines += bytes.Count(data, []byte("\n"))
			for _, word := range []string{"EffectOf", "Repeat(", "ProvesNothing", "carrierhttp"} {
				assert.True(t, strings.HasSuffix(f, "_test.go") || !bytes.Contains(data, []byte(word)), "%s has %s", f, word)
			}
		}
	}
	assert.Greater(t, lines, 200, "the files were found")
	assert.LessOrEqual(t, lines, 600)
}
