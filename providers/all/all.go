// Package all is the registry: every provider that the program has, and every
// carrier that it can simulate. It is functions that return values.
package all

import (
	"cmp"
	"slices"
	"sync"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/aliyun"
	"github.com/cardfleet/cardfleet/providers/aliyun/aliyunsim"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot"
	"github.com/cardfleet/cardfleet/providers/cmiot/cmiotsim"
	"github.com/cardfleet/cardfleet/providers/ctwing"
	"github.com/cardfleet/cardfleet/providers/ctwing/ctwingsim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/jasper"
	"github.com/cardfleet/cardfleet/providers/jasper/jaspersim"
	"github.com/cardfleet/cardfleet/providers/linkcard"
	"github.com/cardfleet/cardfleet/providers/linkcard/linkcardsim"
	"github.com/cardfleet/cardfleet/providers/n1ce"
	"github.com/cardfleet/cardfleet/providers/n1ce/n1cesim"
	"github.com/cardfleet/cardfleet/providers/onomondo"
	"github.com/cardfleet/cardfleet/providers/onomondo/onomondosim"
	"github.com/cardfleet/cardfleet/providers/soracom"
	"github.com/cardfleet/cardfleet/providers/soracom/soracomsim"
	"github.com/cardfleet/cardfleet/providers/telnyx"
	"github.com/cardfleet/cardfleet/providers/telnyx/telnyxsim"
	"github.com/cardfleet/cardfleet/providers/xuyu"
	"github.com/cardfleet/cardfleet/providers/xuyu/xuyusim"
)

// Types is every kind of provider that the program has, by its schema's type.
func Types() []providers.Type { return With(nil) }

// With is [Types] with those that the configuration defines besides. One of a
// name that the program defines takes its place.
func With(defined []*described.Definition) []providers.Type {
	types := []providers.Type{
		aliyun.Type(),
		linkcard.Type(), // "aliyun_linkcard"
		cmiot.Type(),
		xuyu.Type(),
	}
	for _, s := range shipped() {
		if !slices.ContainsFunc(defined, func(o *described.Definition) bool { return o.Name == s.Outline.Name }) {
			types = append(types, s.Type())
		}
	}
	for _, d := range defined {
		types = append(types, d.Type())
	}
	slices.SortFunc(types, func(a, b providers.Type) int { return cmp.Compare(a.Schema.Type, b.Schema.Type) })
	return types
}

// Definitions are the carriers that the program has as definitions, by name.
func Definitions() []*described.Definition {
	var list []*described.Definition
	for _, s := range shipped() {
		list = append(list, s.Definition())
	}
	return list
}

// shipped are the definitions that the program has, by name. They don't change,
// so each is compiled once, and only where a run needs it.
var shipped = sync.OnceValue(func() []*described.Shipped {
	return []*described.Shipped{
		described.Ship(described.Outline{
			Name: "ctwing", Title: "China Telecom 5G CMP (unverified)", Endpoint: "https://cmp-api.ctwing.cn:20164", Facts: "of clients, unverified",
			Settings: []described.OutlineSetting{
				{Name: "app_key", Env: "CTWING_APP_KEY", Public: true},
				{Name: "secret_key", Env: "CTWING_SECRET_KEY"},
				{Name: "cust_id", Public: true, Has: true},
				{Name: "timestamp_zone", Public: true, Has: true},
			},
		}, ctwing.Definition),
		described.Ship(described.Outline{
			Name: "jasper", Title: "Cisco IoT Control Center",
			Settings: []described.OutlineSetting{
				{Name: "username", Env: "JASPER_USERNAME", Public: true},
				{Name: "api_key", Env: "JASPER_API_KEY"},
				{Name: "list_from", Public: true, Has: true},
				{Name: "unbind_status", Public: true, Has: true},
			},
		}, jasper.Definition),
		described.Ship(described.Outline{
			Name: "n1ce", Title: "1NCE", Endpoint: "https://api.1nce.com/management-api",
			Settings: []described.OutlineSetting{
				{Name: "client_id", Env: "N1CE_CLIENT_ID", Public: true},
				{Name: "client_secret", Env: "N1CE_CLIENT_SECRET"},
			},
		}, n1ce.Definition),
		described.Ship(described.Outline{
			Name: "onomondo", Title: "Onomondo", Endpoint: "https://api.onomondo.com",
			Settings: []described.OutlineSetting{
				{Name: "api_key", Env: "ONOMONDO_API_KEY"},
				{Name: "scheme", Public: true, Has: true},
			},
		}, onomondo.Definition),
		described.Ship(described.Outline{
			Name: "soracom", Title: "Soracom Air", Endpoint: "https://g.api.soracom.io/v1",
			Settings: []described.OutlineSetting{
				{Name: "auth_key_id", Env: "SORACOM_AUTH_KEY_ID", Public: true},
				{Name: "auth_key", Env: "SORACOM_AUTH_KEY"},
			},
		}, soracom.Definition),
		described.Ship(described.Outline{
			Name: "telnyx", Title: "Telnyx IoT SIM", Endpoint: "https://api.telnyx.com/v2",
			Settings: []described.OutlineSetting{{Name: "api_key", Env: "TELNYX_API_KEY"}},
		}, telnyx.Definition),
	}
})

// Simulators is every simulated carrier over one world. Serve them with
// [carriersim.Serve], and point blocks at them with [carriersim.Carrier.Point].
func Simulators(w *carriersim.World) []carriersim.Carrier {
	return []carriersim.Carrier{
		aliyunsim.Carrier(w),
		linkcardsim.Carrier(w),
		cmiotsim.Carrier(w),
		xuyusim.Carrier(w),
		jaspersim.Carrier(w),
		soracomsim.Carrier(w),
		telnyxsim.Carrier(w),
		ctwingsim.Carrier(w),
		n1cesim.Carrier(w),
		onomondosim.Carrier(w),
	}
}
