package spec

// A program that takes an ICCID for a number keeps as many of its digits as the
// number's form holds, and writes others in place of the rest. What is left is a
// well-formed ICCID of another card, or of none. The methods here tell such
// numbers by their arithmetic; package table judges a whole column of them.

// ZeroTail reports whether c could have been cut to 15 digits, as spreadsheets
// cut numbers: 20 digits that end in 00000, or 19 that end in 0000. Of honest
// ICCIDs one in 100,000 (or 10,000) ends so.
func (c ICCID) ZeroTail() bool {
	switch len(c) {
	case 20:
		return c[15:] == "00000" && allDigits(string(c))
	case 19:
		return c[15:] == "0000" && allDigits(string(c))
	}
	return false
}

// FitsDouble reports whether c, taken as a number, is one that a double
// (IEEE 754, 53 bits) holds: a multiple of 16,384 for 20 digits, whose numbers
// lie between 2^66 and 2^67, and of 1,024 for 19. An ICCID with letters is none.
func (c ICCID) FitsDouble() bool {
	switch len(c) {
	case 20:
		return c.multipleOf(1 << 14)
	case 19:
		return c.multipleOf(1 << 10)
	}
	return false
}

// FitsLongDouble reports whether c has 20 digits and is a multiple of 8: such
// are the numbers that a long double (64 bits, as Gnumeric calculates) holds.
// One honest ICCID of eight is so. Every number of 19 digits fits, so that
// tells nothing, and c of 19 digits is false.
func (c ICCID) FitsLongDouble() bool { return len(c) == 20 && c.multipleOf(8) }

// Decimal reports whether c is digits only.
func (c ICCID) Decimal() bool { return c != "" && allDigits(string(c)) }

// multipleOf takes n digit by digit, since 20 digits don't fit into 64 bits.
func (c ICCID) multipleOf(n int) bool {
	rest := 0
	for i := range len(c) {
		if !isDigit(c[i]) {
			return false
		}
		rest = (rest*10 + int(c[i]-'0')) % n
	}
	return rest == 0
}

// WithLostZero is the IMEI of 15 digits that i of 14 digits was before a
// spreadsheet dropped its leading zero. It is true where i begins with 1, which
// no type allocation code in use does, and the check digit holds with the zero.
func (i IMEI) WithLostZero() (IMEI, bool) {
	if len(i) != 14 || i[0] != '1' || !luhn("0"+string(i)) {
		return "", false
	}
	return "0" + i, true
}
