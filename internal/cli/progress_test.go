package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheTimeThatIsLeftGoesByCallsAndNotByCards(t *testing.T) {
	began := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	c := &carrierProgress{p: &progress{began: began}, total: 5000}
	after := func(done int, d time.Duration) string {
		c.done.Store(int64(done))
		return c.pace(began.Add(d))
	}
	assert.Empty(t, after(0, time.Second))
	assert.Equal(t, "20/s, about 4 min left", after(100, 5*time.Second), "a call each, as far as anybody knows")

	c.calls.Store(&calls{all: 10_000})
	assert.Equal(t, "40/s, about 4 min left", after(100, 5*time.Second), "two calls a card")

	c.calls.Store(&calls{all: 1_000 + 100, listing: 100, listed: 4_500})
	assert.Equal(t, "20/s, about 54 s left", after(900, time.Second), "a list of 100 calls tells 4,500 cards")
	assert.Equal(t, "20/s, about 50 s left", after(4_500, 5*time.Second), "and two calls each tell the others")
	assert.Equal(t, "20/s, about 25 s left", after(4_750, 30*time.Second))
	assert.Equal(t, "20/s", after(5_000, 55*time.Second))
}
