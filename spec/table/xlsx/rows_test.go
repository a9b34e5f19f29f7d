//go:build !race

package xlsx_test

const cards = 100_000
