package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func TestEncryptionIsReadAndItsKeysAreSecret(t *testing.T) {
	o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": `
variable "p" {
  type    = string
  default = "the old passphrase"
}
fleet {
  encryption {
    enforced   = true
    recipients = ["age1abc"]
    identities = ["~/.ssh/id_ed25519", "AGE-SECRET-KEY-1ABC", try(env("NOT_SET"), null), env("KEY")]
    previous { passphrase = var.p }
    previous { identities = ["old.key"] }
  }
}
`}))
	o.Env = environment(map[string]string{"KEY": "keys/state.txt"})
	c, diags := Load(o)
	require.Empty(t, texts(diags))
	e := c.Fleet.Encryption
	require.NotNil(t, e.Source)
	e.Source = nil
	for _, k := range []*spec.EncryptionKey{&e.EncryptionKey, &e.Previous[0], &e.Previous[1]} {
		require.NotEmpty(t, k.Ranges)
		k.Ranges = nil
	}
	require.Equal(t, &spec.Encryption{
		Enforced:      true,
		Recipients:    []string{"age1abc"},
		EncryptionKey: spec.EncryptionKey{Identities: []string{"~/.ssh/id_ed25519", "AGE-SECRET-KEY-1ABC", "keys/state.txt"}},
		Previous:      []spec.EncryptionKey{{Passphrase: "the old passphrase"}, {Identities: []string{"old.key"}}},
	}, e)
	require.Subset(t, c.Secrets(), []string{"AGE-SECRET-KEY-1ABC", "the old passphrase", "keys/state.txt"})
}

func TestSecretSettingsOfABackendAreSecret(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.hcl": `
fleet {
  backend "s3" {
    bucket     = "states"
    access_key = "AKIA"
    secret_key = "kept to ourselves"
  }
}
`})
	require.Equal(t, []string{"kept to ourselves"}, c.Secrets())
}
