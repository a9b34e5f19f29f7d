//go:build race

package xlsx_test

const cards = 10_000
