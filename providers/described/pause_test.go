package described_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/providertest"
)

const pausing = `carrier "t" {
  endpoint = "https://t.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  outcome "throttled" {
    when        = reply.status == 429
    retry_after = reply.json.wait
  }
}
`

func TestACarrierSaysHowLongToWaitInSecondsByALengthOrByATime(t *testing.T) {
	for name, row := range map[string]struct {
		wait   func(now time.Time) any
		behind time.Duration // of the carrier's clock
		want   time.Duration // 0 for as usual: less than two seconds
	}{
		"seconds":             {wait: func(time.Time) any { return 17 }, want: 17 * time.Second},
		"a part of a second":  {wait: func(time.Time) any { return "2.5" }, want: 2500 * time.Millisecond},
		"a length":            {wait: func(time.Time) any { return "30s" }, want: 30 * time.Second},
		"a length in minutes": {wait: func(time.Time) any { return "1m" }, want: time.Minute},
		"a time":              {wait: func(now time.Time) any { return now.Add(20 * time.Second).Format(time.RFC3339) }, want: 20 * time.Second},
		"an HTTP date":        {wait: func(now time.Time) any { return now.Add(20 * time.Second).UTC().Format(http.TimeFormat) }, want: 20 * time.Second},
		"seconds since 1970":  {wait: func(now time.Time) any { return now.Add(20 * time.Second).Unix() }, want: 20 * time.Second},
		"by a slow clock":     {wait: func(now time.Time) any { return now.Add(20 * time.Second).Unix() }, behind: time.Hour, want: 20 * time.Second},
		"a time that is past": {wait: func(now time.Time) any { return now.Add(-time.Hour).Unix() }},
		"nonsense":            {wait: func(time.Time) any { return "soon" }},
		"none":                {wait: func(time.Time) any { return nil }},
		"less than none":      {wait: func(time.Time) any { return -5 }},
		"no number":           {wait: func(time.Time) any { return "NaN" }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					now := time.Now().Add(-row.behind)
					w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
					if asked++; asked == 1 {
						answer(w, 429, map[string]any{"wait": row.wait(now)})
						return
					}
					answer(w, 200, map[string]any{"status": 1})
				})
				p := providertest.OpenOn(t, well(t, pausing).Type(), providertest.Env(providertest.InProcess{Handler: h}, nil))
				began := time.Now()
				_, err := p.Read(t.Context(), iccid, 0)
				require.NoError(t, err)
				assert.Equal(t, 2, asked)
				if row.want == 0 {
					assert.Less(t, time.Since(began), 2*time.Second)
					return
				}
				waited := time.Since(began) // with chance added, so that not all come again at once
				assert.GreaterOrEqual(t, waited, row.want-time.Second)
				assert.Less(t, waited, row.want+10*time.Second)
			})
		})
	}
}
