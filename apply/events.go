package apply

import "strings"

// Hyphened is the outcome as the history has it: "in-doubt".
func (o Outcome) Hyphened() string { return strings.ReplaceAll(string(o), " ", "-") }
