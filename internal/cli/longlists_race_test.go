//go:build race

package cli_test

// The race detector makes each element ten times as dear: .ci/run has the whole
// lists without it.
const few, many = 200, 2_000
