package s3

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

func TestNoRedirectOfAStoreIsFollowedAndTheErrorSaysWhatToWrite(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		for region, want := range map[string]string{"": "write endpoint = ", "eu-west-9": `write region = "eu-west-9"`} {
			var reached, asked atomic.Int64
			target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
			defer target.Close()
			origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				if region != "" {
					w.Header().Set("X-Amz-Bucket-Region", region)
				}
				http.Redirect(w, r, target.URL+r.URL.Path, status)
			}))
			defer origin.Close()
			b := &bucket{clock: &clock{}, settings: Settings{Bucket: "b", Key: "k", Region: "us-east-1", Endpoint: origin.URL, UsePathStyle: true, AccessKey: "a", SecretKey: "s"}}
			opened := b.open(t)
			_, err := opened.Read(t.Context())
			require.ErrorContains(t, err, want)
			_, err = opened.Lock(t.Context(), state.LockInfo{})
			require.ErrorContains(t, err, "never followed")
			assert.Zero(t, reached.Load(), "status %d", status)
			assert.LessOrEqual(t, asked.Load(), int64(4), "asking again changes nothing")
		}
	}
}
