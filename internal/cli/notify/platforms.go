package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
)

// The types, as [spec.NotifyTypes] lists them.
const (
	dingtalk = "dingtalk"
	feishu   = "feishu"
	slack    = "slack"
	webhook  = "webhook"
	wecom    = "wecom"
)

// signatureHeader carries the signature of a plain webhook's body.
const signatureHeader = "X-Cardfleet-Signature"

// compose is where a message goes, and its body.
func compose(to spec.Notify, m Message, now time.Time) (address string, body any, err error) {
	switch to.Type {
	case feishu:
		return to.URL, feishuBody(to.Secret, m, now), nil
	case dingtalk:
		address, err := dingtalkAddress(to, now)
		return address, botText{"text", text{m.Text()}}, err
	case wecom:
		// WeCom, "群机器人配置说明": the key in the URL is all, and the answer has
		// errcode (developer.work.weixin.qq.com/document/path/91770).
		return to.URL, botText{"text", text{m.Text()}}, nil
	case slack:
		return to.URL, map[string]string{"text": slackEscape(m.Text())}, nil
	case webhook:
		return to.URL, webhookBody(m, now), nil
	default:
		panic("notify: no type " + to.Type) // the configuration has only those of spec.NotifyTypes
	}
}

type text struct {
	Content string `json:"content"`
}

// botText is a message of DingTalk's and WeCom's bots.
type botText struct {
	Type string `json:"msgtype"`
	Text text   `json:"text"`
}

type feishuText struct {
	Timestamp string `json:"timestamp,omitempty"`
	Sign      string `json:"sign,omitempty"`
	Type      string `json:"msg_type"`
	Content   struct {
		Text string `json:"text"`
	} `json:"content"`
}

// feishuBody is a message of Feishu's and Lark's custom bots ("自定义机器人使用指南",
// open.feishu.cn/document/client-docs/bot-v3/add-custom-bot).
func feishuBody(secret string, m Message, now time.Time) feishuText {
	b := feishuText{Type: "text"}
	// <at user_id="all"> in a text calls everybody, [text](address) is a link, and
	// a label may hold both.
	b.Content.Text = strings.NewReplacer("<", "＜", "](", "] (").Replace(m.Text())
	if secret != "" {
		b.Timestamp = strconv.FormatInt(now.Unix(), 10)
		b.Sign = feishuSign(secret, b.Timestamp)
	}
	return b
}

// feishuSign is the HMAC-SHA256 of nothing, keyed by timestamp, line feed and
// secret ("签名校验": 把 timestamp + "\n" + 密钥 当做签名字符串, 计算空字符串的签名结果). The
// timestamp is in seconds, and good for an hour.
func feishuSign(secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(timestamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// dingtalkAddress signs the address ("自定义机器人安全设置", 加签:
// open.dingtalk.com/document/robots/customize-robot-security-settings).
func dingtalkAddress(to spec.Notify, now time.Time) (string, error) {
	if to.Secret == "" {
		return to.URL, nil
	}
	u, err := url.Parse(to.URL)
	if err != nil {
		return "", errors.New("the URL can't be used")
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	query := u.Query()
	query.Set("timestamp", timestamp)
	query.Set("sign", dingtalkSign(to.Secret, timestamp))
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// dingtalkSign is the HMAC-SHA256 of timestamp, line feed and secret, keyed by
// the secret. The timestamp is in milliseconds, and good for an hour.
func dingtalkSign(secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// slackEscape is text in which nothing is a link, a mention or a channel
// ("Formatting message text", "Escaping text":
// docs.slack.dev/messaging/formatting-message-text).
func slackEscape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// webhookMessage is what a plain webhook gets; docs/configuration.md has its fields.
type webhookMessage struct {
	Format string         `json:"format_version"`
	Event  spec.Event     `json:"event"`
	OK     bool           `json:"ok"`
	Time   time.Time      `json:"time"`
	Title  string         `json:"title"`
	Text   string         `json:"text"`
	Fleet  string         `json:"fleet"`
	Who    string         `json:"who,omitempty"`
	Counts map[string]int `json:"counts"`
	URL    string         `json:"url,omitempty"`
}

func webhookBody(m Message, now time.Time) webhookMessage {
	m.Lang = lang.Language{} // a program reads it
	b := webhookMessage{
		Format: "1.0", Event: m.Event, OK: m.OK, Time: now.UTC(), Title: m.Title, Text: m.Text(),
		Fleet: m.Fleet, Who: m.Who, Counts: map[string]int{}, URL: m.URL,
	}
	for _, c := range m.Counts {
		b.Counts[strings.NewReplacer(" ", "_", "-", "_").Replace(c.Name)] = c.N
	}
	return b
}

// signBody is the signature of a plain webhook: the HMAC-SHA256 of the body as
// it was sent, in hex. Its time is in the body.
func signBody(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// verdict reads an answer. Feishu, DingTalk and WeCom refuse inside HTTP 200.
// What the platform says is quoted, since it names the cause: it doesn't know
// the secret, and it has no reason to repeat the key.
func verdict(typ string, status int, answer []byte) error {
	var said struct {
		Code    *int   `json:"code"`       // Feishu
		Status  *int   `json:"StatusCode"` // Feishu, as it was before
		Msg     string `json:"msg"`
		ErrCode *int   `json:"errcode"` // DingTalk, WeCom
		ErrMsg  string `json:"errmsg"`
	}
	parsed := json.Unmarshal(answer, &said) == nil
	code, message := said.ErrCode, said.ErrMsg
	if typ == feishu {
		code, message = said.Code, said.Msg
		if code == nil {
			code = said.Status
		}
	}
	switch {
	case typ == slack && status != http.StatusOK:
		return fmt.Errorf("it answered %d: %s", status, oneLine(strings.TrimSpace(string(answer))))
	case status < 200 || status > 299:
		return fmt.Errorf("it answered %d %s", status, http.StatusText(status))
	case typ == slack || typ == webhook:
		return nil
	case !parsed || code == nil:
		return errors.New("its answer is none of this platform; is the URL right?")
	case *code != 0:
		return fmt.Errorf("it refused: %d %s", *code, oneLine(message))
	}
	return nil
}
