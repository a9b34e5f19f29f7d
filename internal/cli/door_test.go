package cli_test

import (
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// door is a carrier's server that knows who is still inside.
type door struct {
	url string

	mu   sync.Mutex
	open map[net.Conn]bool
}

// newDoor starts a server that lasts as long as the test.
func newDoor(t testing.TB, carrier http.Handler) *door {
	t.Helper()
	d := &door{open: map[net.Conn]bool{}}
	server := httptest.NewUnstartedServer(carrier)
	server.Config.ConnState = d.see
	server.Start()
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *door) see(c net.Conn, s http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch s {
	case http.StateNew:
		d.open[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(d.open, c)
	}
}

// inside are the connections that are open. Runs in this process leave theirs open
// until the garbage is collected.
func (d *door) inside() map[net.Conn]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.open)
}

// settled waits until the carrier has dealt with all that a process had sent when it
// died, however late the machine lets it come. Connections are taken in the order in
// which they came, and each is closed once its last request is dealt with. others are
// those that were open before the process began; nil for none.
func (d *door) settled(t testing.TB, others map[net.Conn]bool) {
	t.Helper()
	last, err := net.Dial("tcp", d.url[len("http://"):])
	require.NoError(t, err)
	_, err = last.Write([]byte("GET /last HTTP/1.0\r\n\r\n"))
	require.NoError(t, err)
	_, err = last.Read(make([]byte, 1)) // so those before it are known
	require.NoError(t, err)
	require.NoError(t, last.Close())
	require.Eventually(t, func() bool {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() // this process's own
		left := d.inside()
		maps.DeleteFunc(left, func(c net.Conn, _ bool) bool { return others[c] })
		return len(left) == 0
	}, time.Minute, 5*time.Millisecond)
}
