// Package editor answers what an editor asks about a configuration while it is
// written: what may stand here, what this is, where it comes from, who uses it.
//
// A file may hold 100,000 blocks, so it is kept as pieces, each a block at the top
// level. A change takes apart what it touched, and a question parses the piece
// around the cursor. What may stand in a block comes of [config.ShapeOf], and what
// is said about it of the documentation's own pages; completion and the hovers of
// names are hcl-lang's.
//
// The package never judges a configuration: mistakes are [config.Load]'s. It
// changes no file and calls no one. Start reading at [Editor].
package editor
