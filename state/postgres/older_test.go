package postgres_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// older puts a state of version 1 in the place of what the database has.
func older(t *testing.T, sealed bool, conn string) (sealer state.Sealer) {
	t.Helper()
	from := filepath.Join("testdata", "older", "plain")
	if sealed {
		from = filepath.Join("testdata", "older", "sealed")
		sealer = keyring(t, seal.Options{Key: seal.Key{
			Recipients: []string{statetest.OlderRecipient}, Identities: []seal.Identity{{Name: "key.txt", Text: statetest.OlderIdentity}},
		}})
	}
	dump, err := os.ReadFile(filepath.Join(from, "dump.sql"))
	require.NoError(t, err)
	query(t, conn, "DROP SCHEMA IF EXISTS cardfleet CASCADE;"+string(dump))
	return sealer
}

func TestAStateOfTheFirstVersionIsReadAndMovedOver(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := pgtest.Database(t)
			through := way(t, conn)
			statetest.RunOlder(t, func(t *testing.T, sealed bool) func() state.Backend {
				sealer := older(t, sealed, conn)
				return func() state.Backend { return opened(t, through, sealer) }
			})
		})
	}
}

// TestAConnectionThatIsCutAtAnyMessageOfTheMoveLosesNothing lets so many of the
// client's messages through, and none after them: an even number where the state
// is plain, and an odd one where it is sealed, since each takes its time.
func TestAConnectionThatIsCutAtAnyMessageOfTheMoveLosesNothing(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cutAtAnyMessage(t, way)
		})
	}
}

func cutAtAnyMessage(t *testing.T, way func(t testing.TB, conn string) string) {
	conn := pgtest.Database(t)
	through := way(t, conn)
	statetest.CutOlder(t, func(t *testing.T, sealed bool) (func() state.Backend, func(int, func(state.Backend)) bool) {
		sealer := older(t, sealed, conn)
		open := func() state.Backend {
			query(t, conn, "DELETE FROM cardfleet.leases") // the dead run's
			return opened(t, through, sealer)
		}
		return open, func(step int, write func(state.Backend)) bool {
			messages := 2 * step
			if sealed {
				messages++
			}
			w := newWire(t, through, messages)
			defer w.end()
			b := opened(t, w.conn, sealer)
			write(b)
			return w.over()
		}
	})
}

// wire carries what clients send to the server until it is cut.
type wire struct {
	conn     string // a connection string through it
	listener net.Listener
	socket   string
	done     sync.WaitGroup

	mu   sync.Mutex
	left int
	open []net.Conn
}

func newWire(t *testing.T, conn string, messages int) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fields := strings.SplitN(conn, " ", 2) // host=DIR first
	w := &wire{listener: listener, left: messages, socket: filepath.Join(strings.TrimPrefix(fields[0], "host="), ".s.PGSQL.5432")}
	w.conn = fmt.Sprintf("host=127.0.0.1 port=%d %s", listener.Addr().(*net.TCPAddr).Port, fields[1])
	w.done.Go(w.accept)
	return w
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", w.socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		w.open = append(w.open, client, server)
		w.mu.Unlock()
		w.done.Go(func() { w.carry(client, server) })
		w.done.Go(func() {
			_, _ = io.Copy(client, server)
			_ = client.Close()
		})
	}
}

// carry sends on what the client sends, a message at a time.
func (w *wire) carry(client, server net.Conn) {
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil || !w.takes() {
			_ = client.Close()
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) takes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left--
	return w.left >= 0
}

func (w *wire) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.left < 0
}

func (w *wire) end() {
	_ = w.listener.Close()
	w.mu.Lock()
	for _, c := range w.open {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.done.Wait()
}
