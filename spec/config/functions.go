package config

import "github.com/cardfleet/cardfleet/spec/config/expr"

// FunctionNames are the functions that expressions may call, sorted. core:: may
// stand before each that has no :: in its name.
func FunctionNames() []string { return expr.FunctionNames() }
