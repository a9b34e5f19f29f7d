package config

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
)

// shortestKey is the length from which a part of a URL may be its key. Shorter
// ones are words like "send" or "hook".
const shortestKey = 16

// loadNotify reads who hears of runs. A url that is null or blank turns the
// block off, so that it may come from a variable that only CI has.
func (l *loader) loadNotify(b *hcl.Block) {
	schema, ok := l.schemaOf(b, spec.NotifySchemas(), "Unknown type of notification", "Nobody is notified by %q.")
	if !ok {
		return
	}
	attributes, diags := b.Body.JustAttributes()
	failed := l.report.HCL(diags)
	w := l.written(attributes, schema, spec.UnsetValue{For: spec.ForMessages})
	failed = l.missing(b, attributes, schema) || failed
	s := settings{loader: l, attributes: attributes}
	read := spec.NewSettings(w, schema, func(string) string { return "" })
	out := spec.Notify{
		Type: schema.Type, URL: strings.TrimSpace(read.String("url", "")), Secret: read.String("secret", ""),
		On: s.events(read), Source: rangeOf(b.DefRange),
	}
	if out.URL == "" || failed {
		return
	}
	if s.checkURL(out.URL) {
		if u, err := url.Parse(out.URL); err == nil && spec.PlainHTTP(u) {
			read.Plaintext("url", "url is http to "+u.Hostname()+", which isn't this machine: the key in it and the message could be read on their way. Write https.")
		}
		for _, d := range read.Diagnostics() {
			l.report.add(d)
		}
		l.fleet.Notify = append(l.fleet.Notify, out)
	}
}

// missing reports the settings that the block has to say, and says nothing of.
func (l *loader) missing(b *hcl.Block, attributes hcl.Attributes, schema spec.Schema) (failed bool) {
	for _, x := range schema.Settings {
		if x.Required && attributes[x.Name] == nil {
			failed = true
			l.report.HCL(hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: "Missing required argument", Subject: b.Body.MissingItemRange().Ptr(),
				Detail: fmt.Sprintf("The argument %q is required, but no definition was found.", x.Name),
			}})
		}
	}
	return failed
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
func (s settings) events(read *spec.Settings) []spec.Event {
	if !read.Said("on") {
		return spec.Events()
	}
	words := read.Strings("on")
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
