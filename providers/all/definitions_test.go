package all_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/all"
)

func TestEveryDefinitionKeepsToItsSamplesHoweverRepliesChange(t *testing.T) {
	for _, d := range all.Definitions() {
		assert.Greater(t, d.Samples(), 3, d.Name)
		assert.Empty(t, d.Test(), d.Name)
	}
}
