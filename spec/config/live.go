package config

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// liveObjects makes the values of card.NAME and privacy_number.NAME.
type liveObjects struct {
	fleet   *spec.Fleet
	keyed   map[string]bool // the card blocks with for_each or from_csv
	secrets *expr.Secrets
	// partial reports whether cards may be missing because of mistakes; then
	// only what a card looks like is known.
	partial bool
	cards   map[spec.ICCID]*spec.Reading
	numbers map[string]*spec.NumberReading
	// byBlock are the cards by their blocks' names, and byName the numbers: their
	// places in the fleet. Both are made when an output asks.
	byBlock map[string][]int
	byName  map[string]int
	// last is the value of the card block that was asked for last: several
	// expressions may ask for the same, and those of all blocks take much memory.
	last     cty.Value
	lastName string
	// unread is the live of a card that was not read.
	unread cty.Value
	// outputs gives an output's value to a check; nil where there is none.
	outputs func(name string) cty.Value
}

// newLiveObjects takes nil where nothing was read yet; then every live is unknown.
func newLiveObjects(c *Config, live *spec.Live) *liveObjects {
	o := &liveObjects{
		fleet: c.Fleet, keyed: c.keyed, secrets: c.secrets,
		cards: map[spec.ICCID]*spec.Reading{}, numbers: map[string]*spec.NumberReading{},
		unread: cty.UnknownVal(liveCardType()),
	}
	if live == nil {
		return o
	}
	for i := range live.Cards {
		if r := &live.Cards[i]; r.Known() {
			o.cards[r.ICCID] = r
		}
	}
	for i := range live.Numbers {
		if r := &live.Numbers[i]; r.Unread == "" && !r.At.IsZero() {
			o.numbers[r.Address] = r
		}
	}
	return o
}

// The types of what is read.
func liveCardType() cty.Type {
	return cty.Object(map[string]cty.Type{
		"status": cty.String, "lifecycle": cty.String, "active": cty.Bool, "imei": cty.String,
		"packages": cty.List(cty.String), "reason": cty.String,
	})
}

func cardType() cty.Type {
	return cty.Object(map[string]cty.Type{
		"provider": cty.String, "iccid": cty.String, "imei": cty.String, "bound": cty.Bool, "active": cty.Bool,
		"packages": cty.List(cty.String), "current_imei": cty.String, "msisdn": cty.String, "labels": cty.Map(cty.String),
		"shared_imei": cty.Bool, "live": liveCardType(),
	})
}

func liveNumberType() cty.Type {
	return cty.Object(map[string]cty.Type{"status": cty.Number, "number": cty.String})
}

// value is the object of one block: for a card block with keys, a map of them.
func (o *liveObjects) value(kind, name string) cty.Value {
	switch {
	case kind == expr.RootNumber:
		return o.number(name)
	case kind == expr.RootOutput:
		return o.outputs(name)
	case o.partial && o.keyed[name]:
		return cty.UnknownVal(cty.Map(cardType()))
	case o.partial:
		return cty.UnknownVal(cardType())
	}
	if o.lastName != name {
		o.last, o.lastName = o.block(name), name
	}
	return o.last
}

// block is the value of a card block.
func (o *liveObjects) block(name string) cty.Value {
	cards := map[string]cty.Value{}
	for _, i := range o.cardsOf(name) {
		c := &o.fleet.Cards[i]
		if !c.Block.Keyed {
			return o.card(c)
		}
		cards[c.Key] = o.card(c)
	}
	if len(cards) == 0 {
		return cty.MapValEmpty(cardType())
	}
	return cty.MapVal(cards)
}

// cardsOf are the places of a block's cards in the fleet.
func (o *liveObjects) cardsOf(block string) []int {
	if o.byBlock == nil {
		o.byBlock = map[string][]int{}
		for i := range o.fleet.Cards {
			name := o.fleet.Cards[i].Block.Name
			o.byBlock[name] = append(o.byBlock[name], i)
		}
	}
	return o.byBlock[block]
}

// numberOf is the privacy number of that name; nil for none.
func (o *liveObjects) numberOf(name string) *spec.PrivacyNumber {
	if o.byName == nil {
		o.byName = make(map[string]int, len(o.fleet.Numbers))
		for i := range o.fleet.Numbers {
			o.byName[o.fleet.Numbers[i].Name] = i
		}
	}
	i, ok := o.byName[name]
	if !ok {
		return nil
	}
	return &o.fleet.Numbers[i]
}

func (o *liveObjects) card(c *spec.Card) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"provider":     cty.StringVal(string(c.Provider)),
		"iccid":        cty.StringVal(string(c.ICCID)),
		"imei":         textOrNull(string(c.IMEI)),
		"bound":        switchValue(c.Bound),
		"active":       switchValue(c.Active),
		"packages":     textsOrNull(c.Packages),
		"current_imei": textOrNull(string(c.CurrentIMEI)),
		"msisdn":       textOrNull(c.MSISDN),
		"labels":       labelsValue(c.Labels),
		"shared_imei":  cty.BoolVal(c.SharedIMEI),
		"live":         o.liveCard(o.cards[c.ICCID]),
	})
}

func (o *liveObjects) liveCard(r *spec.Reading) cty.Value {
	if r == nil {
		return o.unread
	}
	imei, packages := cty.NullVal(cty.String), cty.NullVal(cty.List(cty.String))
	if r.Tells(spec.AttrBinding) {
		imei = textOrNull(string(r.IMEI))
	}
	if r.Tells(spec.AttrPackages) {
		ids := make([]string, 0, len(r.Packages))
		for _, p := range r.Packages {
			ids = append(ids, p.ID)
		}
		packages = textsOrNull(ids)
	}
	return cty.ObjectVal(map[string]cty.Value{
		"status":    cty.StringVal(r.Status),
		"lifecycle": cty.StringVal(string(r.Lifecycle)),
		"active":    switchValue(r.Lifecycle.InService()),
		"imei":      imei,
		"packages":  packages,
		"reason":    cty.StringVal(r.Reason),
	})
}

func (o *liveObjects) number(name string) cty.Value {
	n := o.numberOf(name)
	if n == nil {
		return cty.DynamicVal
	}
	live := cty.UnknownVal(liveNumberType())
	if r := o.numbers[n.Address()]; r != nil {
		live = cty.ObjectVal(map[string]cty.Value{
			"status": cty.NumberIntVal(int64(r.Status)), "number": textOrNull(r.Number),
		})
	}
	return cty.ObjectVal(map[string]cty.Value{
		"provider": cty.StringVal(string(n.Provider)),
		"pool_key": o.guarded(n.PoolKey),
		"subs_id":  o.guarded(n.SubsID),
		"call_no":  o.guarded(n.CallNo),
		"number":   textOrNull(n.Number),
		"live":     live,
	})
}

// guarded is a text that is sensitive where the configuration said so.
func (o *liveObjects) guarded(s string) cty.Value {
	v := textOrNull(s)
	if o.secrets.Has(s) {
		v = o.secrets.Mark(v)
	}
	return v
}

func textOrNull(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

func textsOrNull(list []string) cty.Value {
	switch {
	case list == nil:
		return cty.NullVal(cty.List(cty.String))
	case len(list) == 0:
		return cty.ListValEmpty(cty.String)
	}
	values := make([]cty.Value, len(list))
	for i, s := range list {
		values[i] = cty.StringVal(s)
	}
	return cty.ListVal(values)
}

func labelsValue(labels map[string]string) cty.Value {
	if len(labels) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	values := make(map[string]cty.Value, len(labels))
	for k, v := range labels {
		values[k] = cty.StringVal(v)
	}
	return cty.MapVal(values)
}

func switchValue(s spec.Switch) cty.Value {
	if on := s.Bool(); on != nil {
		return cty.BoolVal(*on)
	}
	return cty.NullVal(cty.Bool)
}
