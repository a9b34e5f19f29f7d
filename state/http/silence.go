package http

import (
	"bytes"
	"context"
	"errors"
	"io"
	nethttp "net/http"
	"sync/atomic"
	"time"
)

const (
	// attemptTimeout is how long one request may take, its answer included.
	attemptTimeout = 5 * time.Minute

	// quiet is after how much silence it is said whom a run waits for. A run that
	// is told to stop waits no longer than that either.
	quiet = 10 * time.Second

	// quietAgain is how long a run that is told to stop waits for a server that has
	// not answered it already.
	quietAgain = 2 * time.Second

	// look is how often silence is looked at.
	look = time.Second
)

var (
	errQuiet   = errors.New("no answer for 10 s")
	errTimeout = errors.New("no answer within 5 minutes")
	errGivenUp = errors.New("no answer, and the run was told to stop: it may have been done all the same")
)

// exchange is a request under way. Whatever is sent or received of it is no
// silence.
type exchange struct {
	moved atomic.Int64 // counts reads of the request's body and of the answer's
}

// through is a body that is counted as it is read.
func (x *exchange) through(body io.Reader) io.ReadCloser {
	return io.NopCloser(readerFunc(func(p []byte) (int, error) {
		n, err := body.Read(p)
		x.moved.Add(1)
		return n, err
	}))
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// carry makes req send the body through the exchange, as often as a connection
// that was closed meanwhile has it sent again.
func (x *exchange) carry(req *nethttp.Request, body []byte) {
	if len(body) == 0 {
		return
	}
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return x.through(bytes.NewReader(body)), nil }
	req.Body = x.through(bytes.NewReader(body))
}

// watch looks at an exchange until the function that it returns is called. It
// says when the server has been silent for long, and gives the exchange up then
// where the run is told to stop.
func (b *Backend) watch(r request, x *exchange, giveUp context.CancelCauseFunc) (end func()) {
	ticks, stop := b.env.Ticker(look)
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer stop()
		b.untilSilent(r, x, ticks, over, giveUp)
	}()
	return func() {
		close(over)
		<-ended
	}
}

func (b *Backend) untilSilent(r request, x *exchange, ticks <-chan time.Time, over <-chan struct{}, giveUp context.CancelCauseFunc) {
	stopping, told := b.toldToStop(), false
	var silent time.Duration
	var moved int64
	for {
		select {
		case <-over:
			return
		case <-stopping:
			stopping, told = nil, true
		case <-ticks:
			if now := x.moved.Load(); now != moved {
				moved, silent = now, 0 // what moved since the last look, moved at its beginning: as small bodies do
			}
			silent += look
			if silent == quiet {
				b.away(&failure{what: r.what, place: shown(r.url), cause: errQuiet})
			}
		}
		if told && silent >= b.patience() {
			b.gaveUp.Store(true)
			giveUp(errGivenUp)
			return
		}
	}
}

// patience is how long a run that is told to stop bears a server's silence.
func (b *Backend) patience() time.Duration {
	if b.gaveUp.Load() {
		return quietAgain
	}
	return quiet
}

// toldToStop is closed once the run that has the lock is told to stop; nil
// where there is none.
func (b *Backend) toldToStop() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopping
}

// isTold reports whether the run is told to stop.
func (b *Backend) isTold() bool {
	select {
	case <-b.toldToStop():
		return true
	default:
		return false
	}
}

// listen notes when the run that takes the lock is told to stop, by the end of
// its context, until the function that it returns is called. What the run has
// yet to write comes without that context.
func (b *Backend) listen(ctx context.Context) (end func()) {
	stopping := make(chan struct{})
	b.mu.Lock()
	b.stopping = stopping
	b.mu.Unlock()
	deaf := context.AfterFunc(ctx, func() { close(stopping) })
	return func() {
		deaf()
		b.mu.Lock()
		b.stopping = nil
		b.mu.Unlock()
	}
}
