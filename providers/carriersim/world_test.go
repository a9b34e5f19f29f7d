package carriersim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	iccid = spec.ICCID("89860617030017300390")
	imei  = spec.IMEI("867194030000017")
)

func stop(c *Card) bool { c.Status = spec.SuspendedByOwner; return true }

func oneCard() *World {
	return &World{Cards: []Card{{ICCID: iccid, IMEI: imei, Words: "正常使用"}}}
}

func TestZeroWorldIsUsable(t *testing.T) {
	w := &World{}
	_, ok := w.Card(iccid)
	assert.False(t, ok)
	secret, ok := w.Secret(TestID)
	assert.True(t, ok)
	assert.Equal(t, TestSecret, secret)
	ok, err := w.Change(iccid, stop)
	assert.False(t, ok)
	assert.NoError(t, err)
	assert.NoError(t, w.Close())
}

func TestChangeOfStatusClearsItsWords(t *testing.T) {
	w := oneCard()
	c, _ := w.Card(iccid)
	assert.Equal(t, spec.Active, c.Status, "a status left out")
	_, err := w.Change(iccid, stop)
	require.NoError(t, err)
	c, _ = w.Card(iccid)
	assert.Equal(t, Card{ICCID: iccid, IMEI: imei, Status: spec.SuspendedByOwner}, c)
}

func TestOpenWorldBindsToTheFirstDeviceNamed(t *testing.T) {
	w := &World{Open: true}
	c, ok := w.Card(iccid)
	require.True(t, ok)
	assert.Equal(t, spec.Active, c.Status)
	assert.Empty(t, w.cards, "a card that was only read takes no memory")
	var first, other bool
	_, err := w.Change(iccid, func(c *Card) bool { first = c.BoundTo(imei); return true })
	require.NoError(t, err)
	_, err = w.Change(iccid, func(c *Card) bool { other = c.BoundTo("867194030000025"); return false })
	require.NoError(t, err)
	assert.True(t, first)
	assert.False(t, other)
	assert.True(t, w.Registered(imei))
	assert.Equal(t, iccid, w.Holder(imei))
	n, ok := w.Number("pool", "subs")
	assert.True(t, ok)
	assert.Equal(t, 1, n.Status)
}

func TestHolderFollowsTheDevice(t *testing.T) {
	w := oneCard()
	_, err := w.Change(iccid, func(c *Card) bool { c.IMEI = "867194030000025"; return true })
	require.NoError(t, err)
	assert.Empty(t, w.Holder(imei))
	assert.Equal(t, iccid, w.Holder("867194030000025"))
	assert.True(t, w.Registered(imei), "a device stays known")
}

func TestChangesShowAfterTheDelay(t *testing.T) {
	now := time.Unix(1000, 0)
	w := oneCard()
	w.Now, w.ShowDelay = func() time.Time { return now }, Duration(10*time.Second)
	for range 2 { // the second change while the first doesn't show yet
		_, err := w.Change(iccid, stop)
		require.NoError(t, err)
		now = now.Add(6 * time.Second)
	}
	shown, _ := w.Read(iccid)
	truth, _ := w.Card(iccid)
	assert.Equal(t, spec.Active, shown.Status)
	assert.Equal(t, spec.SuspendedByOwner, truth.Status)
	now = now.Add(4 * time.Second)
	shown, _ = w.Read(iccid)
	assert.Equal(t, spec.SuspendedByOwner, shown.Status)
}

func TestFaultsHappenInOrderAndSoOften(t *testing.T) {
	w := &World{Faults: []Fault{
		{Action: "Stop", ICCID: iccid, Times: 2, Kind: LostAfter},
		{Action: "Stop", Kind: CodeFault("isv.X"), Times: 1},
		{Kind: Truncated},
	}}
	var kinds []FaultKind
	for _, r := range []Request{
		{Action: "Stop", ICCID: iccid},
		{Action: "Read", ICCID: iccid},
		{Action: "Stop", ICCID: "89860617030017300391"},
		{Action: "Stop", ICCID: iccid},
		{Action: "Stop", ICCID: iccid},
	} {
		v, err := w.Arrive(t.Context(), r)
		require.NoError(t, err)
		kinds = append(kinds, v.Fault.Kind)
	}
	assert.Equal(t, []FaultKind{LostAfter, Truncated, "code:isv.X", LostAfter, Truncated}, kinds)
	assert.Equal(t, map[string]int{"Stop": 4, "Read": 1}, w.Counts())
	assert.Nil(t, w.Requests(), "none are kept unless asked for")
}

func TestRateIsEachCarriersOwn(t *testing.T) {
	w := &World{RequestsPerSecond: 2, ThrottleAfter: Duration(time.Second), Now: func() time.Time { return time.Unix(1, 0) }}
	kinds := map[FaultKind]int{}
	for _, carrier := range []string{"a", "a", "a", "b", "b", "b"} {
		v, err := w.Arrive(t.Context(), Request{Carrier: carrier})
		require.NoError(t, err)
		kinds[v.Fault.Kind]++
	}
	assert.Equal(t, map[FaultKind]int{"": 4, Throttle: 2}, kinds)
}

func TestLatencyEndsWithTheCaller(t *testing.T) {
	w := &World{Latency: Duration(time.Hour), Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Arrive(ctx, Request{})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAdmitAddsToTheTestAccount(t *testing.T) {
	w := &World{}
	w.Admit(Account{ID: "id", Secret: "old"})
	w.Admit(Account{ID: "id", Secret: "new"})
	for id, want := range map[string]string{"id": "new", TestID: TestSecret} {
		secret, ok := w.Secret(id)
		assert.True(t, ok)
		assert.Equal(t, want, secret)
	}
}

func TestPointLeavesTheBlockAlone(t *testing.T) {
	w := &World{}
	carrier := Carrier{
		Type: "acme", World: w, IDSetting: "key", SecretSetting: "secret",
		Services: []Service{{Setting: "endpoint", Path: "/acme"}, {Setting: "other_endpoint", Path: "/other"}},
	}
	block := spec.ProviderConfig{Name: "acme.a", Settings: map[string]any{"endpoint": "simulator", "other_endpoint": "https://real.test", "key": "mine", "retries": 2}}
	require.True(t, carrier.Wants(block))
	assert.False(t, carrier.Wants(spec.ProviderConfig{Name: "other", Settings: block.Settings}))

	got := carrier.Point(block, "http://127.0.0.1:4711/")
	assert.Equal(t, map[string]any{
		"endpoint": "http://127.0.0.1:4711/acme", "other_endpoint": "http://127.0.0.1:4711/other",
		"key": "mine", "secret": TestSecret, "retries": 2,
	}, got.Settings)
	assert.Equal(t, "simulator", block.Settings["endpoint"])
	secret, ok := w.Secret("mine")
	assert.True(t, ok)
	assert.Equal(t, TestSecret, secret)
}

func TestPointSetsTheFurtherKeyWhereThereIsOne(t *testing.T) {
	w := &World{}
	carrier := Carrier{Type: "acme", World: w, IDSetting: "id", SecretSetting: "secret", KeySetting: "key"}
	got := carrier.Point(spec.ProviderConfig{Settings: map[string]any{"id": "mine", "key": "own"}}, "http://127.0.0.1")
	assert.Equal(t, map[string]any{"id": "mine", "secret": TestSecret, "key": "own"}, got.Settings)
	account, ok := w.Account("mine")
	assert.True(t, ok)
	assert.Equal(t, Account{ID: "mine", Secret: TestSecret, Key: "own"}, account)

	got = carrier.Point(spec.ProviderConfig{}, "http://127.0.0.1")
	assert.Equal(t, TestKey, got.Settings["key"])
	account, _ = (&World{}).Account(TestID)
	assert.Equal(t, Account{ID: TestID, Secret: TestSecret, Key: TestKey}, account, "what every world accepts")
}

func TestPathsAreServedWithAndWithoutASlash(t *testing.T) {
	var got []string
	h := Serve([]Carrier{{Services: []Service{{Path: "/acme/token", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path)
	})}}}})
	for _, path := range []string{"/acme/token", "/acme/token/", "/acme/token/a"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, nil))
	}
	assert.Equal(t, []string{"", "/", "/a"}, got)
}

func TestPagesAreSortedAndWhole(t *testing.T) {
	w := &World{Cards: []Card{{ICCID: "89860617030017300392"}, {ICCID: "89860617030017300390"}, {ICCID: "89860617030017300391"}}}
	page := func(from, n int) (iccids []spec.ICCID) {
		cards, total := w.Page(from, n)
		assert.Equal(t, 3, total)
		for _, c := range cards {
			iccids = append(iccids, c.ICCID)
		}
		return iccids
	}
	assert.Equal(t, []spec.ICCID{"89860617030017300390", "89860617030017300391"}, page(0, 2))
	assert.Equal(t, []spec.ICCID{"89860617030017300392"}, page(2, 2))
	assert.Empty(t, page(3, 2))
	assert.Empty(t, page(-1, -1))

	w = &World{Open: true}
	_, total := w.Page(0, 1)
	assert.Zero(t, total, "an open world lists the cards that were changed")
	_, err := w.Change("89860617030017300390", func(c *Card) bool { c.Status = spec.Closed; return true })
	require.NoError(t, err)
	_, total = w.Page(0, 1)
	assert.Equal(t, 1, total)
}

func TestNetworkGoesByTheIssuersDigits(t *testing.T) {
	for iccid, want := range map[spec.ICCID]string{
		"89860017030017300390": "cmcc", "898602B0011430000544": "cmcc", "89860417030017300390": "cmcc", "89860717030017300390": "cmcc", "89860817030017300390": "cmcc",
		"89860117030017300390": "cucc", "89860617030017300390": "cucc", "89860917030017300390": "cucc",
		"89860317030017300390": "ctcc", "89861117030017300390": "ctcc", "89859917030017300390": "cmcc", "8986": "cmcc",
	} {
		assert.Equal(t, want, (&Card{ICCID: iccid}).Network(), iccid)
	}
	assert.Equal(t, "ctcc", (&Card{ICCID: "89860617030017300390", Operator: "ctcc"}).Network())
}

func TestExampleOfTheDocumentationLoads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	require.NoError(t, os.WriteFile(path, []byte(`{
	  "open": false,
	  "accounts": [{"id": "testid", "secret": "testsecret"}],
	  "cards": [
	    {"iccid": "89860617030017300390", "msisdn": "1064633113571", "status": "active",
	     "imei": "867194030000017",
	     "packages": [{"id": "100M", "name": "100 MB a month", "expires": "2027-01-01T00:00:00+08:00"}]},
	    {"iccid": "898600d6991330004146", "status": "suspended-by-carrier", "words": "欠费停机"}
	  ],
	  "devices": ["867194030000025"],
	  "numbers": [{"pool": "FC12345", "subs": "12345", "status": 1, "number": "17000000000"}],
	  "latency": "20ms",
	  "requests_per_second": 50,
	  "show_delay": "2s",
	  "faults": [{"action": "DoIotUserStopResume", "times": 1, "kind": "lost-after"}]
	}`), 0o600))
	w, err := Load(path)
	require.NoError(t, err)
	c, ok := w.Card("898600D6991330004146")
	assert.True(t, ok, "lower case is folded up")
	assert.Equal(t, "欠费停机", c.Words)
	assert.True(t, w.Registered("867194030000025"))
	assert.Equal(t, 20*time.Millisecond, time.Duration(w.Latency))
	assert.False(t, w.Open)
}

func TestMistakesInAFileAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"cards": [{"iccid": "1"}]}`: "cards[0]: invalid ICCID",
		`{"cards": [{"iccid": "89860617030017300390"}, {"iccid": "89860617030017300390"}]}`: "stands there twice",
		`{"cards": [{"iccid": "89860617030017300390", "imei": "1"}]}`:                       "cards[0]: invalid IMEI",
		`{"cards": [{"iccid": "89860617030017300390", "status": "on"}]}`:                    `status "on" is none of`,
		`{"faults": [{"kind": "lost"}]}`:                                                    `unknown kind "lost"`,
		`{"faults": [{"kind": "code:"}]}`:                                                   `unknown kind "code:"`,
		`{"latencies": "1s"}`:                                                               `unknown field "latencies"`,
		`{"latency": 5}`:                                                                    "no duration",
		`{"latency": "5"}`:                                                                  "missing unit",
		"{\n\n\"latency\": \"1s\",\n}":                                                      "line 4",
		`{} {}`:                                                                             "closing brace",
	} {
		path := filepath.Join(t.TempDir(), "world.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Load(path)
		assert.ErrorContains(t, err, want, text)
		assert.ErrorContains(t, err, "world.json", text)
	}
}

// load makes a world and closes it, unless the process is to be killed.
func load(t *testing.T, path string) *World {
	w, err := Load(path)
	require.NoError(t, err)
	return w
}

func TestKilledProcessLosesNothingItSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	w := load(t, path)
	w.Faults = []Fault{{Kind: LostAfter, Times: 5}}
	_, err := w.Change(iccid, stop)
	require.NoError(t, err)
	require.NoError(t, w.Register("867194030000025"))
	require.NoError(t, w.Order(Order{Key: "k", Number: "1", ICCID: iccid, Package: "p"}))
	require.NoError(t, w.log.file.Close()) // as the system does for a killed process
	torn, err := os.OpenFile(logOf(path), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = torn.WriteString(`{"card":{"iccid":"8986`)
	require.NoError(t, err)
	require.NoError(t, torn.Close())
	require.NoError(t, w.log.lock.Close())

	w = load(t, path)
	c, ok := w.Card(iccid)
	assert.True(t, ok)
	assert.Equal(t, spec.SuspendedByOwner, c.Status)
	assert.True(t, w.Registered("867194030000025"))
	o, ok := w.Ordered("k")
	assert.True(t, ok)
	assert.Equal(t, "1", o.Number)
}

func TestCloseFoldsTheLogIntoTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	w := load(t, path)
	_, err := w.Change(iccid, stop)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.NoFileExists(t, logOf(path))
	var onDisk World
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &onDisk))
	assert.True(t, onDisk.Open)
	assert.Equal(t, spec.SuspendedByOwner, onDisk.Cards[0].Status)

	again := load(t, path)
	require.NoError(t, again.Close())
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(data), string(after), "nothing changed")
}

func TestFoldingKeepsTheKnobs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"open": true, "latency": "20ms", "show_delay": "2s", "throttle_after": "1m0s",
	  "requests_per_second": 50, "offers": ["100M"], "exclusive_imei": true, "devices": ["867194030000025"],
	  "faults": [{"action": "Stop", "kind": "throttle", "retry_after": "7s"}]}`), 0o600))
	w := load(t, path)
	_, err := w.Change(iccid, func(c *Card) bool {
		c.AddPackage(spec.Package{ID: "100M"})
		c.AddPackage(spec.Package{ID: "100M"})
		return true
	})
	require.NoError(t, err)
	require.NoError(t, w.Order(Order{Key: "k", ICCID: iccid, Package: "100M"}))
	require.NoError(t, w.Close())

	got := load(t, path)
	assert.Equal(t, 20*time.Millisecond, time.Duration(got.Latency))
	assert.Equal(t, 2*time.Second, time.Duration(got.ShowDelay))
	assert.Equal(t, time.Minute, time.Duration(got.ThrottleAfter))
	assert.InDelta(t, 50, got.RequestsPerSecond, 0)
	assert.Equal(t, []string{"100M"}, got.Offers)
	assert.True(t, got.ExclusiveIMEI)
	assert.Equal(t, []spec.IMEI{"867194030000025"}, got.Devices)
	assert.Equal(t, w.Faults, got.Faults)
	assert.Len(t, got.Orders, 1)
	c, _ := got.Card(iccid)
	assert.Len(t, c.Packages, 1)
}

func TestReadingMakesNoFile(t *testing.T) {
	dir := t.TempDir()
	w := load(t, filepath.Join(dir, "world.json"))
	w.Read(iccid)
	require.NoError(t, w.Close())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestUsedFaultsStayUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"faults": [{"kind": "lost-after", "times": 2}]}`), 0o600))
	for _, want := range []FaultKind{LostAfter, LostAfter, "", ""} {
		w := load(t, path)
		v, err := w.Arrive(t.Context(), Request{})
		require.NoError(t, err)
		assert.Equal(t, want, v.Fault.Kind)
		require.NoError(t, w.Close())
	}
}

func TestTwoWritersLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	a, b := load(t, path), load(t, path)
	var writers sync.WaitGroup
	for i, w := range []*World{a, b} {
		writers.Go(func() {
			for n := range 200 {
				_, err := w.Change(spec.ICCID(fmt.Sprintf("8986%d%015d", i, n)), stop)
				assert.NoError(t, err)
			}
			assert.NoError(t, w.Close())
		})
	}
	writers.Wait()
	w := load(t, path)
	for i := range 2 {
		for n := range 200 {
			c, _ := w.Card(spec.ICCID(fmt.Sprintf("8986%d%015d", i, n)))
			require.Equal(t, spec.SuspendedByOwner, c.Status, "writer %d, card %d", i, n)
		}
	}
}

func TestWhoClosesFirstTakesNothingFromTheOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	a, b := load(t, path), load(t, path)
	cards := []spec.ICCID{"89860000000000000001", "89860000000000000002", "89860000000000000003"}
	for i, w := range []*World{a, b} {
		_, err := w.Change(cards[i], stop)
		require.NoError(t, err)
	}
	require.NoError(t, a.Close())
	_, err := b.Change(cards[2], stop)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	assert.NoFileExists(t, logOf(path), "the last to close folds")
	w := load(t, path)
	for _, card := range cards {
		c, _ := w.Card(card)
		assert.Equal(t, spec.SuspendedByOwner, c.Status, "%s", card)
	}
}

func TestEffectMarksItsRequest(t *testing.T) {
	w := &World{Record: true}
	first, err := w.Arrive(t.Context(), Request{Action: "Stop", ICCID: iccid})
	require.NoError(t, err)
	_, err = w.Arrive(t.Context(), Request{Action: "Stop", ICCID: iccid})
	require.NoError(t, err)
	w.Effect(first)
	got := w.Requests()
	require.Len(t, got, 2)
	assert.True(t, got[0].Effect)
	assert.False(t, got[1].Effect)
}

// BenchmarkChange shows that a kept change costs the same however many there are.
func BenchmarkChange(b *testing.B) {
	for _, cards := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(cards), func(b *testing.B) {
			w, err := Load(filepath.Join(b.TempDir(), "world.json"))
			require.NoError(b, err)
			for i := range cards {
				w.Cards = append(w.Cards, Card{ICCID: spec.ICCID(fmt.Sprintf("8986%016d", i))})
			}
			n := 0
			for b.Loop() {
				if _, err := w.Change(w.Cards[n%cards].ICCID, stop); err != nil {
					b.Fatal(err)
				}
				n++
			}
			require.NoError(b, w.Close())
		})
	}
}
