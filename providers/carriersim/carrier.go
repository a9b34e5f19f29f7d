package carriersim

import (
	"maps"
	"net/http"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// Simulator is the endpoint that stands for the simulated carrier in a
// provider's block.
const Simulator = "simulator"

// Carrier is one simulated carrier: its APIs, and how a provider's block is
// pointed to them.
type Carrier struct {
	Type     string // of the provider: "aliyun"
	Services []Service
	// IDSetting and SecretSetting name the block's credentials.
	IDSetting, SecretSetting string
	// KeySetting names the block's further key; "" where the carrier asks for none.
	KeySetting string
	World      *World
}

// Service is one API of a simulated carrier.
type Service struct {
	Setting string // the block's setting that holds its base URL: "endpoint"
	Path    string // where it is served: "/aliyun"
	Handler http.Handler
}

// Wants reports whether a block asks for this simulated carrier.
func (c *Carrier) Wants(config spec.ProviderConfig) bool {
	return config.Name.Type() == c.Type && config.Settings["endpoint"] == Simulator
}

// Point returns the block's settings with every API at the simulated carrier,
// which is served at base ("http://127.0.0.1:4711"). Credentials that the block
// leaves out become the test account's, so that real ones in the environment
// never reach the simulator; those that it has are accepted by the world.
func (c *Carrier) Point(config spec.ProviderConfig, base string) spec.ProviderConfig {
	settings := maps.Clone(config.Settings)
	if settings == nil {
		settings = map[string]any{}
	}
	for _, s := range c.Services {
		settings[s.Setting] = strings.TrimSuffix(base, "/") + s.Path
	}
	account := Account{ID: written(settings, c.IDSetting, TestID), Secret: written(settings, c.SecretSetting, TestSecret)}
	settings[c.IDSetting], settings[c.SecretSetting] = account.ID, account.Secret
	if c.KeySetting != "" {
		account.Key = written(settings, c.KeySetting, TestKey)
		settings[c.KeySetting] = account.Key
	}
	c.World.Admit(account)
	config.Settings = settings
	return config
}

// written is a text setting, fallback where the block leaves it out.
func written(settings map[string]any, name, fallback string) string {
	if v, ok := settings[name].(string); ok && v != "" {
		return v
	}
	return fallback
}

// Serve is every API of the carriers, each at its path and below it.
func Serve(carriers []Carrier) http.Handler {
	mux := http.NewServeMux()
	for _, c := range carriers {
		for _, s := range c.Services {
			handler := http.StripPrefix(s.Path, s.Handler)
			mux.Handle(s.Path, handler) // an API whose base URL is its only one
			mux.Handle(s.Path+"/", handler)
		}
	}
	return mux
}
