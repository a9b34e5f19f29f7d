// Package spec is the vocabulary that every other package shares: cards,
// devices, carriers' readings, capabilities, approvals, and diagnostics with
// their place in the source.
//
// It holds values and the rules that belong to a single value (is this an
// ICCID, are these two IMEIs one device). It does no I/O, knows no clock and
// imports nothing of ours. Start reading at [Fleet] and [Card], which say what
// is wanted, and at [Reading], which says what a carrier reported.
package spec
