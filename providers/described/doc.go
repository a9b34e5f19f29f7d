// Package described makes providers of definitions: carriers whose wire is said
// in HCL, in the configuration or in the files that the program embeds.
//
// A [Definition] is compiled once, with all that is wrong in it told at its
// place, and evaluated at each call. What an answer proves of a card, and what
// is sent again, is decided here and in carriercall, whatever the expressions
// say: a changing request leaves once an action.
//
// Start reading at [Compile], then [Definition.Type]. call.go makes a request and
// judges its answer; reading.go turns a reply into a [spec.Reading]; change.go
// makes a change; sample.go holds a definition to its samples, without network.
package described
