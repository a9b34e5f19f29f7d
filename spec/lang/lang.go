// Package lang tells people in their language what the program says in English.
//
// Sentences are made in English everywhere, and kept so: a saved plan's notes, the
// state's reasons, JSON. Where one is shown to a person it is told in that person's
// language, by the template of a catalogue that it fits: "{n} cards are unread". So a
// sentence of yesterday's plan, and an error from ten packages below, are told as well
// as those that are made on the spot. What fits no template is shown as it is.
//
// Start reading at [Language.Text]. The package reads no environment and no file but
// its own catalogues.
package lang

import (
	"fmt"
	"slices"
	"strings"
)

// Language is what people read. The zero value is English, which leaves every text as
// it is.
type Language struct{ catalogue *catalogue }

// Names are the languages there are, English first.
func Names() []string { return []string{"en", "zh"} }

// Of is the language of that name: "zh", also as locales spell it ("zh_CN.UTF-8").
func Of(name string) (Language, error) {
	switch base(name) {
	case "en", "c", "posix":
		return Language{}, nil
	case "zh":
		return Language{chinese()}, nil
	}
	return Language{}, fmt.Errorf("%q is none of the languages that there are: %s", name, strings.Join(Names(), ", "))
}

// base is the language of a locale: "zh" of "zh-Hans" and of "zh_CN.UTF-8".
func base(name string) string {
	if i := strings.IndexAny(name, "-_.@"); i >= 0 {
		name = name[:i]
	}
	return strings.ToLower(name)
}

// OfLocale is the language of a locale as POSIX has it ("zh_CN.UTF-8"). It is English
// where that is another, and where the locale's characters aren't UTF-8: what this
// program writes would not be read there.
func OfLocale(locale string) Language {
	_, characters, _ := strings.Cut(locale, ".")
	characters, _, _ = strings.Cut(characters, "@")
	utf8 := slices.Contains([]string{"utf8", "utf-8"}, strings.ToLower(characters))
	l, err := Of(locale)
	if err != nil || !utf8 {
		return Language{}
	}
	return l
}

// Tag names the language as HTML and HTTP do: "en", "zh-CN".
func (l Language) Tag() string {
	if l.English() {
		return "en"
	}
	return l.catalogue.tag
}

// English reports whether texts are left as they are.
func (l Language) English() bool { return l.catalogue == nil }

// Text tells a text in the language: a sentence or several, a line, a chain of errors.
// Words of one's own such as labels stay as they are, also those that a catalogue has
// as words.
func (l Language) Text(s string) string {
	if l.English() {
		return s
	}
	return l.catalogue.text(s, false)
}

// Word tells what is certainly the program's own: the head of a column, a button, the
// name of a count.
func (l Language) Word(s string) string {
	if l.English() {
		return s
	}
	return l.catalogue.text(s, true)
}

// Whole tells a text of the program's own that the catalogue has as a whole; another one
// stays as it is.
func (l Language) Whole(s string) string {
	if l.English() {
		return s
	}
	told, _ := l.catalogue.find(s, true)
	return told
}

// Gap is what stands between a mark at the end of a text and what follows.
func (l Language) Gap() string {
	if l.English() {
		return " "
	}
	return ""
}

// Lines tells a text line by line, where each line says something of its own.
func (l Language) Lines(s string) string {
	if l.English() {
		return s
	}
	if whole, ok := l.catalogue.find(strings.TrimSpace(s), false); ok && strings.Contains(s, "\n") {
		lead, _, tail := margins(s)
		return lead + whole + tail
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = l.Text(lines[i])
	}
	return strings.Join(lines, "\n")
}
