//go:build !race

package cli_test

const few, many = 2_000, 20_000
