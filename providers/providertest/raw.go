package providertest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Raw sends a request to a handler over a connection, byte by byte as another
// program writes it, where a client of Go's own would tidy it up: its head is
// lines, and body follows as it is. It gives the answer's status and body.
func Raw(t testing.TB, h http.Handler, head, body string) (status int, answer string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // everything was read
	lines := strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n")
	_, err = io.WriteString(conn, lines+"\r\n\r\n"+body)
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err == nil && response.StatusCode == http.StatusContinue {
		response, err = http.ReadResponse(reader, nil)
	}
	require.NoError(t, err)
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(data)
}
