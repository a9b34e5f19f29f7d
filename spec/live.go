package spec

// Live is what was read, for the outputs of a configuration. Lists are in the
// orders of [Fleet]; a card or number without a reading is not in them.
type Live struct {
	Cards   []Reading
	Numbers []NumberReading
}

// Output is an output block's value, ready to be shown.
type Output struct {
	Name      string
	Sensitive bool
	// Value is the value as JSON; null for one that isn't known.
	Value []byte
	// Type is the value's type as Terraform writes types in JSON: "string",
	// ["object",{…}].
	Type []byte
	// Unset says why a sensitive output has no value: it is made from a variable of
	// the environment that isn't set. Who hides it can do without.
	Unset Diagnostics
}
