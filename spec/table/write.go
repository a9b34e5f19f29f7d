package table

import (
	"encoding/csv"
	"io"
)

// Write writes the canonical form: UTF-8, commas, LF, a row a card sorted by ICCID.
func (t *Table) Write(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(t.Columns); err != nil {
		return err
	}
	for _, row := range t.Rows {
		if err := out.Write(row.Cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
