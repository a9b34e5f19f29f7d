package spec

import "fmt"

// Check is what became of one check block of the configuration.
type Check struct {
	Name     string        `json:"name"`
	Severity CheckSeverity `json:"severity"`
	Status   CheckStatus   `json:"status"`
	Message  string        `json:"message,omitempty"` // of one that fails, for people
	File     string        `json:"file"`              // that it stands in
	Line     int           `json:"line"`              // of the block's header
}

// CheckSeverity is what it means that a check fails.
type CheckSeverity string

// The severities.
const (
	CheckWarns   CheckSeverity = "warning" // people are told
	CheckRefuses CheckSeverity = "error"   // apply carries nothing out
)

// CheckStatus says whether a check's condition holds.
type CheckStatus string

// The statuses.
const (
	CheckPasses  CheckStatus = "pass"
	CheckFails   CheckStatus = "fail"
	CheckUnknown CheckStatus = "unknown" // it depends on what was not read
)

// Refuses reports whether apply carries nothing out because of it.
func (c *Check) Refuses() bool { return c.Status == CheckFails && c.Severity == CheckRefuses }

// Valid says what is wrong with a check that was read from a file; nil for nothing.
func (c *Check) Valid() error {
	switch {
	case c.Severity != CheckWarns && c.Severity != CheckRefuses:
		return fmt.Errorf("check %q has severity %q, which is none", c.Name, c.Severity)
	case c.Status != CheckPasses && c.Status != CheckFails && c.Status != CheckUnknown:
		return fmt.Errorf("check %q has status %q, which is none", c.Name, c.Status)
	}
	return nil
}
