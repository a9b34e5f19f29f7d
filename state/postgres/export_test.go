package postgres

import (
	"fmt"
	"strings"
)

// SchemaOf makes the schema cardfleet as it was in that version.
func SchemaOf(version int) string {
	return "CREATE SCHEMA cardfleet;" + fmt.Sprintf(strings.Join(migrations[:version], ";"), "cardfleet")
}
