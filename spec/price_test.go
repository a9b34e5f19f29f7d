package spec_test

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

func units(t require.TestingT, text string) *big.Float {
	x, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	require.NoError(t, err)
	return x
}

func TestAnAmountIsExactlyWhatIsWritten(t *testing.T) {
	for _, text := range []string{"0.00", "3.50", "0.10", "0.000001", "19.99", "1000000000.00", "999999999.999999"} {
		a, ok := spec.NewAmount(units(t, text))
		require.True(t, ok, text)
		assert.Equal(t, text, a.String())
	}
	for _, text := range []string{"-0.01", "1000000000.01", "0.0000001", "1.0000005", "-1"} {
		_, ok := spec.NewAmount(units(t, text))
		assert.False(t, ok, text)
	}
}

func TestAnAmountIsReadAsItIsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := spec.Amount(rapid.Int64Range(-1e17, 1e17).Draw(rt, "amount"))
		text, err := json.Marshal(a)
		require.NoError(rt, err)
		var read spec.Amount
		require.NoError(rt, json.Unmarshal(text, &read))
		assert.Equal(rt, a, read, "%s", text)
	})
	var read spec.Amount
	assert.Error(t, json.Unmarshal([]byte(`"x"`), &read))
}

func TestWhatIsPaidInAPeriodIsPaidMonthly(t *testing.T) {
	for per, want := range map[spec.Period]string{
		spec.PerDay: "304.17", spec.PerWeek: "43.45", spec.PerMonth: "10.00", spec.PerQuarter: "3.33", spec.PerYear: "0.83", spec.Once: "10.00",
	} {
		a, ok := spec.NewAmount(units(t, "1"))
		require.True(t, ok)
		assert.Equal(t, want, a.Times(10, per.Monthly()).String(), per)
	}
	assert.Len(t, spec.Periods(), 6)
}

// Of many cards the sum is rounded, not each card's part.
func TestASumIsRoundedOnce(t *testing.T) {
	a, ok := spec.NewAmount(units(t, "0.001"))
	require.True(t, ok)
	assert.Equal(t, "3.00", a.Times(3000, spec.PerMonth.Monthly()).String())
	assert.Equal(t, "0.01", a.Times(5, spec.PerMonth.Monthly()).String(), "half is rounded up")
}

func TestAPackagesOwnPriceGoesBeforeItsTypesAndAnybodys(t *testing.T) {
	prices := []spec.Price{
		{Package: "1", Amount: 1}, {Package: "1", Provider: "aliyun", Amount: 2}, {Package: "1", Provider: "aliyun.a", Amount: 3}, {Package: "2", Provider: "xuyu", Amount: 4},
	}
	amount := func(provider spec.ProviderName, id string) spec.Amount {
		p := spec.PriceOf(prices, provider, id)
		if p == nil {
			return -1
		}
		return p.Amount
	}
	assert.Equal(t, spec.Amount(3), amount("aliyun.a", "1"))
	assert.Equal(t, spec.Amount(2), amount("aliyun.b", "1"))
	assert.Equal(t, spec.Amount(2), amount("aliyun", "1"))
	assert.Equal(t, spec.Amount(1), amount("xuyu", "1"))
	assert.Equal(t, spec.Amount(4), amount("xuyu.z", "2"))
	assert.Equal(t, spec.Amount(-1), amount("aliyun", "2"))
	assert.Equal(t, spec.Amount(-1), amount("aliyun", "3"))
}
