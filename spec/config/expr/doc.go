// Package expr evaluates the expressions that users write: what they may refer
// to, the functions, variables and local values, and what must not be shown.
//
// It reads files only by [Inputs], and the clock, the environment and the
// working directory only by the [World] that it is handed. It knows no block but
// variable and locals: whoever reads another block asks a [Scope] for the value
// of each attribute, and hands in a [Report], which takes the mistakes.
//
// Start reading at [Scope.Eval]. A [Scope] is made once for a configuration:
// [NewScope], [Scope.DeclareVariables], what gives them values,
// [Scope.SettleVariables], [Scope.DeclareLocals].
package expr
