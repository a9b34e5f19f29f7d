package table

import (
	"fmt"

	"github.com/cardfleet/cardfleet/spec"
)

// Loss is how the ICCIDs of a column lost digits.
type Loss int

// The losses.
const (
	// NoLoss is a column as it should be.
	NoLoss Loss = iota
	// Doubtful is a column with ICCIDs that end in zeros, too few to tell: a
	// warning at each of them.
	Doubtful
	// Cut is a column of which a spreadsheet kept 15 digits: an error.
	Cut
	// RoundedDouble is a column that went through doubles (53 bits): an error.
	RoundedDouble
	// RoundedLongDouble is a column that went through long doubles (64 bits,
	// Gnumeric): an error.
	RoundedLongDouble
)

const (
	// enoughDoubles is from how many ICCIDs on that all fit a double no chance
	// is left: one honest ICCID of 1,024 does.
	enoughDoubles = 5
	// enoughLongDoubles is likewise for long doubles. One of eight fits by
	// nature, and five in a row with check digits can.
	enoughLongDoubles = 20
	// keptCells is how many cells of a mistake are kept to be shown.
	keptCells = 10
)

// Cell is an ICCID and its row.
type Cell struct {
	Row   int
	ICCID spec.ICCID
}

// ICCIDs looks at a table's ICCIDs, one after the other, for digits that were
// lost. Its zero value has seen none.
type ICCIDs struct {
	seen            int
	decimals        int // digits only
	doubles         int
	twenties, longs int // of 20 digits, and those of them that fit a long double
	zeros           int
	cells           []Cell // the first that end in zeros, and the first of all where none does
	first           []Cell
	ends            map[spec.ICCID]struct{} // that end in zeros
	alike           bool                    // two of them are
}

// Add looks at the ICCID of a row.
func (c *ICCIDs) Add(row int, iccid spec.ICCID) {
	c.seen++
	if len(c.first) < keptCells {
		c.first = append(c.first, Cell{row, iccid})
	}
	if !iccid.Decimal() {
		return
	}
	// Arithmetic of 20 digits is slow. It is needed only while all fit.
	if c.doubles == c.decimals && iccid.FitsDouble() {
		c.doubles++
	}
	if len(iccid) == 20 {
		if c.longs == c.twenties && iccid.FitsLongDouble() {
			c.longs++
		}
		c.twenties++
	}
	c.decimals++
	if iccid.ZeroTail() {
		c.addZeros(row, iccid)
	}
}

func (c *ICCIDs) addZeros(row int, iccid spec.ICCID) {
	c.zeros++
	if len(c.cells) < keptCells {
		c.cells = append(c.cells, Cell{row, iccid})
	}
	if _, twice := c.ends[iccid]; twice {
		c.alike = true
	}
	if c.ends == nil {
		c.ends = map[spec.ICCID]struct{}{}
	}
	c.ends[iccid] = struct{}{}
}

// Loss is the verdict on all that was added.
func (c *ICCIDs) Loss() Loss {
	switch {
	case c.alike, c.zeros >= 2 && c.zeros*100 > c.seen:
		return Cut
	case c.decimals >= enoughDoubles && c.doubles == c.decimals:
		return RoundedDouble
	case c.twenties >= enoughLongDoubles && c.longs == c.twenties:
		return RoundedLongDouble
	case c.zeros > 0:
		return Doubtful
	}
	return NoLoss
}

// Cells are the first ten cells that the verdict is about.
func (c *ICCIDs) Cells() []Cell {
	switch c.Loss() {
	case Cut, Doubtful:
		return c.cells
	case RoundedDouble, RoundedLongDouble:
		return c.first
	}
	return nil
}

// Count is how many cells the verdict is about.
func (c *ICCIDs) Count() int {
	switch c.Loss() {
	case Cut, Doubtful:
		return c.zeros
	case RoundedDouble:
		return c.decimals
	case RoundedLongDouble:
		return c.twenties
	}
	return 0
}

// LostSummary is the summary of the error, and of the warning, about a column
// that lost digits.
const LostSummary = "Lost digits"

// Detail says in sentences what is wrong and what to do; "" for no loss.
func (c *ICCIDs) Detail() string {
	const remedy = " The digits are gone from this file: take the list anew from where it came, with the column as text, and never as a number."
	switch c.Loss() {
	case Cut:
		return fmt.Sprintf("%d of %d ICCIDs end in zeros where their last digits should be: a spreadsheet keeps 15 digits of a number.", c.zeros, c.seen) + remedy
	case RoundedDouble:
		return fmt.Sprintf("All %d ICCIDs are multiples of 1,024 or 16,384: a program took them for numbers and rounded their last digits.", c.decimals) + remedy
	case RoundedLongDouble:
		return fmt.Sprintf("All %d ICCIDs of 20 digits are multiples of 8: a program such as Gnumeric took them for numbers and rounded their last digit.", c.twenties) + remedy
	case Doubtful:
		return "It ends in zeros, as of 100,000 ICCIDs one does by nature, and as those do that a spreadsheet cut to 15 digits. Compare it with the card."
	}
	return ""
}

// IMEIs looks at a table's IMEIs for leading zeros that were lost. Its zero
// value has seen none.
type IMEIs struct {
	seen, fifteen int
	short, zeros  shorts // of 14 digits; those of them that certainly lost a zero
}

// shorts are the first few of some IMEIs of 14 digits, and how many there are.
type shorts struct {
	first []Short
	count int
}

func (s *shorts) add(short Short) {
	if s.count++; len(s.first) < keptCells {
		s.first = append(s.first, short)
	}
}

// Short is an IMEI of 14 digits in its row.
type Short struct {
	Row  int
	IMEI spec.IMEI
	// Zero is the IMEI with the zero that was certainly lost; "" where it may
	// have had none.
	Zero spec.IMEI
}

// Add looks at the IMEI of a row.
func (c *IMEIs) Add(row int, imei spec.IMEI) {
	c.seen++
	switch len(imei) {
	case 15:
		c.fifteen++
	case 14:
		zero, lost := imei.WithLostZero()
		c.short.add(Short{row, imei, zero})
		if lost {
			c.zeros.add(Short{row, imei, zero})
		}
	}
}

// Doubtful are the first ten of the IMEIs of 14 digits to warn of, and how many
// there are: all where more than nine tenths of the column have 15 digits, else
// those that certainly lost a zero.
func (c *IMEIs) Doubtful() (first []Short, count int) {
	if c.fifteen*10 > 9*c.seen {
		return c.short.first, c.short.count
	}
	return c.zeros.first, c.zeros.count
}
