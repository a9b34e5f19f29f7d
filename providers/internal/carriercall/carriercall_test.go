package carriercall

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
)

// network is what becomes of each request.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

// answers is a network on which every request gets the answer.
func answers(status int, body string) network {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"X-Request-Id": {"8906582E"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// fails is a network on which every request ends so.
func fails(err error) network {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// silent is a network on which a request leaves, and no answer comes.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// cut is a body that ends too early.
type cut struct{ io.Reader }

func (c cut) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// meanings are one code of each kind.
func meanings() map[string]Meaning {
	return map[string]Meaning{
		"throttled":  {Cause: providers.Throttled, Proof: providers.NeverSeen, Text: "too many calls"},
		"signature":  {Cause: providers.Denied, Proof: providers.NeverSeen, Text: "the gateway refuses the signature"},
		"status":     {Cause: providers.Refused, Proof: providers.Declined, Text: "the card's status doesn't allow it"},
		"prior":      {Cause: providers.PriorMismatch, Proof: providers.Declined, Text: "the card is bound to another device"},
		"already":    {Cause: providers.Refused, Proof: providers.AlreadySo, Text: "it is so"},
		"failed":     {Cause: providers.Unavailable, Text: "the carrier failed within"},
		"not-served": {Cause: providers.Unavailable, Proof: providers.NeverSeen, Text: "the gateway had no room for it"},
	}
}

// client is a client on a network that names its requests in a header, and a
// reader of its answers.
func client(n network, limits providers.Limits) (*Client, func(Call) Read) {
	limits.Retries, limits.Timeout = 2, 25*time.Second
	c := New(limits, providers.Env{Now: time.Now, Sleep: sleep, Random: func([]byte) {}, Transport: n}, nil, "")
	c.Headers = []string{"X-Request-Id"}
	return c, func(call Call) Read {
		return func(a Answer) error {
			var reply struct{ Code, Says string }
			if err := json.Unmarshal(a.Body, &reply); err != nil {
				return err
			}
			if reply.Code == "OK" {
				return nil
			}
			m, ok := meanings()[reply.Code]
			if !ok {
				m = Undocumented(reply.Code, reply.Says)
			}
			return c.Explain(call, m, reply.Code, reply.Says)
		}
	}
}

func build(ctx context.Context) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodPost, "http://carrier.localhost/", nil)
}

// Once is how often a call is sent that may not be repeated, thrice one that is
// repeated twice, always one that is throttled, and never one that isn't sent.
const never, once, thrice, always = 0, 1, 3, 9

// What each kind of answer proves about the card, and how often the call is
// sent: a call that reads, and one that changes the card.
func TestWhatAnAnswerProvesAndWhetherTheCallIsRepeated(t *testing.T) {
	const nothing, unseen, declined, already = providers.ProvesNothing, providers.NeverSeen, providers.Declined, providers.AlreadySo
	const refused, throttled, unavailable, denied, prior = providers.Refused, providers.Throttled, providers.Unavailable, providers.Denied, providers.PriorMismatch
	const stopped = providers.Stopped
	hour := time.Hour
	for name, row := range map[string]struct {
		network  network
		patience time.Duration // until whoever asked goes away
		proof    providers.Proof
		cause    providers.Cause
		reading  int // how often a call that reads is sent
		changing int // how often one that changes the card is
		says     string
	}{
		"the connection is refused":        {fails(&net.OpError{Op: "dial", Err: errors.New("refused")}), hour, unseen, unavailable, thrice, thrice, "connect: dial: refused"},
		"the connection breaks after it":   {fails(io.ErrUnexpectedEOF), hour, nothing, unavailable, thrice, once, "wait for the answer: unexpected EOF"},
		"no answer comes in time":          {silent, hour, nothing, unavailable, thrice, once, "nothing within 25s"},
		"who asked goes before it is sent": {silent, 0, unseen, stopped, never, never, "wait for a turn: context"},
		"who asked goes while it waits":    {silent, time.Second, nothing, unavailable, once, once, "context deadline exceeded"},
		"who asked goes after a throttle":  {answers(400, `{"Code":"throttled"}`), 50 * time.Millisecond, unseen, stopped, once, once, "before that: DoIt: throttled"},
		"the answer is cut off": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(cut{strings.NewReader(`{"Code":"O`)})}, nil
		}, hour, nothing, unavailable, thrice, once, "read the answer: unexpected EOF"},
		"half of the answer comes whole": {answers(200, `{"Code":"O`), hour, nothing, unavailable, thrice, once, "HTTP 200: unexpected end"},
		"the answer is empty":            {answers(200, ""), hour, nothing, unavailable, thrice, once, "HTTP 200: unexpected end"},
		"a proxy's page says 502":        {answers(502, "<html>"), hour, nothing, unavailable, thrice, once, "HTTP 502: invalid character"},
		"a portal's page says 200":       {answers(200, "<html>"), hour, nothing, unavailable, thrice, once, "HTTP 200: invalid character"},
		"it is one call too many":        {answers(400, `{"Code":"throttled"}`), hour, unseen, throttled, always, always, "throttled: too many calls"},
		"the gateway refuses it":         {answers(400, `{"Code":"signature"}`), hour, unseen, denied, once, once, "signature: the gateway"},
		"the gateway has no room":        {answers(503, `{"Code":"not-served"}`), hour, unseen, unavailable, thrice, thrice, "not-served: the gateway"},
		"the product refuses it":         {answers(200, `{"Code":"status"}`), hour, declined, refused, once, once, "status: the card's status"},
		"the product misses the prior":   {answers(404, `{"Code":"prior"}`), hour, declined, prior, once, once, "prior: the card is bound"},
		"the card is so already":         {answers(200, `{"Code":"already"}`), hour, already, refused, once, once, "already: it is so"},
		"the product fails within":       {answers(500, `{"Code":"failed"}`), hour, nothing, unavailable, thrice, once, "failed: the carrier failed"},
		"a code is in no document":       {answers(200, `{"Code":"777","Says":"嗯"}`), hour, nothing, refused, once, once, `777: a code that no document has; the carrier says "嗯"`},
	} {
		for _, changing := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", reading", true: ", changing"}[changing], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					c, read := client(func(r *http.Request) (*http.Response, error) { sent++; return row.network(r) }, providers.Limits{})
					ctx, cancel := context.WithTimeout(t.Context(), row.patience)
					defer cancel()
					call := Call{Name: "DoIt", Changing: changing}
					var e *providers.Error
					require.ErrorAs(t, c.Make(ctx, call, build, read(call)), &e)
					proof, times, cause := row.proof, row.changing, row.cause
					if !changing {
						proof, times = unseen, row.reading // whatever was proved: reading changes nothing
					}
					if !changing && row.patience == time.Second {
						cause = stopped // while a change that has left comes to its end
					}
					assert.Equal(t, proof, e.Proof, "what it proves")
					assert.Equal(t, proof == nothing, providers.EffectOf(e) == providers.EffectUnknown, "what became of the card")
					assert.Equal(t, cause, e.Cause)
					assert.Equal(t, times, sent, "how often it was sent")
					assert.Equal(t, "DoIt", e.Call)
					assert.ErrorContains(t, e, row.says)
				})
			})
		}
	}
}

// A refusal of a repeated call proves only what it says: not that the first
// sending, whose answer was lost, had no effect.
func TestNoRefusalProvesWhatAnEarlierSendingDid(t *testing.T) {
	for _, p := range []providers.Proof{providers.ProvesNothing, providers.NeverSeen, providers.Declined, providers.AlreadySo} {
		assert.Equal(t, providers.EffectUnknown, p.Effect(true))
	}
	assert.Equal(t, providers.EffectNone, providers.NeverSeen.Effect(false))
}

func TestWhatCanNotBeBuiltIsNotSent(t *testing.T) {
	c, read := client(fails(errors.New("sent")), providers.Limits{})
	err := c.Make(t.Context(), Call{Name: "DoIt", Changing: true}, func(context.Context) (*http.Request, error) { return nil, errors.New("no URL") }, read(Call{}))
	assert.EqualError(t, err, "DoIt: no URL")
	assert.Equal(t, providers.NeverSeen, providers.ProofOf(err))
}

func TestQuotaThatIsUsedUpChangesNothing(t *testing.T) {
	c, read := client(answers(200, `{"Code":"OK"}`), providers.Limits{CallsPerDay: 1})
	call := Call{Name: "DoIt", Changing: true}
	require.NoError(t, c.Make(t.Context(), call, build, read(call)))
	err := c.Make(t.Context(), call, build, read(call))
	assert.ErrorContains(t, err, "calls_per_day")
	assert.Equal(t, providers.NeverSeen, providers.ProofOf(err))
}

// The carrier's Retry-After, and who named the request: the reply, the caller,
// or a header.
func TestFailureSaysWhatTheAnswerDoes(t *testing.T) {
	c := &Client{Headers: []string{"X-Trace", "X-Request-Id"}, env: providers.Env{Now: time.Now}}
	c.Veil.Add("s3cret")
	a := Answer{Status: 400, Header: http.Header{"Retry-After": {"7"}, "X-Request-Id": {"s3cret-1"}}}
	refuse := func(id string) Read { return func(Answer) error { return &providers.Error{RequestID: id} } }
	e := c.Judge(Call{}, a, refuse(""))
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	assert.Equal(t, "[hidden]-1", e.RequestID)
	assert.Equal(t, "ours", c.Judge(Call{RequestID: "ours"}, a, refuse("")).RequestID)
	assert.Equal(t, "theirs", c.Judge(Call{RequestID: "ours"}, a, refuse("theirs")).RequestID)
	assert.Nil(t, c.Judge(Call{}, a, func(Answer) error { return nil }))
}

func TestThrottleSlowsTheWholeAccountDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &url.URL{Scheme: "http", Host: "carrier.localhost"}
		var accounts providers.Accounts
		code := `{"Code":"throttled"}`
		env := providers.Env{Now: time.Now, Sleep: sleep, Random: func([]byte) {}, Accounts: &accounts,
			Transport: network(func(r *http.Request) (*http.Response, error) { return answers(200, code)(r) })}
		limits := providers.Limits{RequestsPerSecond: 10}
		one, other := New(limits, env, endpoint, "account"), New(limits, env, endpoint, "account")
		_, read := client(nil, limits)
		require.Error(t, one.Make(t.Context(), Call{Name: "DoIt"}, build, read(Call{})))
		code = `{"Code":"OK"}`
		began := time.Now()
		for range 6 {
			require.NoError(t, other.Make(t.Context(), Call{Name: "DoIt"}, build, read(Call{})))
		}
		assert.Greater(t, time.Since(began), 700*time.Millisecond, "half of ten a second")
	})
}

// A change that waits, for its turn or after a throttle, isn't sent once its run
// is interrupted; one that has left comes to its end.
func TestAnInterruptKeepsWhatWaitsFromLeavingAndLetsTheRestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c, read := client(func(r *http.Request) (*http.Response, error) {
			if sent++; sleep(r.Context(), 10*time.Second) != nil {
				return nil, r.Context().Err()
			}
			return answers(200, `{"Code":"OK"}`)(r)
		}, providers.Limits{RequestsPerSecond: 0.1})
		call := Call{Name: "DoIt", Changing: true}
		ctx, cancel := context.WithCancel(t.Context())
		began, ended := time.Now(), make([]time.Duration, 3)
		errs := make([]error, 3)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				errs[i] = c.Make(ctx, call, build, read(call))
				ended[i] = time.Since(began)
			})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		cancel()
		all.Wait()
		require.NoError(t, errs[0], "it had left")
		require.Equal(t, 10*time.Second, ended[0])
		for i := range 2 {
			var e *providers.Error
			require.ErrorAs(t, errs[1+i], &e)
			assert.Equal(t, providers.Stopped, e.Cause)
			assert.Equal(t, providers.NeverSeen, e.Proof)
			assert.Equal(t, time.Second, ended[1+i], "it waits no longer")
		}
		assert.Equal(t, 1, sent)
	})
}

// The gate is asked after every wait and before every repetition, for changes alone.
func TestTheGateIsAskedAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Bool
		open.Store(true)
		asked, sent := 0, 0
		limits := providers.Limits{RequestsPerSecond: 0.1, Retries: 2, CallsPerDay: 3}
		c := New(limits, providers.Env{
			Now: time.Now, Sleep: sleep, Random: func([]byte) {},
			Transport: network(func(r *http.Request) (*http.Response, error) {
				sent++
				open.Store(sent < 2) // the lease ends while the carrier throttles
				return answers(400, `{"Code":"throttled"}`)(r)
			}),
			Gate: func(context.Context) error {
				if asked++; !open.Load() {
					return errors.New("the lock is another's")
				}
				return nil
			},
		}, nil, "")
		_, read := client(nil, limits)
		call := Call{Name: "DoIt", Changing: true}
		var e *providers.Error
		require.ErrorAs(t, c.Make(t.Context(), call, build, read(call)), &e)
		assert.Equal(t, providers.Stopped, e.Cause)
		assert.Equal(t, providers.NeverSeen, e.Proof)
		assert.ErrorContains(t, e, "the lock is another's")
		assert.Equal(t, 2, sent, "and not once more")
		assert.Equal(t, 5, asked, "as each had its turn, and once more as each left")
		require.Error(t, c.Make(t.Context(), Call{Name: "Look"}, build, read(Call{Name: "Look"})))
		assert.Equal(t, 5, asked, "reading needs no gate")
		assert.Equal(t, 3, sent, "what never left isn't counted by the quota")
	})
}

func TestByteOrderMarkBeforeJSONIsNoGarbage(t *testing.T) {
	c, read := client(answers(200, "\ufeff"+`{"Code":"OK"}`), providers.Limits{})
	require.NoError(t, c.Make(t.Context(), Call{Name: "DoIt", Changing: true}, build, read(Call{})))
}

// A code that no document has proves nothing; one that speaks of too many calls
// slows the account down besides.
func TestUndocumentedCodesThatSpeakOfLimitsAreThrottling(t *testing.T) {
	for _, row := range [][2]string{
		{"isv.BUSINESS_LIMIT_CONTROL", ""}, {"FlowControl", ""}, {"RequestLimitExceeded", ""}, {"TooManyRequests", ""}, {"isp.THROTTLED", ""},
		{"12999", "接口调用频次超限"}, {"12998", "触发业务流控"}, {"4290", "Rate limit is exceeded. Try again in 5 seconds."}, {"12997", "请求过于频繁,请稍后再试"},
	} {
		m := Undocumented(row[0], row[1])
		assert.Equal(t, providers.Throttled, m.Cause, row)
		assert.Equal(t, providers.ProvesNothing, m.Proof, row)
		assert.Contains(t, m.Text, "lower requests_per_second", row)
	}
	for _, row := range [][2]string{
		{"isv.NOBODY_KNOWS", ""}, {"12999", "无权限"}, {"12996", "卡片流量已用完"}, {"12995", "该卡未实名"},
	} {
		assert.Equal(t, providers.Refused, Undocumented(row[0], row[1]).Cause, row)
	}
}
