package carriercall

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVeilHidesTheLongestFirst(t *testing.T) {
	var v Veil
	v.Add("abc", "", "abcdef")
	v.Add("abc")
	assert.Equal(t, "[hidden] [hidden] ab", v.Hide("abcdef abc ab"))
	assert.Equal(t, "x", v.Hide("x"))
	assert.Equal(t, strings.Repeat("停", 120)+"…", Shorten(strings.Repeat("停", 121)))
	assert.Equal(t, "short", Shorten("short"))
}

func TestWhatOneCallAloneCarriesIsHiddenInItsAnswer(t *testing.T) {
	c := &Client{}
	c.Veil.Add("appid")
	assert.Equal(t, "[hidden] [hidden]", c.Clean(Call{Secret: "token-of-appid"}, "token-of-appid appid"))
	assert.Equal(t, "token-of-[hidden]", c.Clean(Call{}, "token-of-appid"))
}
