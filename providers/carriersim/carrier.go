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
	// IDSetting and SecretSetting name the block's credentials. IDSetting is ""
	// where the carrier knows a caller by the secret alone.
	IDSetting, SecretSetting string
	// KeySetting names the block's further key; "" where the carrier asks for none.
	KeySetting string
	World      *World
}

// Service is one API of a simulated carrier.
type Service struct {
	Setting string // the block's setting that holds its base URL: "endpoint"
	Path    string // where it is served beside the others: "/aliyun"
	// Root is the path of its base URL on a host of its own; "" for most. Path
	// ends with it.
	Root    string
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
	account := Account{ID: TestID, Secret: written(settings, c.SecretSetting, TestSecret)}
	settings[c.SecretSetting] = account.Secret
	if c.IDSetting != "" {
		account.ID = written(settings, c.IDSetting, TestID)
		settings[c.IDSetting] = account.ID
	} else if _, known := c.World.Holds(account.Secret); known {
		config.Settings = settings
		return config
	} else if account.Secret != TestSecret {
		account.ID = account.Secret
	}
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
	var all services
	for _, c := range carriers {
		all = append(all, c.Services...)
	}
	return all
}

// Alone is the API on a host of its own, as the real carrier has it: what is
// made for the real one can be pointed there where it takes a host but no path.
func (s Service) Alone() http.Handler {
	s.Path = s.Root
	return services{s}
}

// services are served at their paths. A base URL is as good with a slash at its
// end as without, whatever a caller then adds to it.
type services []Service

func (s services) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	for _, service := range s {
		rest, ok := strings.CutPrefix(r.URL.Path, service.Path)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		below := *r
		address := *r.URL
		address.RawPath = "" // what there is of it belongs to the whole path
		if address.Path = rest; rest != "" {
			address.Path = "/" + strings.TrimLeft(rest, "/")
		}
		below.URL = &address
		service.Handler.ServeHTTP(rw, &below)
		return
	}
	http.NotFound(rw, r)
}
