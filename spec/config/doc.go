// Package config reads what users write, HCL files, HCL-JSON files, variable
// values and CSV files, into a [spec.Fleet].
//
// HCL and cty are known only here and in the packages below; nothing of them
// leaves these. It reads files, and the clock and the environment that it is
// handed, and never calls a carrier. Every mistake of a configuration is found
// in one go and reported with its place, in the order of the source.
//
// Start reading at [Load]: it parses the files, resolves variables and locals
// (package expr), then decodes one kind of block after the other. There may be a
// million cards, so their expressions are compiled once a block (compile.go) and
// run once a row (instances.go). Blocks in which everything is written out are
// read without HCL (package plain); whatever else they hold, and every mistake,
// is left to HCL.
package config
