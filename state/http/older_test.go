package http_test

import (
	nethttp "net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// older is a server that has a state of version 1, and how to open it.
func older(t *testing.T, sealed bool) (*server, func() state.Backend) {
	t.Helper()
	from := filepath.Join("testdata", "older", "plain")
	var sealer state.Sealer
	if sealed {
		from = filepath.Join("testdata", "older", "sealed")
		sealer = keyring(t, seal.Key{Recipients: []string{statetest.OlderRecipient}, Identities: []seal.Identity{{Name: "key.txt", Text: statetest.OlderIdentity}}})
	}
	body, err := os.ReadFile(filepath.Join(from, "document.json"))
	require.NoError(t, err)
	s, url := newServer(t, &server{body: body})
	return s, func() state.Backend {
		b, _ := openWith(t, at(url, false), sealer)
		return b
	}
}

func TestAStateOfTheFirstVersionIsReadAndMovedOver(t *testing.T) {
	statetest.RunOlder(t, func(t *testing.T, sealed bool) func() state.Backend {
		_, open := older(t, sealed)
		return open
	})
}

// TestAServerThatFailsAtAnyRequestOfTheMoveLosesNothing loses the answer to one
// request, and refuses those after it.
func TestAServerThatFailsAtAnyRequestOfTheMoveLosesNothing(t *testing.T) {
	statetest.CutOlder(t, func(t *testing.T, sealed bool) (func() state.Backend, func(int, func(state.Backend)) bool) {
		s, open := older(t, sealed)
		return open, func(step int, write func(state.Backend)) bool {
			requests := 0
			s.set(func() {
				s.before = func(*nethttp.Request) int {
					switch requests++; {
					case requests == step:
						return -nethttp.StatusServiceUnavailable
					case requests > step:
						return nethttp.StatusServiceUnavailable
					}
					return 0
				}
			})
			write(open())
			s.set(func() { s.before, s.lock = nil, nil })
			return requests >= step
		}
	})
}
