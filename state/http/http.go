// Package http keeps the state behind a URL, in Terraform's http protocol, so
// that a server made for Terraform (GitLab, for one) keeps ours too.
//
// The protocol knows one document, which is read and replaced as a whole, and
// a lock. So the snapshot and its journal are one document (document.go), and
// what the journal takes is written with all of it: one request for all who
// wait at the time. The protocol can't compare and swap. Every write reads
// first, under the lock, and sends the lock's id for the server to check.
//
// The package never sleeps, and takes no random byte, but through [state.Env]. Start
// reading at [Backend].
package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Config says where the state is, with the meaning of Terraform's settings of
// the same names.
type Config struct {
	Address      string // of the document; required
	UpdateMethod string // "" means POST

	LockAddress   string // "" means that the state isn't locked
	LockMethod    string // "" means LOCK; GitLab takes POST
	UnlockAddress string // "" means LockAddress
	UnlockMethod  string // "" means UNLOCK; GitLab takes DELETE

	Username, Password string // sent where Username is set

	RetryMax                   int // how often a request without an answer is repeated
	RetryWaitMin, RetryWaitMax time.Duration
}

// Backend keeps a state behind a URL. Make one with [New].
type Backend struct {
	config Config
	urls   urls
	env    state.Env
	codec  stored.Codec
	client nethttp.Client
	hold   *stored.Hold

	writing sync.Mutex // held from a write's reading to its end

	mu     sync.Mutex
	lockID string // "" while this process hasn't got the lock
	// known is the sum of the document as this run wrote it last under the lock, or
	// read it first; "" before that. Any other document is another run's.
	known string
	// stopping is closed once the run that has the lock is told to stop.
	stopping <-chan struct{}
	// unsaved says that the last write under the lock failed.
	unsaved bool

	lockless atomic.Bool // the run goes without the lock, as it was told to
	isAway   atomic.Bool // it was said that the server is away
	gaveUp   atomic.Bool // a run that is told to stop has given a request up
}

type urls struct{ state, lock, unlock *url.URL } // lock and unlock are nil where nothing is locked

// New is the state that config says. It asks the server for nothing yet.
func New(config Config, env state.Env) (*Backend, error) {
	config = config.withDefaults()
	b := &Backend{
		config: config, env: env, client: nethttp.Client{Transport: env.Transport, CheckRedirect: stay},
		codec: stored.Codec{WrittenBy: env.Version, Sealer: env.Sealer},
	}
	b.hold = stored.NewHold(env.Version, b.acquire)
	for _, a := range []struct {
		setting, text string
		into          **url.URL
	}{
		{"address", config.Address, &b.urls.state},
		{"lock_address", config.LockAddress, &b.urls.lock},
		{"unlock_address", config.UnlockAddress, &b.urls.unlock},
	} {
		if a.text == "" && a.setting != "address" {
			continue
		}
		u, err := urlOf(a.setting, a.text)
		if err != nil {
			return nil, err
		}
		*a.into = u
	}
	return b, nil
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		setting  *string
		standard string
	}{
		{&c.UpdateMethod, nethttp.MethodPost},
		{&c.LockMethod, "LOCK"},
		{&c.UnlockMethod, "UNLOCK"},
		{&c.UnlockAddress, c.LockAddress},
	} {
		if *d.setting == "" {
			*d.setting = d.standard
		}
	}
	return c
}

// place is the state's URL as it may be shown.
func (b *Backend) place() string { return shown(b.urls.state) }

// shown is the URL without what may be a secret: user, password and query.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// Read implements [state.Backend]. The document is one, so it is consistent.
func (b *Backend) Read(ctx context.Context) (*state.Snapshot, error) {
	if b.lockless.Load() && b.toldToStop() == nil {
		b.listen(ctx) // to the end: there is no lock whose end it could be
	}
	doc, err := b.get(ctx)
	if err != nil {
		return nil, err
	}
	b.firstSeen(doc)
	return doc.replayed(b.codec, b.place())
}

// firstSeen notes the document that this run finds under its lock.
func (b *Backend) firstSeen(doc *document) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lockID != "" && b.known == "" {
		b.known = doc.sum()
	}
}

// know notes the document that this run has written.
func (b *Backend) know(doc *document) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = doc.sum()
}

// saved notes whether what the run had to write last is written.
func (b *Backend) saved(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unsaved = err != nil
}

// checkKnown refuses a write where the server no longer has what this run knows:
// another run has written since, whatever became of the lock. Serial and lineage
// don't tell that while the other run only writes its journal.
func (b *Backend) checkKnown(present *document) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == "" || b.known == present.sum() {
		return nil
	}
	return fmt.Errorf("%w (the document at %s was written by another run: its write %d)", state.ErrConflict, b.place(), present.writes)
}

// get reads the document; the zero document where the server says that it has
// none: by 204, or by a 404 that says nothing else.
func (b *Backend) get(ctx context.Context) (*document, error) {
	var body []byte
	err := b.retry(ctx, func() (err error) {
		body, err = b.send(ctx, request{what: "read the state", method: nethttp.MethodGet, url: b.urls.state})
		return err
	})
	var failed *failure
	switch {
	case errors.As(err, &failed) && failed.isNoState(b.urls.state):
		return &document{}, nil
	case err != nil:
		return nil, err
	case len(body) == 0: // 204
		return &document{}, nil
	}
	doc, err := decodeDocument(body)
	if err != nil {
		return nil, fmt.Errorf("read the state %s: %w", b.place(), err)
	}
	return doc, nil
}

// Commit implements [state.Backend]. It writes the whole document, without a
// journal. Without the lock it takes the lock for as long as it runs, so that
// comparing and replacing is one step.
func (b *Backend) Commit(ctx context.Context, s *state.Snapshot, e state.Edits) error {
	err := b.hold.Commit(ctx, s, e, stored.NewUUID(b.env.Random), func(next *state.Snapshot) error { return b.replace(ctx, s, next) })
	if err != nil {
		return fmt.Errorf("commit the state %s: %w", b.place(), err)
	}
	return nil
}

// replace puts next in the place of s, if s is what the server has.
func (b *Backend) replace(ctx context.Context, s, next *state.Snapshot) (err error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	defer func() { b.saved(err) }()
	present, err := b.get(ctx)
	if err != nil {
		return err
	}
	if err := stored.CheckBase(s, present.lineage, present.serial); err != nil {
		return err
	}
	if err := b.checkKnown(present); err != nil {
		return err
	}
	if _, err := present.header(b.codec, b.place()); err != nil {
		return err // what can't be read isn't overwritten
	}
	doc := &document{writes: present.writes + 1, lineage: next.Lineage, serial: next.Serial, writtenBy: b.env.Version}
	if doc.history, err = b.takenOver(ctx, present); err != nil {
		return err
	}
	var snapshot bytes.Buffer
	if err := b.codec.Encode(&snapshot, next); err != nil {
		return err
	}
	doc.snapshot = snapshot.Bytes()
	return b.put(ctx, present, doc)
}

// put puts a document in the place of present. Where the answer to a request is
// lost, it looks what the server has before it sends the document again: a server
// that keeps versions, as GitLab does, refuses a second one of the same number,
// and another run may have written meanwhile.
func (b *Backend) put(ctx context.Context, present, doc *document) error {
	body := doc.encode()
	r := request{what: "write the state", method: b.config.UpdateMethod, url: b.updateURL(), body: body}
	sent := false
	err := b.retry(ctx, func() error {
		if sent {
			if taken, err := b.has(ctx, present, doc); taken || err != nil {
				return err
			}
		}
		sent = true
		_, err := b.send(ctx, r)
		return err
	})
	var failed *failure
	if errors.As(err, &failed) && failed.temporary() {
		if taken, conflict := b.has(ctx, present, doc); taken || errors.Is(conflict, state.ErrConflict) {
			err = conflict
		}
	}
	if err == nil {
		b.know(doc)
	}
	return err
}

// has reports whether the server has taken the document that was put in the
// place of present. A third one is another run's, and an [state.ErrConflict].
func (b *Backend) has(ctx context.Context, present, doc *document) (taken bool, err error) {
	now, err := b.get(ctx)
	switch {
	case err != nil:
		return false, err
	case now.sum() == doc.sum():
		return true, nil
	case now.sum() != present.sum():
		return false, fmt.Errorf("%w (the document at %s was written by another run: its write %d)", state.ErrConflict, b.place(), now.writes)
	}
	return false, nil
}

// updateURL names the lock, where there is one, for the server to check.
func (b *Backend) updateURL() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := *b.urls.state
	if b.urls.lock != nil && b.lockID != "" {
		query := u.Query()
		query.Set("ID", b.lockID)
		u.RawQuery = query.Encode()
	}
	return &u
}
