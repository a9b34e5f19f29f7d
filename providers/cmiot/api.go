package cmiot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// account is what the calls of both versions share: credentials, and the client
// with its limits and the world outside.
type account struct {
	*carriercall.Client
	appid, password string
	endpoint        *url.URL
	env             providers.Env
	codes           map[string]carriercall.Meaning
	serial          atomic.Uint32 // of the last transid
	// keys is what is known of a card besides its ICCID; nil for nothing.
	keys atomic.Pointer[func(spec.ICCID) providers.Key]
}

// SetKeys implements [providers.Keyed]: a card whose number is known is named by that.
func (a *account) SetKeys(find func(card spec.ICCID) providers.Key) { a.keys.Store(&find) }

// msisdn is the card's number, where it is declared or remembered; else "".
func (a *account) msisdn(iccid spec.ICCID) string {
	if find := a.keys.Load(); find != nil {
		return (*find)(iccid).MSISDN
	}
	return ""
}

// card is the parameter that names a card: "msisdn、iccid、imsi必须有且只有一项"
// (CMIOT_API2002).
func (a *account) card(iccid spec.ICCID) map[string]string {
	if msisdn := a.msisdn(iccid); msisdn != "" {
		return map[string]string{"msisdn": msisdn}
	}
	return map[string]string{"iccid": string(iccid)}
}

// call is one call of a function.
type call struct {
	carriercall.Call
	params map[string]string
}

// sender is one version of the API.
type sender interface {
	// attempt makes one request of a call, signed as that version wants it, and
	// reads the answer into r.
	attempt(ctx context.Context, c call, r reply) error
	Repeat(ctx context.Context, c carriercall.Call, attempt func(carriercall.Call) error) error
}

// replyTo is a pointer to a reply's type.
type replyTo[R any] interface {
	*R
	reply
}

// read makes a call that changes nothing, and repeats it where it failed for a
// passing reason.
func read[R any, P replyTo[R]](ctx context.Context, s sender, name string, card spec.ICCID, params map[string]string) (R, error) {
	return send[R, P](ctx, s, call{carriercall.Call{Name: name, Card: card}, params})
}

// change makes a call that changes something. It is repeated only where it
// certainly had no effect.
func change[R any, P replyTo[R]](ctx context.Context, s sender, name string, card spec.ICCID, params map[string]string) (R, error) {
	return send[R, P](ctx, s, call{carriercall.Call{Name: name, Changing: true, Card: card}, params})
}

func send[R any, P replyTo[R]](ctx context.Context, s sender, c call) (answer R, err error) {
	err = s.Repeat(ctx, c.Call, func(named carriercall.Call) error {
		answer = *new(R) // nothing of a failed attempt's answer may stay
		return s.attempt(ctx, call{named, c.params}, P(&answer))
	})
	return answer, err
}

// transaction is the transid of one request.
type transaction struct {
	id string
	// short is the id without the appid, which no message shows: what a person
	// tells the carrier to find the request by.
	short string
}

// china is the zone of a transid's time. CMIOT_API2002 says YYYYMMDDHHMISS and
// no zone. GUESS: the carrier's own, whatever this machine's is.
func china() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// begin makes the transid of the next request: "appid+YYYYMMDDHHMISS+8位数字序列"
// (CMIOT_API2002). The serial counts up from a random start, so that it repeats
// neither within a run nor between two runs in one second.
func (a *account) begin() transaction {
	serial := a.serial.Add(1) % 100_000_000
	short := a.env.Now().In(china()).Format("20060102150405") + fmt.Sprintf("%08d", serial)
	return transaction{id: a.appid + short, short: short}
}

func randomSerial(random func([]byte)) uint32 {
	var b [4]byte
	random(b[:])
	return binary.LittleEndian.Uint32(b[:]) % 100_000_000
}

// url is the address of a function.
func (a *account) url(path string) *url.URL {
	u := *a.endpoint
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	return &u
}

// post makes a request. Both versions take GET and POST. POST it is: a
// transport repeats a GET by itself where a connection breaks, and what
// changes a card must not be sent twice.
func post(ctx context.Context, u *url.URL, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "", body)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	return req, nil
}

// builder makes a request of a transaction; secret is what the request alone
// carries and no error may show.
type builder func(ctx context.Context, t transaction) (req *http.Request, secret string, err error)

// exchange makes one request, which the carrier finds by its transaction, and
// reads its answer. The transaction is of the moment in which the request leaves.
func (a *account) exchange(ctx context.Context, c carriercall.Call, build builder, r reply) error {
	c.Sending = a.Sending()
	begin := func(ctx context.Context) (*http.Request, error) {
		t := a.begin()
		req, secret, err := build(ctx, t)
		if err == nil {
			c.RequestID, c.Secret = t.short, secret
			tell(c.Sending, t, secret)
		}
		return req, err
	}
	err := a.Send(ctx, c, begin, func(got carriercall.Answer) error {
		if got.Status == http.StatusTooManyRequests {
			return a.Explain(c, throttled(), "HTTP 429", "")
		}
		if err := decode(got.Body, r); err != nil {
			return err
		}
		if head := r.head(); head.Status != codeOK {
			return a.explain(c, head)
		}
		return nil
	})
	var e *providers.Error
	if errors.As(err, &e) && e.RequestID == "" {
		e.RequestID = c.RequestID // no answer came, which might have told it
	}
	return err
}

// tell tells those who look on what a request calls itself, and what of it is secret.
func tell(s *carriercall.Sending, t transaction, secret string) {
	if s != nil {
		s.ID, s.Secrets = t.short, []string{secret}
	}
}

// isRefused reports whether the carrier looked at the call and said no.
func isRefused(err error) bool {
	cause, ok := providers.CauseOf(err)
	return ok && cause == providers.Refused
}
