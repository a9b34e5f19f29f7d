// Package all is the registry: every backend that the program has. It is a
// function that returns a value.
package all

import (
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/http"
	"github.com/cardfleet/cardfleet/state/local"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/s3"
)

// Types is every kind of backend, by its schema's type.
func Types() []state.Type {
	return []state.Type{
		http.Type(),
		local.Type(),
		postgres.Type(),
		s3.Type(),
	}
}
