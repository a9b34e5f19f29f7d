package lang

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write en.po from zh.po")

// TestMain writes en.po on request, before its tests read what is embedded.
func TestMain(m *testing.M) {
	flag.Parse()
	if *update {
		if err := os.WriteFile("en.po", []byte(englishOf(embedded("zh.po"))), 0o644); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// englishOf is the catalogue of English with the sentences of another: each says what it says.
func englishOf(text string) string {
	var out []string
	id, skipped := "", false
	for _, line := range strings.Split(text, "\n")[1:] {
		switch {
		case strings.HasPrefix(line, "msgid "):
			id, skipped = strings.TrimPrefix(line, "msgid "), false
		case strings.HasPrefix(line, "msgstr "):
			line, skipped = "msgstr "+id, true
		case strings.HasPrefix(line, "\"") && skipped:
			continue
		case strings.HasPrefix(line, "\""):
			id += "\n" + line
		}
		out = append(out, line)
	}
	return "# What cardfleet says: every sentence that people read. zh.po has the same ones, and go test -update writes this from it.\n" + strings.Join(out, "\n")
}

func entriesOf(t *testing.T, name string) []entry {
	t.Helper()
	entries, err := parse(embedded(name))
	require.NoError(t, err)
	return entries
}

func TestEachSentenceIsInBothCatalogues(t *testing.T) {
	told := map[string]entry{}
	for _, e := range entriesOf(t, "zh.po") {
		assert.NotContains(t, told, e.id, "zh.po, line %d: it is there twice", e.line)
		told[e.id] = e
	}
	english := map[string]bool{}
	for _, e := range entriesOf(t, "en.po") {
		assert.NotContains(t, english, e.id, "en.po, line %d: it is there twice", e.line)
		english[e.id] = true
		zh, ok := told[e.id]
		assert.True(t, ok, "en.po, line %d: zh.po hasn't %q", e.line, e.id)
		assert.Equal(t, e.word, zh.word, "%q is a word in one of them only", e.id)
		assert.Equal(t, e.id, e.text, "en.po, line %d: English says what it says", e.line)
	}
	for id, e := range told {
		assert.True(t, english[id], "zh.po, line %d: en.po hasn't %q", e.line, id)
	}
}

func TestEachSentenceKeepsItsArguments(t *testing.T) {
	for _, e := range entriesOf(t, "zh.po") {
		assert.ElementsMatch(t, argumentsOf(e.id), argumentsOf(e.text), "zh.po, line %d: %q", e.line, e.id)
		unmarked := strings.Map(func(r rune) rune {
			if strings.ContainsRune("{}~", r) {
				return -1
			}
			return r
		}, e.id)
		assert.NotEmpty(t, strings.TrimSpace(unmarked), "zh.po, line %d", e.line)
		assert.NotEmpty(t, e.text, "zh.po, line %d: %q is told by nothing", e.line, e.id)
	}
}

func argumentsOf(s string) []string {
	var names []string
	for _, p := range partsOf(s) {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	return names
}

// What stays in English of a sentence is names of options, of fields and of programs.
func TestEachSentenceIsToldInChinese(t *testing.T) {
	for _, e := range entriesOf(t, "zh.po") {
		letters := strings.ContainsFunc(e.text, unicode.IsLetter)
		han := strings.ContainsFunc(e.text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		bare := !strings.ContainsFunc(argument().ReplaceAllString(e.id, ""), unicode.IsLetter)
		if letters && !bare {
			assert.True(t, han || slices.Contains(sameInBoth, e.id), "zh.po, line %d: %q", e.line, e.text)
		}
	}
}

// sameInBoth are sentences whose marks alone differ.
var sameInBoth = []string{"{w} {w2} UTC  {~change}: {~o}", "provider {w}", "{~c}, provider {w}"}

// A sentence of the catalogue that another one takes is never told.
func TestEachSentenceIsToldByItsOwnTemplate(t *testing.T) {
	zh := Language{chinese()}
	for _, e := range entriesOf(t, "zh.po") {
		text, want := e.id, e.text
		for _, p := range partsOf(e.id) {
			value := sampleOf(p)
			if p.name == "" {
				continue
			}
			text = strings.ReplaceAll(text, "{"+p.name+"}", value)
			want = strings.ReplaceAll(want, "{"+p.name+"}", zh.Word(value))
		}
		assert.Equal(t, want, zh.Word(text), "zh.po, line %d: %q", e.line, e.id)
	}
}

// sampleOf is a value that fits an argument.
func sampleOf(p part) string {
	switch p.kind {
	case number:
		return "7"
	case toTell:
		return "7 cards"
	default:
		return "Q"
	}
}
