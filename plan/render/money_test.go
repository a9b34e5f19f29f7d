package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
)

// Sums stand by provider and by label in every form, also where one provider has all of them.
func TestMoneyIsToldByProviderAndLabelInEveryForm(t *testing.T) {
	p := everyKind()
	p.Money = &plan.Money{
		Sums:      []plan.Sum{{Currency: "CNY", Adds: 35_000_000}},
		Providers: []plan.Sum{{Provider: aliyun, Currency: "CNY", Adds: 35_000_000}},
		Labels:    []plan.Sum{{Key: "city", Value: "hangzhou", Currency: "CNY", Adds: 35_000_000}},
	}
	adds := render.SumText(p.Money.Sums[0])
	assert.Contains(t, textOf(t, p), "Packages: "+adds+"\n  "+string(aliyun)+": "+adds+"\n  city=hangzhou: "+adds+"\n")
	var b bytes.Buffer
	require.NoError(t, render.Markdown(&b, p, render.MarkdownOptions{}))
	assert.Contains(t, b.String(), "- **This plan "+adds+"**\n- `"+string(aliyun)+"`: "+adds+"\n- `city=hangzhou`: "+adds+"\n")
	b.Reset()
	require.NoError(t, render.HTML(&b, p, render.HTMLOptions{}))
	money := section(b.String(), "money-title")
	for _, of := range []string{"This plan", string(aliyun), "city=hangzhou"} {
		assert.Contains(t, money, of)
	}
	b.Reset()
	require.NoError(t, render.JSON(&b, p, ""))
	for _, field := range []string{`"by_provider":[{"provider":"` + string(aliyun) + `"`, `"by_label":[{"label":"city"`} {
		assert.Contains(t, strings.Join(strings.Fields(b.String()), ""), field)
	}
}
