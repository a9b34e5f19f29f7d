package http

import (
	"bytes"
	"encoding/json"
	nethttp "net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/cardfleet/cardfleet/spec/safe"
)

// notThere are the words of a server that has no state yet. A word besides them
// names something else that isn't there, or isn't to be seen: GitLab says "404
// Project Not Found" to a token that may not see the project.
const notThere = " a an any at be been code could detail details does doesn doesnt document entry error errors exist exists fail failed false file find for " +
	"found from has http in is isn isnt item key message msg no none not null nosuchkey object of on page path record request requested resource " +
	"server state statefile states status terraform tfstate that the there this title type url was were with yet "

// isNoState reports whether an answer of 404 says that there is no state yet,
// and not that something else is missing or that nobody there knows of states.
func (f *failure) isNoState(at *url.URL) bool {
	if f.status != nethttp.StatusNotFound || f.isPage() {
		return false
	}
	text := strings.Join(textsOf(f.reply), " ")
	for _, own := range []string{at.String(), at.Path, lastOf(at.Path)} { // what names the state itself
		if len(own) > 1 {
			text = strings.ReplaceAll(text, own, " ")
		}
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
	return !slices.ContainsFunc(words, func(word string) bool { return len(word) > 1 && !strings.Contains(notThere, " "+word+" ") })
}

func lastOf(path string) string {
	path = strings.TrimRight(path, "/")
	return path[strings.LastIndex(path, "/")+1:]
}

// isPage reports whether the answer is a page for people.
func (f *failure) isPage() bool {
	return strings.Contains(strings.ToLower(f.header.Get("Content-Type")), "html") || bytes.HasPrefix(bytes.TrimSpace(f.reply), []byte("<"))
}

// textsOf are the texts that a body of JSON has for its reader, or the body.
func textsOf(body []byte) []string {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return []string{string(body)}
	}
	var texts []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case []any:
			for _, each := range v {
				walk(each)
			}
		case map[string]any:
			for _, each := range v {
				walk(each)
			}
		}
	}
	walk(value)
	return texts
}

// longestSaid is how much of a server's own word is repeated, in bytes.
const longestSaid = 200

// said is the server's own word, where it is short and meant for people.
func (f *failure) said() string {
	if f.isPage() {
		return ""
	}
	var reply struct{ Message, Error, Detail json.RawMessage }
	said := strings.TrimSpace(string(f.reply))
	if json.Unmarshal(f.reply, &reply) == nil {
		said = ""
		for _, each := range []json.RawMessage{reply.Message, reply.Error, reply.Detail} {
			if said == "" {
				said = strings.Trim(string(each), `"`)
			}
		}
	} else if json.Valid(f.reply) || strings.HasPrefix(said, "{") {
		return ""
	}
	if len(said) > longestSaid || strings.ContainsRune(said, '\n') {
		return ""
	}
	return safe.Text(said)
}
