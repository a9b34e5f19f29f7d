// Package all is the registry: every provider that the program has, and every
// carrier that it can simulate. It is functions that return values.
package all

import (
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/aliyun"
	"github.com/cardfleet/cardfleet/providers/aliyun/aliyunsim"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot"
	"github.com/cardfleet/cardfleet/providers/cmiot/cmiotsim"
	"github.com/cardfleet/cardfleet/providers/linkcard"
	"github.com/cardfleet/cardfleet/providers/linkcard/linkcardsim"
	"github.com/cardfleet/cardfleet/providers/xuyu"
	"github.com/cardfleet/cardfleet/providers/xuyu/xuyusim"
)

// Types is every kind of provider, by its schema's type.
func Types() []providers.Type {
	return []providers.Type{
		aliyun.Type(),
		linkcard.Type(), // "aliyun_linkcard"
		cmiot.Type(),
		xuyu.Type(),
	}
}

// Simulators is every simulated carrier over one world. Serve them with
// [carriersim.Serve], and point blocks at them with [carriersim.Carrier.Point].
func Simulators(w *carriersim.World) []carriersim.Carrier {
	return []carriersim.Carrier{
		aliyunsim.Carrier(w),
		linkcardsim.Carrier(w),
		cmiotsim.Carrier(w),
		xuyusim.Carrier(w),
	}
}
