package cli

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryBackendSettingIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/backends.md")
	require.NoError(t, err)
	for backend, names := range backendSettings() {
		if backend == "local" { // in configuration.md
			continue
		}
		for _, name := range names {
			assert.Contains(t, string(page), "`"+name+"`", "backend %s", backend)
		}
	}
}
