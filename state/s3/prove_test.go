package s3

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/s3/s3test"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// unconditional is a bucket of a real store that passes over conditions.
func unconditional(t testing.TB) *bucket {
	t.Helper()
	url := s3test.Unconditional(t)
	return bucketOf(t, url, s3test.UnconditionalAccessKey, s3test.UnconditionalSecretKey)
}

// forgetful is a store in this process that passes over one condition.
func forgetful(t testing.TB, header string) *bucket {
	t.Helper()
	store := gofakes3.New(s3mem.New(), gofakes3.WithTimeSkewLimit(0)).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(header)
		store.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return newBucket(t, server.URL)
}

// TestAStoreThatPassesOverConditionsIsRefusedBeforeAnythingIsDone: two runs would
// both have the lock.
func TestAStoreThatPassesOverConditionsIsRefusedBeforeAnythingIsDone(t *testing.T) {
	for name, start := range map[string]func(t testing.TB) *bucket{
		"s3rver":           unconditional,
		"no If-None-Match": func(t testing.TB) *bucket { return forgetful(t, "If-None-Match") },
		"no If-Match":      func(t testing.TB) *bucket { return forgetful(t, "If-Match") },
	} {
		t.Run(name, func(t *testing.T) {
			at := start(t)
			b := at.open(t)
			for _, try := range []func() error{
				func() error { _, err := b.Lock(t.Context(), state.LockInfo{}); return err },
				func() error { return b.Commit(t.Context(), read(t, b), put(statetest.Card(1, ""))) },
				func() error { _, err := b.Journal(t.Context()); return err },
			} {
				err := try()
				require.ErrorIs(t, err, errUnfit)
				require.ErrorContains(t, err, at.settings.Endpoint)
				require.ErrorContains(t, err, "Amazon S3, Cloudflare R2, Ceph, MinIO and versitygw")
				require.NotContains(t, err.Error(), "unlock")
			}
			require.Equal(t, &state.Snapshot{}, read(t, at.open(t)))
			left, err := b.store.list(t.Context(), "")
			require.NoError(t, err)
			require.Empty(t, left, "not even the lock stays")
			require.Nil(t, b.held())
		})
	}
}

// TestAStoreThatRefusesConditionsAltogetherIsNamedUnfit: it says so by itself.
func TestAStoreThatRefusesConditionsAltogetherIsNamedUnfit(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusNotImplemented)
		_, _ = io.WriteString(w, `<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented</Message></Error>`)
	}))
	t.Cleanup(server.Close)
	b := (&bucket{clock: &clock{}, settings: Settings{Bucket: "b", Key: "k", Region: "us-east-1", Endpoint: server.URL, UsePathStyle: true, AccessKey: "a", SecretKey: "s"}}).open(t)
	_, err := b.Lock(t.Context(), state.LockInfo{})
	require.ErrorContains(t, err, "Amazon S3, Cloudflare R2")
}

// TestAStoreIsProvedOnceAProcessAndItsLockIsUntouched: the proof sends two writes,
// which a fit store refuses.
func TestAStoreIsProvedOnceAProcessAndItsLockIsUntouched(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		writes := 0
		at.through = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".lock") {
				writes++
			}
			return transport.RoundTrip(r)
		})
		b := at.open(t)
		for n := range 3 {
			unlock := lockAs(t, b, "mine")
			require.Equal(t, 3+n, writes, "the lock, the two writes of the proof, and a lock each time after it")
			now, err := b.store.etag(t.Context(), b.lockKey())
			require.NoError(t, err)
			require.Equal(t, b.held().etag, now)
			require.NoError(t, unlock())
		}
	})
}

// A proof that is cut off leaves no lock behind that its run doesn't have.
func TestAProofThatFailsGivesTheLockBack(t *testing.T) {
	at := fake(t)
	writes := 0
	at.through = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut {
			if writes++; writes > 1 {
				return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<Error><Code>AccessDenied</Code></Error>")), Request: r}, nil
			}
		}
		return transport.RoundTrip(r)
	})
	b := at.open(t)
	_, err := b.Lock(t.Context(), state.LockInfo{})
	require.ErrorContains(t, err, "AccessDenied")
	at.through = nil
	require.NoError(t, lockAs(t, at.open(t), "next")())
}

func TestALockThatCannotBeGivenBackSaysWhenItEnds(t *testing.T) {
	at := fake(t)
	at.through = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodDelete {
			return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
		}
		return transport.RoundTrip(r)
	})
	require.ErrorContains(t, lockAs(t, at.open(t), "5f1c")(), "the lock runs out by itself within 1m0s: cardfleet force-unlock 5f1c removes it before")
}
