package cmiot

import (
	"encoding/binary"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/providers"
)

// The golden vector of docs/carriers.md §3.1.
func TestGoldenTokenOfV2(t *testing.T) {
	assert.Equal(t, "73ecd5320ba74b9cd7f8b9fb69812bc716b97388d39b0e8e15c9e9134ce20bab",
		tokenV2("100001", "testpass", "1000012014101615303080000001"))
}

// run is an account of a run of the program whose random numbers begin with seed.
func run(appid string, now func() time.Time, seed uint32) *account {
	a := &account{appid: appid, env: providers.Env{Now: now}}
	a.serial.Store(randomSerial(func(p []byte) { binary.LittleEndian.PutUint32(p, seed) }))
	return a
}

// The document's own sample: 100001, 2014-10-16 15:30:30 in China, 80000001.
func TestTransidIsTheDocumentsSample(t *testing.T) {
	at := time.Date(2014, 10, 16, 7, 30, 30, 0, time.UTC)
	a := run("100001", func() time.Time { return at }, 80000000)
	got := a.begin()
	assert.Equal(t, "1000012014101615303080000001", got.id)
	assert.Equal(t, "2014101615303080000001", got.short, "without the appid")
}

// The time is China's wherever the program runs.
func TestTransidsTimeIsChinas(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 59, 59, 0, time.FixedZone("", -5*60*60))
	got := run("1", func() time.Time { return at }, 0).begin()
	assert.Equal(t, "20270101125959", got.short[:14])
}

func TestTransidsNeverRepeat(t *testing.T) {
	form := regexp.MustCompile(`^[0-9A-Za-z]{1,26}[0-9]{14}[0-9]{8}$`)
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC) // one second for all
		appid := rapid.StringMatching(`[0-9A-Za-z]{1,26}`).Draw(t, "appid")
		seeds := rapid.SliceOfNDistinct(rapid.Uint32Range(0, 1<<32-1), 1, 4, func(s uint32) uint32 { return s % 100_000_000 / 1000 }).Draw(t, "seeds")
		calls := rapid.IntRange(1, 1000).Draw(t, "calls")
		seen := map[string]bool{}
		for _, seed := range seeds { // runs that begin within one second
			a := run(appid, func() time.Time { return at }, seed/1000*1000)
			for range calls {
				id := a.begin().id
				require.False(t, seen[id], "%s again", id)
				seen[id] = true
				require.Regexp(t, form, id)
				require.LessOrEqual(t, len(id), 48)
			}
		}
	})
}

func TestTransidsOfWorkersAreDistinct(t *testing.T) {
	at := time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)
	a := run("100001", func() time.Time { return at }, 99_999_990) // it wraps
	var mu sync.Mutex
	var group sync.WaitGroup
	seen := map[string]bool{}
	for range 50 {
		group.Go(func() {
			for range 100 {
				id := a.begin().id
				mu.Lock()
				assert.Len(t, id, 28)
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	assert.Len(t, seen, 5000)
}

func TestLifetimeOfATokenThatMakesNoSense(t *testing.T) {
	for ttl, want := range map[text]time.Duration{
		"3600": time.Hour, "1": time.Second, "": defaultTTL, "0": defaultTTL, "-5": defaultTTL, "soon": defaultTTL,
		"99999999999": 24 * time.Hour, "999999999999999999999": defaultTTL,
	} {
		assert.Equal(t, want, lifetime(ttl), string(ttl))
	}
}
