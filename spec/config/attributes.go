package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// value is what an attribute of a card says; only the field of its type counts.
type value struct {
	null   bool
	text   string
	on     bool
	list   []string
	labels map[string]string
}

// problem is a mistake in a value, before it is known where the value stands.
type problem struct{ summary, detail string }

// cardAttribute is one attribute of a card whose value an expression gives.
type cardAttribute struct {
	name string
	// text attributes can take a CSV field as it is.
	text bool
	// decides is set for attributes whose being true or false a device feels.
	decides bool
	decode  func(cty.Value) (value, *problem)
	assign  func(*spec.Card, value) *problem
}

// cardAttributes is in the order in which they are read: the ICCID first, so
// that later mistakes can name it.
func cardAttributes() []cardAttribute {
	return []cardAttribute{
		{name: "iccid", text: true, decode: decodeNumberText("ICCID"), assign: assignICCID},
		{name: "imei", text: true, decode: decodeNumberText("IMEI"), assign: assignIMEI},
		{name: "current_imei", text: true, decode: decodeNumberText("IMEI"), assign: assignCurrentIMEI},
		{name: "msisdn", text: true, decode: decodeNumberText("MSISDN"), assign: assignMSISDN},
		{name: "bound", decides: true, decode: decodeSwitch("bound"), assign: func(c *spec.Card, v value) *problem { c.Bound = switchOf(v); return nil }},
		{name: "active", decides: true, decode: decodeSwitch("active"), assign: func(c *spec.Card, v value) *problem { c.Active = switchOf(v); return nil }},
		{name: "shared_imei", decode: decodeSwitch("shared_imei"), assign: func(c *spec.Card, v value) *problem { c.SharedIMEI = v.on; return nil }},
		{name: "packages", decode: decodePackages, assign: func(c *spec.Card, v value) *problem { c.Packages = v.list; return nil }},
		{name: "labels", decode: decodeLabels, assign: func(c *spec.Card, v value) *problem { c.Labels = v.labels; return nil }},
	}
}

func switchOf(v value) spec.Switch {
	if v.null {
		return spec.Unset
	}
	return spec.SwitchOf(v.on)
}

func assignICCID(c *spec.Card, v value) (bad *problem) {
	if v.null {
		return &problem{"Missing ICCID", "iccid is null, and every card needs its ICCID."}
	}
	iccid, err := spec.ParseICCID(v.text)
	if err != nil {
		return &problem{"Invalid ICCID", spec.Capital(err.Error()) + "."}
	}
	c.ICCID = iccid
	return nil
}

func assignIMEI(c *spec.Card, v value) (bad *problem) {
	c.IMEI, bad = parseIMEI(v, "imei", "The IMEI is blank, and a blank never means unbind. Where the binding is not managed, "+
		"omit imei or make it null; where the card must have no device, write bound = false.")
	return bad
}

func assignCurrentIMEI(c *spec.Card, v value) (bad *problem) {
	c.CurrentIMEI, bad = parseIMEI(v, "current_imei", "The IMEI is blank. Where the device is not known, omit current_imei or make it null.")
	return bad
}

// assignMSISDN takes a blank cell for a number that isn't known: nothing is planned
// from a number.
func assignMSISDN(c *spec.Card, v value) *problem {
	if v.null || strings.TrimSpace(v.text) == "" {
		c.MSISDN = ""
		return nil
	}
	msisdn, err := spec.ParseMSISDN(v.text)
	if err != nil {
		return &problem{"Invalid MSISDN", spec.Capital(err.Error()) + "."}
	}
	c.MSISDN = msisdn
	return nil
}

func parseIMEI(v value, name, blank string) (spec.IMEI, *problem) {
	if v.null {
		return "", nil
	}
	imei, err := spec.ParseIMEI(v.text)
	switch {
	case strings.TrimSpace(v.text) == "":
		return "", &problem{"Blank IMEI", blank}
	case err != nil:
		return "", &problem{"Invalid IMEI", spec.Capital(err.Error()) + " (" + name + ")."}
	}
	return imei, nil
}

// checkSensitive refuses values that plans would show.
func checkSensitive(v cty.Value) *problem {
	if !v.ContainsMarked() {
		return nil
	}
	return &problem{"Sensitive value", "What a card is to be is shown in plans and kept in the state, so it can't be sensitive. " +
		"Where it is no secret, write nonsensitive(…)."}
}

// decodeNumberText reads an identifier of digits. A number is refused: leading
// zeros and, past 2⁶⁴, digits were lost before we saw it.
func decodeNumberText(noun string) func(cty.Value) (value, *problem) {
	return func(v cty.Value) (value, *problem) {
		if bad := checkSensitive(v); bad != nil {
			return value{}, bad
		}
		switch {
		case v.IsNull():
			return value{null: true}, nil
		case v.Type() == cty.Number:
			return value{}, numberForText("An " + noun)
		case v.Type() != cty.String:
			return value{}, &problem{"Unsuitable value", "An " + noun + " is a text, and this is " + v.Type().FriendlyName() + "."}
		}
		return value{text: v.AsString()}, nil
	}
}

// decodeSwitch reads true or false. A table holds texts, and a spreadsheet
// writes TRUE where somebody typed true, so a text counts in any case, and 1 and
// 0 count too. Nothing else does: a blank cell or a word of another language
// could be meant either way.
func decodeSwitch(name string) func(cty.Value) (value, *problem) {
	return func(v cty.Value) (value, *problem) {
		if bad := checkSensitive(v); bad != nil {
			return value{}, bad
		}
		switch ty := v.Type(); {
		case v.IsNull():
			return value{null: true}, nil
		case ty == cty.Bool:
			return value{on: v.True()}, nil
		case ty == cty.String:
			return switchText(name, v.AsString())
		case ty == cty.Number && v.RawEquals(cty.NumberIntVal(1)):
			return value{on: true}, nil
		case ty == cty.Number && v.RawEquals(cty.Zero):
			return value{}, nil
		case ty == cty.Number:
			return value{}, &problem{"Unsuitable value", name + " must be true, false or null, and this is a number other than 1 and 0."}
		default:
			return value{}, &problem{"Unsuitable value", name + " must be true, false or null, and this is " + ty.FriendlyName() + "."}
		}
	}
}

func switchText(name, text string) (value, *problem) {
	switch {
	case text == "1" || strings.EqualFold(text, "true"):
		return value{on: true}, nil
	case text == "0" || strings.EqualFold(text, "false"):
		return value{}, nil
	case strings.TrimSpace(text) == "":
		return value{}, &problem{"Blank switch", fmt.Sprintf("%[1]s is blank, which says neither true nor false. Fill it in; where %[1]s is not managed, make it null: %[1]s = each.value.%[1]s == \"\" ? null : each.value.%[1]s.", name)}
	default:
		return value{}, &problem{"Unsuitable value", fmt.Sprintf("%s must be true, false or null, and this is %q. Of texts it takes true and false in any case, 1 and 0.", name, text)}
	}
}

// decodePackages reads a list of package ids, and sorts it. Not null but empty
// means none, so it is not nil.
func decodePackages(v cty.Value) (value, *problem) {
	if bad := checkSensitive(v); bad != nil {
		return value{}, bad
	}
	if bad := bareNumber(v, "A package id"); bad != nil {
		return value{}, bad
	}
	list, err := expr.Convert(v, cty.List(cty.String))
	if err != nil {
		return value{}, &problem{"Unsuitable value", `packages is a list of package ids, such as ["10002"]: ` + expr.ErrorText(err) + "."}
	}
	if list.IsNull() {
		return value{null: true}, nil
	}
	ids := make([]string, 0, list.LengthInt())
	for _, e := range list.AsValueSlice() {
		if e.IsNull() || strings.TrimSpace(e.AsString()) == "" {
			return value{}, &problem{"Blank package", "packages holds a blank id. Delete it; an empty list means no packages."}
		}
		ids = append(ids, e.AsString())
	}
	return value{list: sortedSet(ids)}, nil
}

// bareNumber finds a number among elements that are texts.
func bareNumber(v cty.Value, what string) *problem {
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.Type() == cty.Number {
			return numberForText(what)
		}
	}
	return nil
}

func numberForText(what string) *problem {
	return &problem{"Number in place of text", what + " is a text: write it in quotes. A number loses its leading zeros."}
}

func sortedSet(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// decodeLabels reads labels; one that is null is left out.
func decodeLabels(v cty.Value) (value, *problem) {
	if bad := checkSensitive(v); bad != nil {
		return value{}, bad
	}
	object, err := expr.Convert(v, cty.Map(cty.String))
	if err != nil {
		return value{}, &problem{"Unsuitable value", `labels is a map of texts, such as { city = "hangzhou" }: ` + expr.ErrorText(err) + "."}
	}
	if object.IsNull() {
		return value{null: true}, nil
	}
	labels := make(map[string]string, object.LengthInt())
	for k, e := range object.AsValueMap() {
		if !e.IsNull() {
			labels[k] = e.AsString()
		}
	}
	return value{labels: labels}, nil
}
