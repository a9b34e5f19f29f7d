package http_test

import (
	"bytes"
	nethttp "net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

// A followed redirect makes a GET of a LOCK or a POST, whose 200 says nothing:
// a run would change cards without a lock and without a journal.
func TestNoRedirectIsFollowedAndTheErrorNamesTheAddressToWrite(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var reached atomic.Int64
		target := httptest.NewServer(nethttp.HandlerFunc(func(nethttp.ResponseWriter, *nethttp.Request) { reached.Add(1) }))
		defer target.Close()
		origin := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			nethttp.Redirect(w, r, "http://u:hunter2@"+target.Listener.Addr().String()+r.URL.Path+"?token=hunter2", status)
		}))
		defer origin.Close()
		b, pauses := open(t, at(origin.URL, false))

		_, readErr := b.Read(t.Context())
		_, lockErr := b.Lock(t.Context(), state.LockInfo{})
		for want, err := range map[string]error{target.URL + "/state": readErr, target.URL + "/state/lock": lockErr} {
			require.ErrorContains(t, err, "sends its clients to "+want+";")
			assert.ErrorContains(t, err, "never followed")
			assert.NotContains(t, err.Error(), "hunter2")
		}
		assert.Zero(t, reached.Load(), "status %d", status)
		assert.Empty(t, pauses.taken, "asking again changes nothing")
	}
}

// What is read of an answer is bounded, whoever answers.
func TestAnAnswerWithoutEndIsRefusedWithinBounds(t *testing.T) {
	var sent atomic.Int64
	web := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.WriteHeader(423)
		part := bytes.Repeat([]byte("x"), 64<<10)
		for r.Context().Err() == nil {
			n, err := w.Write(part)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	defer web.Close()
	b, _ := open(t, at(web.URL, false))
	_, err := b.Lock(t.Context(), state.LockInfo{})
	require.ErrorContains(t, err, "longer than any that this program takes")
	web.CloseClientConnections()
	assert.Less(t, sent.Load(), int64(64<<20))
}
