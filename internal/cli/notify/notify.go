// Package notify tells people of runs: in the chats of Feishu, DingTalk, WeCom
// and Slack by their bots' webhooks, and programs by a plain webhook.
//
// It is plain HTTP. A library would serve where it signed as the platforms ask;
// DingTalk's service in nikoksr/notify (read 2026-11) takes a token in place of
// the URL, and ignores the context while it sends.
//
// It never decides whether something is worth telling, and never quotes an
// address or a secret in an error. Start reading at [Send].
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// Env is what sending takes from the world around it.
type Env struct {
	Now       func() time.Time
	Transport http.RoundTripper
	Version   string // of the program
}

// Message is what is told.
type Message struct {
	Event  spec.Event
	OK     bool   // nothing is left to be done by a person
	Title  string // one line
	Fleet  string // which one, as people know it
	Who    string // a person's name, else "user@host"
	Counts []Count
	// Changes say what kind of change on how many cards of which place, a line each.
	Changes []string
	// Lines are the first of what is worth knowing in detail; More is how many
	// were left out.
	Lines []string
	More  int
	Next  string        // what a person does next; "" for nothing
	URL   string        // where the run can be seen; "" where nowhere
	Lang  lang.Language // of those who read it in a chat; programs are told in English
}

// Count is a number with its name.
type Count struct {
	Name string // as people read it: "not started"
	N    int
}

const (
	// textLimit is in bytes of UTF-8. WeCom takes the fewest: 2048
	// (developer.work.weixin.qq.com/document/path/91770, "文本类型").
	textLimit = 2000
	// lineLimit is in bytes too.
	lineLimit = 300
	// answerLimit is how much of an answer is read, in bytes.
	answerLimit = 64 << 10
)

// Send tells one of those who want to hear. It sends once: a second message
// for one event would be worse than none.
func Send(ctx context.Context, env Env, to spec.Notify, m Message) error {
	now := env.Now()
	address, body, err := compose(to, m, now)
	if err != nil {
		return err
	}
	text, err := encode(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return errors.New("the URL can't be used")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "cardfleet/"+env.Version)
	if to.Type == webhook && to.Secret != "" {
		req.Header.Set(signatureHeader, signBody(to.Secret, text))
	}
	status, answer, err := exchange(env.Transport, req)
	if err != nil {
		return err
	}
	return verdict(to.Type, status, answer)
}

// exchange makes one request. A redirect is not followed: it would turn the
// POST into something else, and hand the key to another host.
func exchange(transport http.RoundTripper, req *http.Request) (status int, answer []byte, err error) {
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, withoutAddress(err)
	}
	defer resp.Body.Close() // it was only read
	answer, err = io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return 0, nil, withoutAddress(err)
	}
	return resp.StatusCode, answer, nil
}

// withoutAddress is the cause of an error of net/http, which quotes the URL and
// with it the key.
func withoutAddress(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	var quoted *url.Error
	if errors.As(err, &quoted) {
		return quoted.Err
	}
	return err
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return []byte(safe.JSONText(strings.TrimSuffix(b.String(), "\n"))), err
}

// Text is the message as people read it, at most [textLimit] long: details are
// left out first, and the address of the run never.
func (m Message) Text() string {
	head, foot := m.head(), m.foot()
	const moreLimit = 40 // of the line that counts what is left out
	room := textLimit - len(head) - len(foot) - moreLimit
	var b strings.Builder
	left := m.More
	for i, l := range m.Lines {
		l = "\n- " + m.line(l)
		if b.Len()+len(l) > room {
			left += len(m.Lines) - i
			break
		}
		b.WriteString(l)
	}
	if left > 0 {
		b.WriteString("\n" + m.line(fmt.Sprintf("… and %d more", left)))
	}
	return head + b.String() + foot
}

// line is a text as one line, in the readers' language.
func (m Message) line(text string) string {
	return oneLine(m.Lang.Text(strings.ReplaceAll(text, "\n", " ")))
}

// changesTold is how many of the changes' lines a message has.
const changesTold = 4

// head is what a message begins with: what it is about, of which fleet, and the counts.
func (m Message) head() string {
	fleet := "Fleet: " + oneLine(m.Fleet)
	if m.Who != "" {
		fleet += ", by " + oneLine(m.Who)
	}
	head := m.line(m.Title) + "\n" + m.line(fleet)
	if len(m.Counts) > 0 {
		head += "\n" + m.line(m.counts())
	}
	for _, change := range m.Changes[:min(len(m.Changes), changesTold)] {
		head += "\n" + m.line(change)
	}
	return head
}

// foot is what a message ends with: what to do next, and where the run is.
func (m Message) foot() string {
	foot := ""
	if m.Next != "" {
		foot += "\n" + m.line("Next: "+m.Next)
	}
	if m.URL != "" {
		foot += "\n" + m.Lang.Word("Run:") + m.Lang.Gap() + oneLine(m.URL)
	}
	return foot
}

func (m Message) counts() string {
	parts := make([]string, 0, len(m.Counts))
	for _, c := range m.Counts {
		parts = append(parts, fmt.Sprintf("%d %s", c.N, c.Name))
	}
	return strings.Join(parts, ", ")
}

// oneLine is text as one line, with what can't be seen as [safe.Text] shows it,
// cut where it is long. Our own reasons have several lines.
func oneLine(text string) string {
	text = safe.Text(strings.ReplaceAll(text, "\n", " "))
	if len(text) <= lineLimit {
		return text
	}
	cut := lineLimit - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
