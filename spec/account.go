package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Account tells whose cards a provider block sees: two blocks with one Account
// are two ways to the same cards. It is a digest, since the name of an account
// may be an access key's id; "" is an account that isn't known.
type Account string

// AccountOf is the account of a provider block of this type: its carrier, its
// endpoint, and the setting that names it, from the environment where the block
// doesn't say it. "simulator" is an endpoint like any other.
func (s Schema) AccountOf(block ProviderConfig, getenv func(string) string) Account {
	settings := NewSettings(Written{Values: block.Settings}, s, getenv)
	endpoint := cmp.Or(settings.String("endpoint", ""), s.Endpoint)
	if strings.TrimSuffix(endpoint, "/") == s.Endpoint {
		endpoint = "" // so that blocks of two types are alike that keep to their carrier's own
	}
	name := ""
	if s.Account != "" {
		name = settings.String(s.Account, "")
	}
	sum := sha256.Sum256([]byte(cmp.Or(s.Carrier, s.Type) + "\n" + strings.TrimSuffix(endpoint, "/") + "\n" + name))
	account := Account(hex.EncodeToString(sum[:8]))
	if s.AccountKey {
		account = accountKey + account
	}
	return account
}

const accountKey = "key:"

// Left reports whether a block that stood for a stands for another account now.
// Where an access key is all that names the account, a change of it is taken for
// a rotation of the key.
func (a Account) Left(now Account) bool {
	return a != "" && now != "" && a != now && !(strings.HasPrefix(string(a), accountKey) && strings.HasPrefix(string(now), accountKey))
}
