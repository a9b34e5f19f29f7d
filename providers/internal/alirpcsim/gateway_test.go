package alirpcsim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var at = time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)

func TestPercentEncoding(t *testing.T) {
	assert.Equal(t, "AZaz09-_.~%20%2A%2B%2F%3D%26%25%E5%81%9C", percent("AZaz09-_.~ *+/=&%停"))
}

func TestNoncesAreRememberedAsLongAsTheyMatter(t *testing.T) {
	var n nonces
	assert.True(t, n.first("a", at))
	assert.True(t, n.first("b", at.Add(31*time.Minute)))
	assert.False(t, n.first("a", at.Add(31*time.Minute)))
	assert.True(t, n.first("c", at.Add(62*time.Minute+time.Second)))
	assert.True(t, n.first("a", at.Add(93*time.Minute)), "by then its time stamp is refused")
	assert.LessOrEqual(t, len(n.now)+len(n.old), 2)
}
