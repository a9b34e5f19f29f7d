// Package docs has those of the documentation's pages that the program itself
// shows: what an editor says of an attribute is what they say.
package docs

import "embed"

// Pages are the pages on the language, on backends and on each provider, by their
// names in this folder.
//
//go:embed configuration.md backends.md providers/*.md
var Pages embed.FS
