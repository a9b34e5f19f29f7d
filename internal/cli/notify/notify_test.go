package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

var now = time.Date(2026, 11, 21, 20, 46, 47, 250e6, time.UTC)

const (
	secret = "SEC0123456789abcdef"
	key    = "0123456789abcdef0123456789abcdef"
)

func message() Message {
	return Message{
		Event: spec.FailureEvent, Title: "cardfleet apply: 2 of 6 actions are not done", Fleet: "hangzhou", Who: "ci@runner",
		Counts: []Count{{"done", 4}, {"failed", 1}, {"not started", 1}},
		Lines:  []string{`card.x["<at user_id=\"all\">&"]: stop: failed`, "card.y: stop: not started"}, More: 3,
		URL: "https://ci.example/runs/7",
	}
}

// The vectors are what the documents' own samples compute (Python), and
// GitHub's for the header that a plain webhook's is made after
// (docs.github.com/webhooks, "Testing the webhook payload validation").
func TestSignaturesAreThoseOfTheDocuments(t *testing.T) {
	assert.Equal(t, "3/MaVZ8JLIy4TUG+7KSFJqvUkTKd+HWY8g+56DZWq8s=", feishuSign("demo-secret", "1599360473"))
	assert.Equal(t, "hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D", url.QueryEscape(dingtalkSign("this is secret", "1577262236757")))
	assert.Equal(t, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", signBody("It's a Secret to Everybody", []byte("Hello, World!")))
}

// receiver is a platform's server, as strict as its document: it answers as
// the platform does, and keeps the text that arrived.
type receiver struct {
	path   string // with the key in it
	accept func(r *http.Request, body []byte) (text, refusal string)
	answer func(w http.ResponseWriter, refusal string)
	text   string
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.URL.RequestURI(), s.path):
		w.WriteHeader(http.StatusNotFound)
		return
	case r.Header.Get("Content-Type") != "application/json; charset=utf-8":
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	text, refusal := s.accept(r, body)
	if refusal == "" {
		s.text = text
	}
	s.answer(w, refusal)
}

// strictly decodes a body that may have no other fields.
func strictly(body []byte, into any) bool {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil
}

func mac(key, text string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func recent(text string, unit time.Duration) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	sent := time.Unix(0, n*int64(unit))
	return err == nil && now.Sub(sent).Abs() < time.Hour
}

func feishuServer() *receiver {
	return &receiver{
		path: "/open-apis/bot/v2/hook/" + key,
		accept: func(_ *http.Request, body []byte) (string, string) {
			var m struct {
				Timestamp, Sign string
				Type            string `json:"msg_type"`
				Content         struct{ Text string }
			}
			if !strictly(body, &m) || m.Type != "text" || m.Content.Text == "" || len(body) > 20<<10 {
				return "", `{"code":9499,"msg":"Bad Request","data":{}}`
			}
			if m.Sign != base64.StdEncoding.EncodeToString(mac(m.Timestamp+"\n"+secret, "")) || !recent(m.Timestamp, time.Second) {
				return "", `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time","data":{}}`
			}
			return m.Content.Text, ""
		},
		answer: inside(`{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`),
	}
}

func dingtalkServer() *receiver {
	return &receiver{
		path: "/robot/send?access_token=" + key,
		accept: func(r *http.Request, body []byte) (string, string) {
			q := r.URL.Query()
			stamp := q.Get("timestamp")
			if q.Get("sign") != base64.StdEncoding.EncodeToString(mac(secret, stamp+"\n"+secret)) || !recent(stamp, time.Millisecond) {
				return "", `{"errcode":310000,"errmsg":"sign not match, more: [https://ding-doc.dingtalk.com]"}`
			}
			return botContent(body, 20_000)
		},
		answer: inside(`{"errcode":0,"errmsg":"ok"}`),
	}
}

func wecomServer() *receiver {
	return &receiver{
		path:   "/cgi-bin/webhook/send?key=" + key,
		accept: func(_ *http.Request, body []byte) (string, string) { return botContent(body, 2048) },
		answer: inside(`{"errcode":0,"errmsg":"ok"}`),
	}
}

// botContent is the text of a message to DingTalk or WeCom, of so many bytes at most.
func botContent(body []byte, limit int) (content, refusal string) {
	var m struct {
		Type string `json:"msgtype"`
		Text struct{ Content string }
	}
	if !strictly(body, &m) || m.Type != "text" || m.Text.Content == "" || len(m.Text.Content) > limit {
		return "", `{"errcode":40008,"errmsg":"invalid message type"}`
	}
	return m.Text.Content, ""
}

// inside answers with HTTP 200, and refuses in the body.
func inside(ok string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, refusal string) {
		w.Header().Set("Content-Type", "application/json")
		if refusal == "" {
			refusal = ok
		}
		_, _ = io.WriteString(w, refusal)
	}
}

func slackServer() *receiver {
	return &receiver{
		path: "/services/T00000000/B00000000/" + key,
		accept: func(_ *http.Request, body []byte) (string, string) {
			var m struct{ Text string }
			if !strictly(body, &m) {
				return "", "invalid_payload"
			}
			if m.Text == "" {
				return "", "no_text"
			}
			return m.Text, ""
		},
		answer: func(w http.ResponseWriter, refusal string) {
			if refusal != "" {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, refusal)
				return
			}
			_, _ = io.WriteString(w, "ok")
		},
	}
}

func webhookServer() *receiver {
	return &receiver{
		path: "/hooks/" + key,
		accept: func(r *http.Request, body []byte) (string, string) {
			signed := "sha256=" + hex.EncodeToString(mac(secret, string(body)))
			if !hmac.Equal([]byte(r.Header.Get("X-Cardfleet-Signature")), []byte(signed)) {
				return "", "401"
			}
			return string(body), ""
		},
		answer: func(w http.ResponseWriter, refusal string) {
			if refusal != "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		},
	}
}

func servers() map[string]*receiver {
	return map[string]*receiver{
		feishu: feishuServer(), dingtalk: dingtalkServer(), wecom: wecomServer(), slack: slackServer(), webhook: webhookServer(),
	}
}

// send sends the message to the server as typ; change alters the target before.
func send(t *testing.T, typ string, s http.Handler, path string, change func(*spec.Notify)) error {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	to := spec.Notify{Type: typ, URL: server.URL + path}
	if typ == feishu || typ == dingtalk || typ == webhook {
		to.Secret = secret
	}
	change(&to)
	return Send(t.Context(), Env{Now: func() time.Time { return now }, Transport: http.DefaultTransport, Version: "0.1.0"}, to, message())
}

func unchanged(*spec.Notify) {}

func TestEachPlatformTakesTheMessage(t *testing.T) {
	const text = `cardfleet apply: 2 of 6 actions are not done
Fleet: hangzhou, by ci@runner
4 done, 1 failed, 1 not started
- card.x["<at user_id=\"all\">&"]: stop: failed
- card.y: stop: not started
… and 3 more
Run: https://ci.example/runs/7`
	want := map[string]string{
		feishu: strings.Replace(text, "<", "＜", 1), dingtalk: text, wecom: text,
		slack: strings.Replace(text, `<at user_id=\"all\">&`, `&lt;at user_id=\"all\"&gt;&amp;`, 1),
	}
	for typ, s := range servers() {
		t.Run(typ, func(t *testing.T) {
			require.NoError(t, send(t, typ, s, s.path, unchanged))
			if typ != webhook {
				assert.Equal(t, want[typ], s.text)
				return
			}
			var got map[string]any
			require.NoError(t, json.Unmarshal([]byte(s.text), &got))
			assert.Equal(t, map[string]any{
				"format_version": "1.0", "event": "failure", "ok": false, "time": "2026-11-21T20:46:47.25Z",
				"title": "cardfleet apply: 2 of 6 actions are not done", "text": text, "fleet": "hangzhou", "who": "ci@runner",
				"counts": map[string]any{"done": 4.0, "failed": 1.0, "not_started": 1.0}, "url": "https://ci.example/runs/7",
			}, got)
		})
	}
	assert.ElementsMatch(t, spec.NotifyTypes(), []string{feishu, dingtalk, wecom, slack, webhook})
}

func TestARefusalSaysWhyAndKeepsTheKey(t *testing.T) {
	for typ, row := range map[string]struct {
		change func(*spec.Notify)
		want   string
	}{
		feishu:   {func(n *spec.Notify) { n.Secret = "another" }, "it refused: 19021 sign match fail"},
		dingtalk: {func(n *spec.Notify) { n.Secret = "another" }, "it refused: 310000 sign not match"},
		wecom:    {func(n *spec.Notify) { n.URL = strings.Replace(n.URL, "send", "post", 1) }, "it answered 404 Not Found"},
		slack:    {func(n *spec.Notify) { n.URL = strings.Replace(n.URL, "services", "x", 1) }, "it answered 404: "},
		webhook:  {func(n *spec.Notify) { n.Secret = "another" }, "it answered 401 Unauthorized"},
	} {
		t.Run(typ, func(t *testing.T) {
			s := servers()[typ]
			err := send(t, typ, s, s.path, row.change)
			require.ErrorContains(t, err, row.want)
			assert.NotContains(t, err.Error(), key)
			assert.Empty(t, s.text)
		})
	}
}

func TestAnAnswerOfSomethingElseIsAnError(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>log in</html>") })
	redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) })
	for _, typ := range []string{feishu, dingtalk, wecom} {
		assert.ErrorContains(t, send(t, typ, page, "/"+key, unchanged), "its answer is none of this platform")
		assert.ErrorContains(t, send(t, typ, redirect, "/"+key, unchanged), "it answered 302 Found")
	}
}

func TestATransportErrorKeepsTheKey(t *testing.T) {
	cut := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, typ := range spec.NotifyTypes() {
		for name, err := range map[string]error{
			"cut":     send(t, typ, cut, "/"+key, unchanged),
			"nowhere": send(t, typ, cut, "", func(n *spec.Notify) { n.URL = "http://127.0.0.1:1/" + key + "?key=" + key }),
			"bad":     send(t, typ, cut, "", func(n *spec.Notify) { n.URL = "http://%zz/" + key }),
		} {
			require.Error(t, err, "%s: %s", typ, name)
			assert.NotContains(t, err.Error(), key, "%s: %s", typ, name)
		}
	}
}

func TestAPlatformThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	arrived := make(chan struct{})
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-done }))
	defer server.Close()
	defer close(done)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	err := Send(ctx, Env{Now: func() time.Time { return now }, Transport: http.DefaultTransport}, spec.Notify{Type: slack, URL: server.URL + "/" + key}, message())
	require.ErrorIs(t, err, context.Canceled)
	assert.NotContains(t, err.Error(), key)

	past, end := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer end()
	err = Send(past, Env{Now: func() time.Time { return now }, Transport: http.DefaultTransport}, spec.Notify{Type: slack, URL: server.URL + "/" + key}, message())
	assert.EqualError(t, err, "no answer in time")
}

func TestAnyMessageFitsEveryPlatform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := message()
		m.Title, m.Fleet, m.Who = rapid.String().Draw(t, "title"), rapid.StringN(0, 2000, -1).Draw(t, "fleet"), rapid.String().Draw(t, "who")
		m.Lines = rapid.SliceOfN(rapid.StringN(0, 400, -1), 0, 30).Draw(t, "lines")
		text := m.Text()
		assert.LessOrEqual(t, len(text), textLimit)
		assert.True(t, utf8.ValidString(text))
		assert.True(t, strings.HasSuffix(text, "\nRun: https://ci.example/runs/7"), "the run's address is never cut off")
		shown := strings.Count(text, "\n- ")
		assert.Contains(t, text, fmt.Sprintf("… and %d more", m.More+len(m.Lines)-shown))
	})
}
