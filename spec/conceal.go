package spec

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Blot stands in the place of what a [Concealer] hides.
const Blot = "[hidden]"

// concealed finds what is hidden by its name, whatever its value: parameters,
// members, headers and elements whose names end so.
type concealed struct {
	secret, id *regexp.Regexp
	pair       *regexp.Regexp // name="value", "name":"value", name: value, name=value
	element    *regexp.Regexp // <name>value
}

var concealing = sync.OnceValue(func() concealed {
	const secret = `(?:authorization|cookie|signature|sign|sig|hmac|digest|token|secret|passw(?:or)?d|pwd|passphrase|credentials?|(?:api|access|auth|subscription|private|app)[-_]?key(?:[-_]?id)?)`
	return concealed{
		secret:  regexp.MustCompile(`(?i)` + secret + `$`),
		id:      regexp.MustCompile(`(?i)(?:nonce|transid|(?:request|trace|correlation|transaction)[-_]?id|idempotency[-_]?key|client[-_]?token)$`),
		pair:    regexp.MustCompile(`(?i)([\w.$-]*` + secret + `\\?["']?\s*[:=]\s*(?:basic |bearer |digest )?)(\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'&,;<>{}\[\]]+)`),
		element: regexp.MustCompile(`(?i)(<(?:[\w.-]+:)?[\w.-]*` + secret + `(?:\s[^>]*)?>)[^<]+`),
	}
})

// SecretName reports whether what has this name is a secret, as far as a name says.
func SecretName(name string) bool {
	return concealing().secret.MatchString(name) && !NamesRequest(name)
}

// NamesRequest reports whether what has this name is what a request calls itself: a
// nonce, a transid, an idempotency key. People look for it in logs.
func NamesRequest(name string) bool { return concealing().id.MatchString(name) }

// Concealer hides secrets in what was on the wire, in any of their [SecretForms], and
// the values of what its name says to be secret.
type Concealer struct{ forms []string } // the longest first: one may hold another

// Conceal makes a Concealer.
func Conceal(secrets ...string) Concealer {
	var forms []string
	for _, secret := range secrets {
		forms = append(forms, SecretForms(secret)...)
	}
	slices.SortFunc(forms, LongestFirst)
	return Concealer{slices.Compact(forms)}
}

// Text is a text of whatever form as a log may have it.
func (h Concealer) Text(text string) string {
	for _, form := range h.forms {
		text = strings.ReplaceAll(text, form, Blot)
	}
	c := concealing()
	text = c.pair.ReplaceAllStringFunc(text, func(found string) string {
		part := c.pair.FindStringSubmatch(found)
		name, _, _ := strings.Cut(part[1], ":")
		name, _, _ = strings.Cut(name, "=")
		if !SecretName(strings.TrimRight(name, ` '"\`)) {
			return found
		}
		return part[1] + blotLike(part[2])
	})
	return c.element.ReplaceAllString(text, "${1}"+Blot)
}

// blotLike is the blot in the quotes that a value has.
func blotLike(value string) string {
	for _, quote := range []string{`\"`, `"`, `'`} {
		if strings.HasPrefix(value, quote) {
			return quote + Blot + quote
		}
	}
	return Blot
}

// URL is a URL as a log may have it.
func (h Concealer) URL(u *url.URL) string {
	bare := *u
	bare.RawQuery = ""
	if bare.User != nil {
		bare.User = url.User(Blot)
	}
	if u.RawQuery == "" {
		return h.Text(bare.String())
	}
	parts := strings.Split(u.RawQuery, "&")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err != nil || SecretName(plain) {
			parts[i] = name + "=" + Blot
		}
	}
	return h.Text(bare.String() + "?" + strings.Join(parts, "&"))
}

// Headers are headers as a log may have them, a line each, in order.
func (h Concealer) Headers(headers map[string][]string) []string {
	var lines []string
	for name, values := range headers {
		for _, v := range values {
			if SecretName(name) {
				v = Blot
			}
			lines = append(lines, name+": "+h.Text(v))
		}
	}
	slices.Sort(lines)
	return lines
}
