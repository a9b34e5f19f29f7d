package spec

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// shortestLine is the length in bytes from which one line of a secret of several
// lines is hidden by itself: a line of a key in PEM has 64, "}" hides nothing.
const shortestLine = 16

// percentCode is one escaped byte of a URL.
var percentCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%[0-9A-F]{2}`) })

// SecretForms are the spellings in which a secret may stand in a text: as it
// is, without the white space around it, each long line of several, and all of
// these as Go, JSON, URLs and HTML escape them. The longest comes first, so that
// whoever replaces them in order leaves no rest.
func SecretForms(secret string) []string {
	forms := []string{secret, strings.TrimSpace(secret)}
	if lines := strings.Split(secret, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= shortestLine {
				forms = append(forms, line)
			}
		}
	}
	for _, form := range slices.Clone(forms) {
		forms = append(forms, escapedForms(form)...)
	}
	forms = slices.DeleteFunc(forms, func(s string) bool { return s == "" })
	slices.SortFunc(forms, LongestFirst)
	return slices.Compact(forms)
}

// LongestFirst orders texts by their length, the longest first.
func LongestFirst(a, b string) int {
	if len(a) != len(b) {
		return len(b) - len(a)
	}
	return strings.Compare(a, b)
}

// escapedForms are the text as it stands in source, JSON, URLs and HTML. A text
// that was quoted in a message is escaped once more in a line of JSON.
func escapedForms(text string) []string {
	quoted := within(strconv.Quote(text))
	forms := []string{quoted, within(strconv.QuoteToASCII(text)), jsonForm(text, false), jsonForm(text, true), jsonForm(quoted, false), html.EscapeString(text)}
	for _, encoded := range []string{url.QueryEscape(text), url.PathEscape(text), url.UserPassword("", text).String()[1:], (&url.URL{Path: text}).EscapedPath()} {
		forms = append(forms, encoded, percentCode().ReplaceAllStringFunc(encoded, strings.ToLower))
	}
	return forms
}

// within is what stands between the quotes.
func within(quoted string) string { return quoted[1 : len(quoted)-1] }

func jsonForm(text string, forHTML bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(forHTML)
	_ = enc.Encode(text) // a string can always be encoded
	return within(strings.TrimSuffix(b.String(), "\n"))
}

// passwordOfDSN finds the password in libpq's "host=… password=…".
var passwordOfDSN = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bpassword\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))`) })

// SecretParts are what in a secret is one by itself: the password of a URL or
// of a connection string.
func SecretParts(secret string) []string {
	var parts []string
	if u, err := url.Parse(strings.TrimSpace(secret)); err == nil {
		if password, ok := u.User.Password(); ok {
			parts = append(parts, password)
		}
		parts = append(parts, u.Query().Get("password"))
	}
	for _, m := range passwordOfDSN().FindAllStringSubmatch(secret, -1) {
		parts = append(parts, m[1]+m[2])
	}
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

// Wrapped says what stands around a credential that belongs to no credential, as
// the end of a sentence that begins with what it is: an editor's line end, quotes
// of a shell. It is "" for a credential as it should be, and never quotes it.
func Wrapped(credential string) string {
	trimmed := strings.TrimFunc(credential, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == 0 })
	switch {
	case trimmed == "":
		return ""
	case strings.HasSuffix(credential, "\n"):
		return "ends with a newline, as echo and editors add one. Store it without (printf %s in a shell)."
	case trimmed != credential:
		return "has white space around it. Store it without."
	case len(trimmed) >= 2 && strings.ContainsRune("\"'`", rune(trimmed[0])) && trimmed[len(trimmed)-1] == trimmed[0]:
		return "has quotes around it, which are taken for a part of it. Store it without."
	}
	return ""
}
