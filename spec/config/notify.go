package config

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
)

// notifySecrets are the settings of notify blocks that are never shown.
func notifySecrets() []string { return []string{"secret", "url"} }

// unsignedTypes have no signature: who knows the URL may write.
func unsignedTypes() []string { return []string{"slack", "wecom"} }

// shortestKey is the length from which a part of a URL may be its key. Shorter
// ones are words like "send" or "hook".
const shortestKey = 16

// loadNotify reads who hears of runs. A url that is null or blank turns the
// block off, so that it may come from a variable that only CI has.
func (l *loader) loadNotify(b *hcl.Block) {
	typ := b.Labels[0]
	if !slices.Contains(spec.NotifyTypes(), typ) {
		l.report.ErrorAt(b.LabelRanges[0], "Unknown type of notification", "Nobody is notified by %q.%s There are %s.",
			typ, spec.DidYouMean(typ, spec.NotifyTypes()), spec.QuoteList(spec.NotifyTypes(), "and"))
		return
	}
	content, diags := b.Body.Content(notifySchema())
	failed := l.report.HCL(diags)
	for _, name := range notifySecrets() {
		if a := content.Attributes[name]; a != nil {
			l.rememberSecret(a)
		}
	}
	s := settings{loader: l, attributes: content.Attributes}
	out := spec.Notify{Type: typ, On: s.events(), Source: rangeOf(b.DefRange)}
	out.URL, _ = s.text("url")
	out.Secret, _ = s.text("secret")
	if content.Attributes["secret"] != nil && slices.Contains(unsignedTypes(), typ) {
		s.wrong("secret", "Unsuitable attribute", "A bot of %s has no signature: the key in its url is all that it goes by. Leave secret out.", typ)
	}
	if out.URL = strings.TrimSpace(out.URL); out.URL == "" || failed {
		return
	}
	if s.checkURL(out.URL) {
		l.fleet.Notify = append(l.fleet.Notify, out)
	}
}

// checkURL checks the address, and remembers the keys in it. It never quotes it.
func (s settings) checkURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		s.wrong("url", "Invalid URL", "url is the whole address that the bot or the receiver was given, beginning with https://.")
		return false
	}
	keys := []string{path.Base(u.Path)}
	for _, values := range u.Query() {
		keys = append(keys, values...)
	}
	for _, key := range keys {
		if len(key) >= shortestKey {
			s.report.secrets.RememberText(key)
		}
	}
	return true
}

// events are those that the block names; all where it names none.
func (s settings) events() []spec.Event {
	words, ok := s.texts("on")
	if !ok {
		return spec.Events()
	}
	var out []spec.Event
	for _, w := range words {
		if !slices.Contains(spec.Events(), spec.Event(w)) {
			names := make([]string, 0, len(spec.Events()))
			for _, e := range spec.Events() {
				names = append(names, string(e))
			}
			s.wrong("on", "Unknown event", "There is no event %q.%s There are %s.", w, spec.DidYouMean(w, names), spec.QuoteList(names, "and"))
			continue
		}
		out = append(out, spec.Event(w))
	}
	if len(words) == 0 {
		s.wrong("on", "Empty list", "on names no event, so nobody would ever hear of anything. Name some, or leave it out for all.")
	}
	return out
}
