// Package ci has the workflows and scripts of this folder, which cardfleet init
// writes. It holds nothing else.
package ci

import "embed"

// Files are the folders github, gitlab and scripts.
//
//go:embed github gitlab scripts
var Files embed.FS
