package http

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // what the protocol asks for; the document has a better checksum
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cardfleet/cardfleet/spec/safe"
)

type request struct {
	what   string // for errors: "read the state"
	method string
	url    *url.URL
	body   []byte // JSON; nil for none
}

// failure is a request that the server didn't carry out, or perhaps did.
type failure struct {
	what, place string
	status      int            // 0 where no answer came
	header      nethttp.Header // the answer's
	reply       []byte         // the answer's body
	cause       error          // of no answer
	wait        time.Duration  // what the server asks for before the next attempt
	elsewhere   string         // the address that a redirect names, as it may be shown
	reading     bool           // the request was to read the state
	writing     int            // bytes that were to be written; 0 for none
	unlocked    string         // why nothing is locked; "" where something is
}

// Bounds of answers, in bytes. The document of a million cards takes about 60 MB.
const (
	largestDocument = 512 << 20
	largestAnswer   = 1 << 20 // to anything else
)

// errTooLong says that an answer is none that could be meant.
var errTooLong = errors.New("the answer is longer than any that this program takes; is the address right?")

// stay has no redirect followed: a LOCK or a POST would become a GET, whose 200
// says nothing, and the password would be handed to another host.
func stay(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse }

// Error says what the server said, and never who asked.
func (f *failure) Error() string {
	if f.status == 0 {
		return fmt.Sprintf("%s %s: %v", f.what, f.place, f.cause)
	}
	text := fmt.Sprintf("%s %s: HTTP %d %s", f.what, f.place, f.status, nethttp.StatusText(f.status))
	if said := f.said(); said != "" {
		text += ": " + said
	}
	if why := f.why(); why != "" {
		text += " (" + why + ")"
	}
	return text
}

// why is what the answer means, as far as it can be told, and what to do.
func (f *failure) why() string {
	switch {
	case f.status/100 == 3:
		return f.moved()
	case f.status/100 == 2:
		return "an empty answer, and no state is that empty: a server without a state says 404 or 204; something before it may have cut the answer off"
	case f.status == nethttp.StatusUnauthorized:
		return "the server takes neither username nor password as they are: the settings username and password, or CARDFLEET_HTTP_USERNAME and CARDFLEET_HTTP_PASSWORD"
	case f.status == nethttp.StatusForbidden:
		return "the user is known and may not do this; GitLab wants the role of a maintainer for writing and of a developer for reading"
	case f.status == nethttp.StatusNotFound && f.reading:
		return f.noState()
	case f.status == nethttp.StatusRequestEntityTooLarge && f.writing > 0:
		return f.tooLarge()
	case f.writing > 0 && f.unlocked != "" && f.status/100 == 4:
		return "nothing was written; some servers take no write without a lock, and " + f.unlocked
	case f.status == nethttp.StatusConflict, f.status == nethttp.StatusLocked:
		return "the lock is another run's, or was removed"
	}
	return ""
}

// noState says why a 404 isn't taken for a state that doesn't exist yet.
func (f *failure) noState() string {
	if f.isPage() {
		return "a page for people, and no answer of a server that keeps states: the address leads to a website, a proxy or a sign-in. " +
			"A server that has no state yet says 404 without a page, or 204"
	}
	return "that isn't said of a state which doesn't exist yet, so none is begun: is the address right, and may this user see what it names? " +
		"GitLab says so of a project that the token may not see"
}

// tooLarge says whose limit a document is over.
func (f *failure) tooLarge() string {
	size := fmt.Sprintf("nothing was written: the document has %d bytes, and ", f.writing)
	server := safe.Text(f.header.Get("Server"))
	switch {
	case f.isPage() && server != "":
		return size + "the web server or proxy in front, which calls itself " + server + ", takes less: that is client_max_body_size in nginx, LimitRequestBody in Apache"
	case f.isPage():
		return size + "the web server or proxy in front takes less: that is client_max_body_size in nginx, LimitRequestBody in Apache"
	case json.Valid(f.reply):
		return size + "the state's server takes less: that is max_terraform_state_size_bytes in GitLab's settings"
	}
	return size + "the state's server, or a proxy in front, takes less; this program has no such limit"
}

// moved says what to write where a server sends its clients elsewhere.
func (f *failure) moved() string {
	if f.elsewhere == "" {
		return "the server sends its clients elsewhere, and doesn't say where; redirects are never followed: write the state's own address"
	}
	return fmt.Sprintf("the server sends its clients to %s; redirects are never followed, since a lock or a write would be lost on the way: "+
		"where that is the right place, write it as the address in the backend block", f.elsewhere)
}

func (f *failure) Unwrap() error { return f.cause }

// temporary reports whether the same request may succeed later. It may have
// been carried out, too.
func (f *failure) temporary() bool {
	return f.status == 0 || f.status == nethttp.StatusTooManyRequests || f.status >= 500 && f.status != nethttp.StatusNotImplemented
}

// retry calls attempt until it succeeds, fails for good, or has failed
// RetryMax times more. The pauses double, as Terraform's do. A run that is told
// to stop asks nobody again who doesn't answer.
func (b *Backend) retry(ctx context.Context, attempt func() error) error {
	pause := b.config.RetryWaitMin
	for left := b.config.RetryMax; ; left-- {
		err := attempt()
		if err == nil {
			b.away(nil)
		}
		var failed *failure
		if !errors.As(err, &failed) || !failed.temporary() || left <= 0 || failed.status == 0 && b.isTold() {
			return err
		}
		if b.locked() {
			b.away(err)
		}
		wait := min(max(pause, failed.wait), max(b.config.RetryWaitMax, b.config.RetryWaitMin))
		if stopped := b.env.Sleep(ctx, wait); stopped != nil {
			return fmt.Errorf("%w (after: %w)", stopped, err)
		}
		pause *= 2
	}
}

// locked reports whether a run is under way, which is told what it waits for.
func (b *Backend) locked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lockID != "" || b.lockless.Load()
}

// away says why a run waits for the server, once; nil says that it answers
// again, where it was said to be away.
func (b *Backend) away(err error) {
	if b.isAway.Swap(err != nil) != (err != nil) && b.env.Away != nil {
		b.env.Away(err)
	}
}

// send makes one attempt, and returns the body of a good answer. Any other is
// a [failure], but for a context that is over.
func (b *Backend) send(ctx context.Context, r request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.what, shown(r.url), err)
	}
	bounded, cancel := context.WithTimeoutCause(ctx, attemptTimeout, errTimeout)
	defer cancel()
	attempt, giveUp := context.WithCancelCause(bounded)
	defer giveUp(nil)
	var x exchange
	defer b.watch(r, &x, giveUp)()
	reply, err := b.client.Do(b.build(attempt, r, &x))
	if err != nil {
		return nil, b.unanswered(ctx, attempt, r, err)
	}
	defer reply.Body.Close()
	body, err := readBody(x.through(reply.Body), r.longest(reply.StatusCode))
	if errors.Is(err, errTooLong) {
		return nil, fmt.Errorf("%s %s: %w", r.what, shown(r.url), err)
	}
	if err != nil {
		return nil, b.unanswered(ctx, attempt, r, err)
	}
	empty := r.method == nethttp.MethodGet && reply.StatusCode != nethttp.StatusNoContent && len(bytes.TrimSpace(body)) == 0
	if reply.StatusCode/100 != 2 || empty {
		return nil, b.refused(r, reply, body)
	}
	return body, nil
}

// refused is an answer that isn't a good one.
func (b *Backend) refused(r request, reply *nethttp.Response, body []byte) *failure {
	f := &failure{
		what: r.what, place: shown(r.url), status: reply.StatusCode, header: reply.Header, reply: body,
		wait: retryAfter(reply.Header), elsewhere: elsewhere(reply),
		reading: r.method == nethttp.MethodGet, unlocked: b.unlocked(),
	}
	if r.url.Path == b.urls.state.Path && r.method == b.config.UpdateMethod {
		f.writing = len(r.body)
	}
	return f
}

// unlocked is why this run has no lock, and what to do; "" where it has one.
func (b *Backend) unlocked() string {
	switch {
	case b.urls.lock == nil:
		return "the configuration has no lock_address: write it, where this server has locks"
	case b.lockless.Load():
		return "this run goes without one: leave -lock=false out"
	}
	return ""
}

// longest is how long an answer may be: only the document is long.
func (r request) longest(status int) int64 {
	if r.method == nethttp.MethodGet && status/100 == 2 {
		return largestDocument
	}
	return largestAnswer
}

// readBody reads an answer whole, or says that it is too long.
func readBody(from io.Reader, most int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(body)) > most {
		return nil, errTooLong
	}
	return body, err
}

// elsewhere is where a redirect leads, as it may be shown; "" where it doesn't say.
func elsewhere(reply *nethttp.Response) string {
	to, err := reply.Location()
	if err != nil || reply.StatusCode/100 != 3 {
		return ""
	}
	return shown(to)
}

func (b *Backend) build(ctx context.Context, r request, x *exchange) *nethttp.Request {
	req, err := nethttp.NewRequestWithContext(ctx, r.method, r.url.String(), nethttp.NoBody)
	if err != nil {
		panic(err) // methods and URLs are checked before
	}
	x.carry(req, r.body)
	if r.body != nil {
		sum := md5.Sum(r.body) //nolint:gosec // see the import
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	req.Header.Set("User-Agent", "cardfleet/"+b.env.Version)
	if b.config.Username != "" {
		req.SetBasicAuth(b.config.Username, b.config.Password)
	}
	return req
}

// unanswered leaves the URL out of the error: it may hold a password.
func (b *Backend) unanswered(ctx, attempt context.Context, r request, err error) error {
	if over := ctx.Err(); over != nil {
		return fmt.Errorf("%s %s: %w", r.what, shown(r.url), over)
	}
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	if why := context.Cause(attempt); why != nil {
		err = why
	}
	return &failure{what: r.what, place: shown(r.url), cause: err}
}

// retryAfter reads the header of that name, where it counts seconds.
func retryAfter(h nethttp.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// TLS is how server and client prove who they are, in PEM. The zero value is
// the system's way.
type TLS struct {
	SkipVerify       bool   // take any certificate of the server
	CA               string // that vouch for the server, in place of the system's
	Certificate, Key string // of the client
}

// Transport is base with other certificates.
func Transport(base nethttp.RoundTripper, t TLS) (nethttp.RoundTripper, error) {
	if t == (TLS{}) {
		return base, nil
	}
	plain, ok := base.(*nethttp.Transport)
	if !ok {
		return nil, errors.New("certificates can't be set on this transport")
	}
	authorities, err := t.authorities()
	if err != nil {
		return nil, err
	}
	pairs, err := t.pairs()
	if err != nil {
		return nil, err
	}
	plain = plain.Clone()
	plain.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: authorities, Certificates: pairs,
		InsecureSkipVerify: t.SkipVerify, //nolint:gosec // as the user set it
	}
	return plain, nil
}

// authorities vouch for the server; nil are the system's.
func (t TLS) authorities() (*x509.CertPool, error) {
	if t.CA == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(t.CA)) {
		return nil, errors.New("client_ca_certificate_pem holds no certificate in PEM")
	}
	return pool, nil
}

// pairs is the client's certificate with its key; nil where it has none.
func (t TLS) pairs() ([]tls.Certificate, error) {
	if t.Certificate == "" && t.Key == "" {
		return nil, nil
	}
	pair, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key))
	if err != nil {
		return nil, fmt.Errorf("client_certificate_pem and client_private_key_pem: %w", err)
	}
	return []tls.Certificate{pair}, nil
}
