// Package config reads what users write, HCL files, HCL-JSON files, variable
// values and CSV files, into a [spec.Fleet].
//
// It is the only package that knows HCL and cty; nothing of them leaves it. It
// reads files, and the clock and the environment that it is handed, and never
// calls a carrier. Every mistake of a configuration is found in one go and
// reported with its place, in the order of the source.
//
// Start reading at [Load]: it parses the files, resolves variables and locals
// (variables.go, scope.go), then decodes one kind of block after the other.
// Cards are the ones that there are many of: their expressions are compiled
// once a block (compile.go) and run once a row (instances.go). Blocks in which
// everything is written out are read without HCL (pieces.go, plain.go); what
// is out of the ordinary in them, and every mistake, is left to it.
package config
