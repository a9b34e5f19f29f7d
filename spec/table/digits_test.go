package table_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

// issued is a carrier's card n, with its check digit where digits is 20.
func issued(n, digits int) spec.ICCID {
	s := fmt.Sprintf("898606%013d", 1703001730000+n)
	if digits == 19 {
		return spec.ICCID(s)
	}
	for d := range 10 {
		if c := spec.ICCID(fmt.Sprint(s, d)); !c.CheckDigitFails() {
			return c
		}
	}
	panic("one of ten check digits holds")
}

// throughNumber is what becomes of an ICCID in a program whose numbers have so
// many bits.
func throughNumber(c spec.ICCID, bits uint) spec.ICCID {
	f, _, err := big.ParseFloat(string(c), 10, bits, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
	return spec.ICCID(f.Text('f', 0))
}

// cut is what a spreadsheet leaves of it.
func cut(c spec.ICCID) spec.ICCID { return c[:15] + spec.ICCID("00000"[:len(c)-15]) }

func verdict(cards ...spec.ICCID) *table.ICCIDs {
	var seen table.ICCIDs
	for i, c := range cards {
		seen.Add(i+2, c)
	}
	return &seen
}

func many(n int, card func(i int) spec.ICCID) []spec.ICCID {
	cards := make([]spec.ICCID, n)
	for i := range cards {
		cards[i] = card(i)
	}
	return cards
}

func TestLostDigitsOfAColumnAreToldByArithmetic(t *testing.T) {
	spread := func(i int) int { return 99991 * (i + 1) }
	for _, row := range []struct {
		name  string
		cards []spec.ICCID
		want  table.Loss
		count int
	}{
		{"honest", many(1000, func(i int) spec.ICCID { return issued(i, 20) }), table.NoLoss, 0},
		{"honest of 19", many(999, func(i int) spec.ICCID { return issued(i+1, 19) }), table.NoLoss, 0},
		{"cut to 15", many(3, func(i int) spec.ICCID { return cut(issued(spread(i), 20)) }), table.Cut, 3},
		{"cut to 15, of 19", many(3, func(i int) spec.ICCID { return cut(issued(spread(i), 19)) }), table.Cut, 3},
		{"cut and alike among many", append(many(1000, func(i int) spec.ICCID { return issued(i, 20) }), cut(issued(7, 20)), cut(issued(8, 20))), table.Cut, 2},
		{"one ends so by nature", append(many(500, func(i int) spec.ICCID { return issued(i, 20) }), "89860617030017300000"), table.Doubtful, 1},
		{"a lonely one", many(1, func(int) spec.ICCID { return "89860617030017300000" }), table.Doubtful, 1},
		{"two of 300 end so by nature", append(many(298, func(i int) spec.ICCID { return issued(i, 20) }), "89860617030017300000", "89860617030017400000"), table.Doubtful, 2},
		{"through doubles", many(5, func(i int) spec.ICCID { return throughNumber(issued(spread(i), 20), 53) }), table.RoundedDouble, 5},
		{"through doubles, of 19", many(5, func(i int) spec.ICCID { return throughNumber(issued(spread(i), 19), 53) }), table.RoundedDouble, 5},
		{"four prove nothing", many(4, func(i int) spec.ICCID { return throughNumber(issued(spread(i), 20), 53) }), table.NoLoss, 0},
		{"through long doubles", many(20, func(i int) spec.ICCID { return throughNumber(issued(spread(i), 20), 64) }), table.RoundedLongDouble, 20},
		{"nineteen multiples of 8 prove nothing", many(19, func(i int) spec.ICCID { return throughNumber(issued(spread(i), 20), 64) }), table.NoLoss, 0},
		{"letters lose nothing", many(50, func(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("898600D6991330%02d0000", i)) }), table.NoLoss, 0},
		{"none", nil, table.NoLoss, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := verdict(row.cards...)
			assert.Equal(t, row.want, got.Loss())
			assert.Equal(t, row.count, got.Count())
			assert.Len(t, got.Cells(), min(row.count, 10))
			assert.Equal(t, row.want == table.NoLoss, got.Detail() == "")
		})
	}
}

// Twenty cards with check digits are all multiples of 8 less than once in 10^14
// tables, and five fit a double less than once in 10^15.
func TestHonestTablesAreNotTakenForRoundedOnes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		from := random.IntN(1_000_000_000)
		n := 5 + random.IntN(30)
		got := verdict(many(n, func(i int) spec.ICCID { return issued(from+i, 20) })...).Loss()
		assert.Contains(t, []table.Loss{table.NoLoss, table.Doubtful}, got, "%d cards from %d", n, from)
	}
}

func TestAColumnsShortIMEIsAreDoubtful(t *testing.T) {
	long := func(n int) []spec.IMEI {
		list := make([]spec.IMEI, n)
		for i := range list {
			list[i] = spec.IMEI(fmt.Sprintf("8615360301%05d", i))
		}
		return list
	}
	for _, row := range []struct {
		name  string
		imeis []spec.IMEI
		want  []table.Short
	}{
		{"all of 14", []spec.IMEI{"86153603019600", "86153603019601"}, nil},
		{"one among 20", append(long(19), "86153603019600"), []table.Short{{Row: 21, IMEI: "86153603019600"}}},
		{"one among 10 is too many", append(long(9), "86153603019600"), nil},
		{"a zero was lost", []spec.IMEI{"86153603019600", "12345000000005"}, []table.Short{{Row: 3, IMEI: "12345000000005", Zero: "012345000000005"}}},
		{"the check digit is against it", []spec.IMEI{"12345000000007"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var seen table.IMEIs
			for i, imei := range row.imeis {
				seen.Add(i+2, imei)
			}
			got, count := seen.Doubtful()
			assert.Equal(t, row.want, got)
			assert.Equal(t, len(row.want), count)
		})
	}
}
