package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// capital begins a sentence.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// joinNames writes names for a sentence, without quotes.
func joinNames(names []string) string { return strings.Join(names, ", ") }
