package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// latency is how long the simulated carriers take to answer.
const latency = 20 * time.Millisecond

// carriers serves a simulated world on loopback, and another one when it is told to.
type carriers struct {
	base   string
	server *http.Server
	now    atomic.Pointer[serving]
}

type serving struct {
	world   *carriersim.World
	handler http.Handler
}

func serve() (*carriers, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &carriers{base: "http://" + listener.Addr().String()}
	c.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c.now.Load().handler.ServeHTTP(w, req)
	})}
	go func() { _ = c.server.Serve(listener) }() // ends with Close; runs that reach nobody fail loudly
	return c, nil
}

// play serves the world from here on.
func (c *carriers) play(w *carriersim.World) {
	w.Now, w.Latency = time.Now, carriersim.Duration(latency)
	w.Sleep = func(ctx context.Context, d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
	c.now.Store(&serving{w, carriersim.Serve(all.Simulators(w))})
}

// calls is how many came since play.
func (c *carriers) calls() int {
	n := 0
	for _, k := range c.now.Load().world.Counts() {
		n += k
	}
	return n
}
