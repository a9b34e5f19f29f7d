package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const releases = "/api/v3/repos/cardfleet/cardfleet/releases"

// call is a request with the token, and the code and text of its answer.
func call(t *testing.T, server *httptest.Server, method, path, body string) (int, string) {
	t.Helper()
	return callAs(t, server, "secret", method, path, body)
}

func callAs(t *testing.T, server *httptest.Server, token, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// want is the code of the answer, whose text it returns.
func want(t *testing.T, code int) func(int, string) string {
	return func(got int, text string) string {
		t.Helper()
		if got != code {
			t.Fatalf("the answer is %d %s, and should be %d", got, text, code)
		}
		return text
	}
}

// draft makes a draft and returns its path.
func draft(t *testing.T, server *httptest.Server) string {
	t.Helper()
	var made release
	text := want(t, http.StatusCreated)(call(t, server, http.MethodPost, releases, `{"tag_name": "v1.0.0", "draft": true}`))
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s/%d", releases, made.ID)
}

func TestTheForgeShowsNobodyADraft(t *testing.T) {
	server := httptest.NewServer(handler(&github{token: "secret"}))
	defer server.Close()
	path := draft(t, server)
	uploads := strings.Replace(path, "/v3/", "/uploads/", 1) + "/assets?name=a.txt"
	want(t, http.StatusCreated)(call(t, server, http.MethodPost, uploads, "a"))
	want(t, http.StatusNotFound)(call(t, server, http.MethodGet, releases+"/tags/v1.0.0", ""))
	want(t, http.StatusNotFound)(call(t, server, http.MethodGet, "/cardfleet/cardfleet/releases/download/v1.0.0/a.txt", ""))

	want(t, http.StatusOK)(call(t, server, http.MethodPatch, path, `{"draft": false}`))
	want(t, http.StatusOK)(call(t, server, http.MethodGet, releases+"/tags/v1.0.0", ""))
	text := want(t, http.StatusOK)(callAs(t, server, "", http.MethodGet, "/cardfleet/cardfleet/releases/download/v1.0.0/a.txt", ""))
	if text != "a" {
		t.Errorf("the file is %q", text)
	}
}

func TestTheForgeRefusesWhatGitHubRefuses(t *testing.T) {
	server := httptest.NewServer(handler(&github{token: "secret", failing: true}))
	defer server.Close()
	want(t, http.StatusUnauthorized)(callAs(t, server, "mallory's", http.MethodPost, releases, `{"tag_name": "v1.0.0"}`))
	want(t, http.StatusUnauthorized)(callAs(t, server, "mallory's", http.MethodPost, "/v2/cardfleet/cardfleet/blobs/uploads/", ""))

	path := draft(t, server)
	uploads := strings.Replace(path, "/v3/", "/uploads/", 1) + "/assets?name=a.txt"
	want(t, http.StatusCreated)(call(t, server, http.MethodPost, uploads, "a"))
	want(t, http.StatusUnprocessableEntity)(call(t, server, http.MethodPost, uploads, "again"))
	want(t, http.StatusNoContent)(call(t, server, http.MethodDelete, releases+"/assets/1", ""))
	want(t, http.StatusCreated)(call(t, server, http.MethodPost, uploads, "again"))

	want(t, http.StatusInternalServerError)(call(t, server, http.MethodPatch, path, `{"draft": false}`))
	want(t, http.StatusOK)(call(t, server, http.MethodPatch, path, `{"draft": false}`))
	want(t, http.StatusUnprocessableEntity)(call(t, server, http.MethodPatch, draft(t, server), `{"draft": false}`))
}
