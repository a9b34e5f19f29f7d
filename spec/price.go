package spec

import (
	"fmt"
	"math/big"
	"strings"
)

// Price is what a package costs for each card that has it.
type Price struct {
	Package string
	// Provider narrows the price to the packages of one provider block, or of all
	// blocks of a type where it names just the type; "" is any provider.
	Provider ProviderName
	Amount   Amount
	Currency string // as ISO 4217 writes it: "CNY"
	Per      Period
	Source   *Range
}

// PriceOf finds the price that holds for a package at a provider block: its
// own, else its type's, else the one that holds anywhere; nil where none is known.
func PriceOf(prices []Price, provider ProviderName, id string) *Price {
	var found *Price
	for i := range prices {
		p := &prices[i]
		if p.Package != id {
			continue
		}
		switch p.Provider {
		case provider:
			return p
		case ProviderName(provider.Type()):
			found = p
		case "":
			if found == nil {
				found = p
			}
		}
	}
	return found
}

// Period is how often a price is paid.
type Period string

// The periods.
const (
	PerDay     Period = "day"
	PerWeek    Period = "week"
	PerMonth   Period = "month"
	PerQuarter Period = "quarter"
	PerYear    Period = "year"
	Once       Period = "once"
)

// Periods lists them.
func Periods() []Period { return []Period{PerDay, PerWeek, PerMonth, PerQuarter, PerYear, Once} }

// Monthly turns what is paid in a period into what is paid in a month, which is
// a twelfth of a year of 365 days. What is paid once has no such amount: its
// factor is 1.
func (p Period) Monthly() *big.Rat {
	switch p {
	case PerDay:
		return big.NewRat(365, 12)
	case PerWeek:
		return big.NewRat(365, 84)
	case PerQuarter:
		return big.NewRat(1, 3)
	case PerYear:
		return big.NewRat(1, 12)
	default:
		return big.NewRat(1, 1)
	}
}

// Amount is an amount of money, in millionths of the currency's unit.
type Amount int64

const (
	millionths = 1_000_000
	hundredths = millionths / 100
	// MostOfPrice is the highest price, in units of its currency.
	MostOfPrice = 1_000_000_000
)

// NewAmount is an amount that is given in units; false where it is negative,
// above [MostOfPrice], or has more than six decimals.
func NewAmount(units *big.Float) (Amount, bool) {
	if units.Sign() < 0 || units.Cmp(big.NewFloat(MostOfPrice)) > 0 {
		return 0, false
	}
	scaled := new(big.Float).SetPrec(256).Mul(units, big.NewFloat(millionths))
	n, _ := new(big.Float).SetPrec(256).Add(scaled, big.NewFloat(0.5)).Int64()
	// Decimals have no exact binary form, so what is left over counts from a
	// billionth of a millionth on.
	rest := new(big.Float).Sub(scaled, new(big.Float).SetInt64(n))
	if rest.Abs(rest).Cmp(big.NewFloat(1e-9)) > 0 {
		return 0, false
	}
	return Amount(n), true
}

// Times is the amount for n cards and a factor, rounded half up to hundredths.
func (a Amount) Times(n int, factor *big.Rat) Amount {
	sum := new(big.Rat).SetInt64(int64(a))
	sum.Mul(sum, new(big.Rat).SetInt64(int64(n))).Mul(sum, factor)
	sum.Quo(sum, big.NewRat(hundredths, 1)).Add(sum, big.NewRat(1, 2))
	whole := new(big.Int).Div(sum.Num(), sum.Denom())
	return Amount(whole.Int64() * hundredths)
}

// String is the amount with two decimals, more where it has more: "3.50".
func (a Amount) String() string {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	text := fmt.Sprintf("%s%d.%06d", sign, a/millionths, a%millionths)
	cut := strings.TrimRight(text, "0")
	if least := len(text) - 4; len(cut) < least {
		cut = text[:least]
	}
	return cut
}

// MarshalJSON writes the amount as a number, digit by digit.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Amount) UnmarshalJSON(text []byte) error {
	s := strings.TrimPrefix(string(text), "-")
	x, _, err := big.ParseFloat(s, 10, 256, big.ToNearestEven)
	if err != nil {
		return fmt.Errorf("%.40q is no amount", text)
	}
	scaled, _ := x.Add(x.Mul(x, big.NewFloat(millionths)), big.NewFloat(0.5)).Int64()
	*a = Amount(scaled)
	if len(s) < len(text) {
		*a = -*a
	}
	return nil
}
