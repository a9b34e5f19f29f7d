//go:build race

package statetest

const underRace = true
