package render

import (
	"encoding/json"
	"regexp"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
)

// scriptWords are the texts of the page's own script in a language, as JSON: "" in
// English, which the script has itself.
func scriptWords(l lang.Language) string {
	if l.English() {
		return ""
	}
	words := map[string]string{}
	for _, s := range scriptTexts() {
		if told := l.Word(s); told != s {
			words[s] = told
		}
	}
	text, err := json.Marshal(words)
	if err != nil {
		panic(err) // a map of texts always marshals
	}
	return string(text)
}

// scriptTexts are all texts of the script: those that it says by name, and the words
// that cards' data bring.
func scriptTexts() []string {
	var out []string
	said := regexp.MustCompile(`say\((?:n === 1 \? )?'([^']+)'(?: : '([^']+)')?`)
	for _, m := range said.FindAllStringSubmatch(embedded("report/page.js"), -1) {
		for _, s := range m[1:] {
			if s != "" {
				out = append(out, s)
			}
		}
	}
	for _, kind := range spec.Kinds() {
		out = append(out, string(kind), string(kind.Risk()))
	}
	for _, s := range conditions() {
		out = append(out, s.name)
	}
	for _, s := range outcomes() {
		out = append(out, s.Name)
	}
	return append(out, inDoubt, "attention", "drift", "note", "needs none", "needs attention besides",
		"carrier says", "lifecycle", "packages", "expected", "number", "status")
}
