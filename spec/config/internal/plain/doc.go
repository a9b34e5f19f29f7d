// Package plain reads card blocks in which everything is written out, without
// HCL: its syntax tree takes 10 KB and 40 µs a block, and fleets of a million
// such blocks are written by programs.
//
// It is certain or says no: what it reads, HCL reads to the same values at the
// same places, and what it refuses is left to HCL, every mistake included.
//
// Start reading at [TakeApart], which splits a file into such blocks and what
// is between them.
package plain
