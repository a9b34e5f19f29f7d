package main

import (
	"fmt"
	"regexp"
	"strings"
)

// notes are what a changelog in the form of Keep a Changelog says of a tag, and
// of what isn't released yet where tag is "".
func notes(changelog, tag string) (string, error) {
	heading := "[Unreleased]"
	if tag != "" {
		heading = "[" + strings.TrimPrefix(tag, "v") + "]"
	}
	section := regexp.MustCompile(`(?m)^## ` + regexp.QuoteMeta(heading) + `.*\n`)
	at := section.FindStringIndex(changelog)
	if at == nil {
		return "", fmt.Errorf("CHANGELOG.md has no section ## %s: give what is below ## [Unreleased] this heading, with its date", heading)
	}
	text := changelog[at[1]:]
	if end := regexp.MustCompile(`(?m)^(## |\[[^\]]+\]: )`).FindStringIndex(text); end != nil {
		text = text[:end[0]]
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("CHANGELOG.md says nothing below ## %s", heading)
	}
	return text + "\n", nil
}
