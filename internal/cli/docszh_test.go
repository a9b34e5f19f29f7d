package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec/lang"
)

// The plan of README.md is that of docs/README.zh-CN.md, told in Chinese.
func TestTheChineseOverviewShowsThePlanOfTheOverview(t *testing.T) {
	zh, err := lang.Of("zh")
	require.NoError(t, err)
	english, chinese := readPage(t, "README.md"), readPage(t, "docs/README.zh-CN.md")
	require.NotEmpty(t, english.of("text"))
	require.NotEmpty(t, chinese.of("text"))
	told := strings.Split(english.of("text")[0].text, "\n")
	for i := range told {
		told[i] = zh.Text(told[i])
	}
	assert.Equal(t, strings.Join(told, "\n"), chinese.of("text")[0].text)
}
