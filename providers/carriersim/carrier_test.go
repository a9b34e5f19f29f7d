package carriersim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// told answers with its name and the path that it sees.
func told(name string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, name+" "+r.URL.Path) })
}

func services() []carriersim.Carrier {
	return []carriersim.Carrier{
		{Type: "a", Services: []carriersim.Service{{Path: "/a", Handler: told("a")}, {Path: "/a-b", Handler: told("a-b")}}},
		{Type: "c", Services: []carriersim.Service{{Path: "/c-ids/connect/token", Root: "/connect/token", Handler: told("c")}}},
	}
}

func seen(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.URL.Path = path
	h.ServeHTTP(recorder, r)
	if recorder.Code == http.StatusNotFound {
		return "none"
	}
	require.Equal(t, http.StatusOK, recorder.Code, "a POST that is sent elsewhere is no POST any more")
	assert.Equal(t, path, r.URL.Path, "the caller's request is left as it is")
	return recorder.Body.String()
}

// What a caller adds to a base URL may begin with a slash, and the base URL end
// with one.
func TestABaseURLIsAsGoodWithASlash(t *testing.T) {
	h := carriersim.Serve(services())
	for path, want := range map[string]string{
		"/a": "a ", "/a/": "a /", "/a//": "a /", "/a/v2/x": "a /v2/x", "/a//v2/x": "a /v2/x", "/a-b/": "a-b /", "/a-b": "a-b ",
		"/c-ids/connect/token": "c ", "/c-ids/connect/token/": "c /", "/c-ids/connect": "none", "/ab": "none", "/": "none",
	} {
		assert.Equal(t, want, seen(t, h, path), path)
	}
}

func TestAnAPIAloneIsAtTheRealOnesPath(t *testing.T) {
	carriers := services()
	for path, want := range map[string]string{"/": "a /", "": "a ", "/v2/x": "a /v2/x"} {
		assert.Equal(t, want, seen(t, carriers[0].Services[0].Alone(), path), path)
	}
	for path, want := range map[string]string{"/connect/token": "c ", "/connect/token/": "c /", "/": "none"} {
		assert.Equal(t, want, seen(t, carriers[1].Services[0].Alone(), path), path)
	}
}
