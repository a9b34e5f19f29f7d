package carriercall

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// longest is how many characters of a carrier's text a message shows.
const longest = 120

// blot stands for what is hidden.
const blot = "[hidden]"

// Veil hides credentials and tokens in carriers' texts, which may echo a
// request. Its zero value hides nothing.
type Veil struct {
	mu    sync.RWMutex
	words []string // the longest first, since one may hold another
}

// Add hides further words; empty ones are left out.
func (v *Veil) Add(words ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range words {
		if w != "" && !slices.Contains(v.words, w) {
			v.words = append(v.words, w)
		}
	}
	slices.SortStableFunc(v.words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

// Hide is the text without the words.
func (v *Veil) Hide(s string) string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, w := range v.words {
		s = strings.ReplaceAll(s, w, blot)
	}
	return s
}

// all are the words.
func (v *Veil) all() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Clone(v.words)
}

// Clean is a carrier's text, in the answer to a call, as a message may show it:
// without credentials, and of a length that a line can hold.
func (c *Client) Clean(call Call, text string) string {
	if call.Secret != "" {
		text = strings.ReplaceAll(text, call.Secret, blot)
	}
	return Shorten(c.Veil.Hide(text))
}

// Shorten keeps a text to a length that a line can hold.
func Shorten(s string) string {
	r := []rune(s)
	if len(r) <= longest {
		return s
	}
	return string(r[:longest]) + "…"
}
