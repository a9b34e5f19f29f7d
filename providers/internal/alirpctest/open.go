package alirpctest

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
)

// Credentials are the test account's.
func Credentials() map[string]any {
	return map[string]any{"access_key_id": carriersim.TestID, "access_key_secret": carriersim.TestSecret}
}

// Answering opens a provider in front of a carrier with these answers, in turn;
// the last one stays. setting names the base URL that leads there.
func Answering(t testing.TB, typ providers.Type, setting string, status int, answers ...string) providers.Provider {
	t.Helper()
	return providertest.Serving(t, typ, setting, providertest.Answers(status, answers...), Credentials(), map[string]any{"retries": 1})
}
