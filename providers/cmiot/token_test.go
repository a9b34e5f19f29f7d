package cmiot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot/cmiotsim"
	"github.com/cardfleet/cardfleet/spec"
)

// readers reads the card with n workers at once, and wants each to succeed.
func readers(t *testing.T, p providers.Provider, n int) {
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			_, err := p.Read(t.Context(), iccid, 0)
			assert.NoError(t, err)
		})
	}
	group.Wait()
}

func TestOneTokenServesFiftyWorkersAndIsRenewedOnce(t *testing.T) {
	w := world()
	carrier := &cmiotsim.OneLink{World: w}
	p := open(t, carrier, nil)
	for round := 1; round <= 3; round++ {
		readers(t, p, 50)
		assert.Equal(t, round, w.Count("get/token"), "round %d", round)
		carrier.Expire()
	}
}

// A token that is used up to its ttl's end would be refused on the way.
func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		p := open(t, &cmiotsim.OneLink{World: w, TokenTTL: time.Hour}, nil)
		readers(t, p, 1)
		time.Sleep(58 * time.Minute)
		readers(t, p, 5)
		assert.Equal(t, 1, w.Count("get/token"))
		// The carrier would take it for another half minute; it gives it again
		// with what is left, which is then used to its end.
		time.Sleep(90 * time.Second)
		readers(t, p, 5)
		assert.Equal(t, 2, w.Count("get/token"))
		time.Sleep(time.Hour)
		readers(t, p, 50)
		assert.Equal(t, 3, w.Count("get/token"))
	})
}

// stuck is a carrier that refuses the token "old", which it gives until it is
// asked to refresh.
func stuck(fetched *[]string, refuses ...string) http.Handler {
	token := "old"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		_ = json.NewDecoder(r.Body).Decode(&body)
		if r.URL.Path == "/v5/ec/get/token" {
			*fetched = append(*fetched, body["refresh"])
			if body["refresh"] == "1" {
				token = "new"
			}
			_, _ = fmt.Fprintf(w, `{"status":"0","message":"正确","result":[{"token":%q,"ttl":3600}]}`, token)
			return
		}
		for _, refused := range refuses {
			if body["token"] == refused {
				_, _ = io.WriteString(w, `{"status":"12021","message":"TOKEN不存在或已过期，请重新获取","result":[]}`)
				return
			}
		}
		_, _ = io.WriteString(w, `{"status":"0","message":"正确","result":[{"cardStatus":"9"}]}`)
	})
}

func TestTokenIsRefreshedOnlyWhereTheRefusedOneIsGivenAgain(t *testing.T) {
	var fetched []string
	p := open(t, stuck(&fetched, "old"), nil)
	_, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"", "", "1"}, fetched)
}

func TestTokenThatIsRefusedAfreshEndsTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetched []string
		p := open(t, stuck(&fetched, "old", "new"), nil)
		_, err := p.Read(t.Context(), iccid, 0)
		cause, _ := providers.CauseOf(err)
		assert.Equal(t, providers.Denied, cause, "%v", err)
		assert.ErrorContains(t, err, "something else may be using this appid")
		assert.Len(t, fetched, 15, "eight tokens, of which all but the first were asked for twice")
	})
}

// Where each get/token ends the token before, two plans at once end each other's.
func TestTwoPlansAtOnceWithOneAppidBothReadAllCards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		current := 0
		carrier := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			var body map[string]string
			_ = json.NewDecoder(r.Body).Decode(&body)
			switch {
			case r.URL.Path == "/v5/ec/get/token":
				current++
				_, _ = fmt.Fprintf(w, `{"status":"0","message":"正确","result":[{"token":"T%d","ttl":3600}]}`, current)
			case body["token"] != fmt.Sprintf("T%d", current):
				_, _ = io.WriteString(w, `{"status":"12021","message":"TOKEN不存在或已过期，请重新获取","result":[]}`)
			default:
				_, _ = io.WriteString(w, `{"status":"0","message":"正确","result":[{"cardStatus":"9"}]}`)
			}
		})
		wants := make([]providers.Want, 300)
		for i := range wants {
			wants[i].ICCID = spec.ICCID(fmt.Sprintf("898600D69913%08d", i))
		}
		var plans sync.WaitGroup
		for range 2 {
			p := open(t, carrier, map[string]any{"requests_per_second": 20.0})
			plans.Go(func() {
				readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{})
				assert.NoError(t, err)
				for i := range readings {
					assert.True(t, readings[i].Known(), "card %d: %s", i, readings[i].Unread)
				}
			})
		}
		plans.Wait()
		assert.Greater(t, current, 2, "they did end each other's tokens")
	})
}

func TestChangeIsSentAgainWithARenewedToken(t *testing.T) {
	w := world()
	carrier := &cmiotsim.OneLink{World: w}
	p := open(t, carrier, nil)
	readers(t, p, 1)
	carrier.Expire()
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: iccid, Key: key})
	require.NoError(t, err)
	assert.Equal(t, 1, w.Count("change/sim-status"), "the refused one did not arrive")
}

// Whoever fetches for all may be cancelled; the others then fetch by themselves.
func TestCancelledFetchHarmsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		carrier := &cmiotsim.OneLink{World: world()}
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if first && r.URL.Path == "/v5/ec/get/token" {
				first = false
				<-r.Context().Done()
				panic(http.ErrAbortHandler)
			}
			carrier.ServeHTTP(w, r)
		}), map[string]any{"retries": 0})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, err := p.Read(ctx, iccid, 0); done <- err }()
		synctest.Wait()
		other := make(chan error)
		go func() { _, err := p.Read(t.Context(), iccid, 0); other <- err }()
		synctest.Wait()
		cancel()
		err := <-done
		require.Error(t, err)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		require.NoError(t, <-other)
	})
}

func TestNoCredentialIsInAnyError(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var q map[string]string
		if r.URL.Path == "/v5/ec/get/token" {
			_, _ = io.WriteString(w, `{"status":"0","message":"正确","result":[{"token":"t0ken","ttl":"3600"}]}`)
			return
		}
		_ = json.Unmarshal(body, &q)
		message := string(body) + r.URL.RawQuery
		answer, _ := json.Marshal(map[string]any{"status": "9" + q["token"] + "p4ss", "message": message})
		_, _ = w.Write(answer)
	}
	for _, version := range []string{"v2", "v5"} {
		p := open(t, http.HandlerFunc(echo), map[string]any{"appid": "App1d", "password": "p4ss", "api_version": version, "retries": 0})
		_, err := p.Read(t.Context(), iccid, spec.AttrPackages)
		_, err2 := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: iccid})
		for _, err := range []error{err, err2} {
			require.Error(t, err)
			for _, hidden := range []string{"App1d", "p4ss", "t0ken"} {
				assert.NotContains(t, err.Error(), hidden, version)
			}
			assert.NotRegexp(t, `[0-9a-f]{64}`, err.Error(), "the token of v2")
		}
	}
	// A broken connection, of which http says the URL.
	w := world()
	w.Faults = []carriersim.Fault{{Kind: carriersim.LostBefore}}
	_, err := simulated(t, w, map[string]any{"api_version": "v2", "retries": 0}).Read(t.Context(), iccid, 0)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "testid")
}
