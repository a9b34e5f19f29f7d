package carriercall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
)

// told is the key of what the observer adds to a context.
type told struct{}

// diary is an observer that writes down what it is told.
type diary struct{ lines []string }

func (d *diary) say(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) Waiting(ctx context.Context, x *providers.Exchange) context.Context {
	d.say("waiting %s %s %d", x.Call, x.Card, x.Attempt)
	return context.WithValue(ctx, told{}, "told")
}

func (d *diary) Leaving(ctx context.Context, x *providers.Exchange) {
	d.say("leaving after %v as %s, %v: %s %s", x.Waited, x.CallsItself(), ctx.Value(told{}), x.Request().Line, x.Request().Body)
}

func (d *diary) Ended(_ context.Context, x *providers.Exchange) {
	answer := "no answer"
	if x.Answer != nil {
		answer = x.Answer().Body
	}
	d.say("ended after %v with %d %s: %s: %v", x.Took, x.Status, x.RequestID, answer, x.Failed)
}

func (d *diary) Repeats(_ context.Context, x *providers.Exchange, _ time.Duration) {
	d.say("repeats %s after attempt %d: %s", x.Call, x.Attempt, x.Failed.Cause.Word())
}

// observedClient is a client with somebody who looks on.
func observedClient(n network) (*Client, *diary, func(Call) Read) {
	c, reader := client(n, providers.Limits{})
	d := &diary{}
	c.env.Observer, c.env.Provider = d, "acme"
	return c, d, reader
}

func TestWhoLooksOnIsToldOfEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := 0
		c, d, reader := observedClient(func(r *http.Request) (*http.Response, error) {
			assert.Equal(t, "told", r.Context().Value(told{}), "the observer's context is the request's")
			time.Sleep(time.Second)
			if turn++; turn == 1 {
				return answers(200, `{"Code":"throttled","token":"hush"}`)(r)
			}
			return answers(200, `{"Code":"OK"}`)(r)
		})
		c.Veil.Add("s3cret")
		call := Call{Name: "Stop", Changing: true, Card: "89860617030017300008", Sending: c.Sending()}
		err := c.Make(t.Context(), call, func(ctx context.Context) (*http.Request, error) {
			call.Sending.Secrets = []string{"MAC"}
			return http.NewRequestWithContext(ctx, http.MethodPost, "http://carrier.test/?Nonce=n1&key=s3cret", strings.NewReader("signed MAC"))
		}, reader(call))
		require.NoError(t, err)
		assert.Equal(t, []string{
			"waiting Stop 89860617030017300008 1",
			"leaving after 0s as n1, told: POST http://carrier.test/?Nonce=n1&key=[hidden] signed [hidden]",
			`ended after 1s with 200 8906582E: {"Code":"throttled","token":"[hidden]"}: Stop: throttled: too many calls (request 8906582E)`,
			"repeats Stop after attempt 1: throttled",
			"waiting Stop 89860617030017300008 2",
			"leaving after 0s as n1, told: POST http://carrier.test/?Nonce=n1&key=[hidden] signed [hidden]",
			`ended after 1s with 200 8906582E: {"Code":"OK"}: <nil>`,
		}, d.lines)
	})
}

func TestWhoLooksOnIsToldHowLongARequestWaitedForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, reader := client(answers(200, `{"Code":"OK"}`), providers.Limits{RequestsPerSecond: 1})
		d := &diary{}
		c.env.Observer = d
		for range 2 {
			require.NoError(t, c.Make(t.Context(), Call{Name: "Read"}, build, reader(Call{})))
		}
		assert.Contains(t, d.lines[1], "leaving after 0s")
		assert.Contains(t, d.lines[4], "leaving after 1s")
	})
}

func TestARequestThatNeverLeftIsToldToHaveEnded(t *testing.T) {
	c, d, reader := observedClient(answers(200, `{}`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, c.Send(ctx, Call{Name: "Read"}, build, reader(Call{})))
	require.Len(t, d.lines, 2)
	assert.Contains(t, d.lines[1], "ended after 0s with 0 : no answer")
}

func TestAnAnswerThatIsNoJSONIsShownByItsFirst200Bytes(t *testing.T) {
	page := "<html>" + strings.Repeat("é", 300)
	c, d, reader := observedClient(answers(502, page))
	require.Error(t, c.Send(t.Context(), Call{Name: "Read"}, build, reader(Call{})))
	assert.Contains(t, d.lines[2], "<html>"+strings.Repeat("é", 97)+"… (606 bytes): ")
}

func TestWhatGivesATokenIsShownOfNoAnswer(t *testing.T) {
	c, d, reader := observedClient(answers(200, `{"Code":"OK","value":"t0k3n"}`))
	require.NoError(t, c.Send(t.Context(), Call{Name: "token", Awaited: true}, build, reader(Call{})))
	assert.NotContains(t, strings.Join(d.lines, "\n"), "t0k3n")
	assert.Contains(t, d.lines[2], "[29 bytes, hidden")
}

func TestWithoutAnObserverACallCostsNoMore(t *testing.T) {
	c, reader := client(answers(200, `{"Code":"OK"}`), providers.Limits{})
	call := Call{Name: "Read", Card: "89860617030017300008"}
	read := reader(call)
	sent := testing.AllocsPerRun(100, func() {
		if c.send(context.Background(), call, build, read) != nil {
			panic("it fails")
		}
	})
	looked := testing.AllocsPerRun(100, func() {
		call := call
		call.Sending = c.Sending()
		if c.Send(context.Background(), call, build, read) != nil {
			panic("it fails")
		}
	})
	assert.InDelta(t, sent, looked, 0)
}

func TestARequestThatTheGateKeptBackIsToldNotToHaveLeft(t *testing.T) {
	c, d, reader := observedClient(answers(200, `{"Code":"OK"}`))
	asked := 0
	env := c.env
	env.Gate = func(context.Context) error {
		if asked++; asked == 2 { // when there was a connection for it
			return errors.New("the lock is another's")
		}
		return nil
	}
	c = New(c.limits, env, nil, "")
	require.Error(t, c.Send(t.Context(), Call{Name: "Stop", Changing: true}, build, reader(Call{})))
	require.Len(t, d.lines, 2)
	assert.Contains(t, d.lines[1], "ended after 0s with 0 : no answer: Stop: not sent: the lock is another's")
}

// idle is an observer that asks for no text.
type idle struct{}

func (idle) Waiting(ctx context.Context, _ *providers.Exchange) context.Context { return ctx }
func (idle) Leaving(context.Context, *providers.Exchange)                       {}
func (idle) Ended(context.Context, *providers.Exchange)                         {}
func (idle) Repeats(context.Context, *providers.Exchange, time.Duration)        {}

func TestSecretsCostNothingWhereNobodyAsksForATextOfTheCall(t *testing.T) {
	cost := func(secrets ...string) float64 {
		c, reader := client(answers(200, `{"Code":"OK"}`), providers.Limits{})
		c.env.Observer = idle{}
		c.Veil.Add(secrets...)
		call := Call{Name: "Read", Card: "89860617030017300008", Sending: &Sending{ID: "n1", Secrets: secrets}}
		read := reader(call)
		return testing.AllocsPerRun(100, func() {
			if c.Send(context.Background(), call, build, read) != nil {
				panic("it fails")
			}
		})
	}
	assert.InDelta(t, cost(), cost("s3cret one", "s3cret two", "s3cret three"), 1)
}
