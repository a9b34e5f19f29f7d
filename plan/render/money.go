package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// labelsShown is how many labels' sums a text shows.
const labelsShown = 10

// SumText says what is added and saved a month, and paid once: "adds 35.00 CNY
// and saves 3.50 CNY a month".
func SumText(s plan.Sum) string {
	var parts []string
	if s.Adds > 0 || s.Saves == 0 && s.Once == 0 {
		parts = append(parts, "adds "+money(s.Adds, s.Currency))
	}
	if s.Saves > 0 {
		parts = append(parts, "saves "+money(s.Saves, s.Currency))
	}
	monthly := strings.Join(parts, " and ")
	if monthly != "" {
		monthly += " a month"
	}
	if s.Once == 0 {
		return monthly
	}
	once := "costs " + money(s.Once, s.Currency) + " once"
	if monthly == "" {
		return once
	}
	return monthly + ", and " + once
}

// money is an amount with its currency: "12,345.50 CNY".
func money(a spec.Amount, currency string) string {
	text := a.String()
	point := strings.IndexByte(text, '.')
	whole := text[:point]
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole + text[point:] + " " + currency
}

// sumOf names what a sum is of, and says it.
func sumOf(s plan.Sum) (of, text string) {
	switch {
	case s.Key != "":
		of = s.Key + "=" + s.Value
	case s.Provider != "":
		of = string(s.Provider)
	default:
		of = "Packages"
	}
	return of, SumText(s)
}

// UnpricedText says which packages have no price.
func UnpricedText(u plan.Unpriced) string {
	var parts []string
	if u.Adds > 0 {
		parts = append(parts, count(u.Adds, "card gets it", "cards get it"))
	}
	if u.Ends > 0 {
		parts = append(parts, count(u.Ends, "card loses it", "cards lose it"))
	}
	return fmt.Sprintf("No price is known of package %s at %s: %s, which the sums leave out.", u.Package, u.Provider, strings.Join(parts, ", "))
}

// moneyLines are the lines about money: the sums of the plan; those of its parts,
// the less important last; and what isn't in them.
func moneyLines(m *plan.Money) (all, parts []plan.Sum, besides []string) {
	if m == nil {
		return nil, nil, nil
	}
	parts = slices.Concat(m.Providers, m.Labels)
	for _, u := range m.Unpriced {
		besides = append(besides, UnpricedText(u))
	}
	if m.Unknown > 0 {
		besides = append(besides, fmt.Sprintf("It isn't known which packages %s, whose account is closed; the sums leave them out.", plural(m.Unknown, "1 card has", Thousands(m.Unknown)+" cards have")))
	}
	for _, key := range m.Many {
		besides = append(besides, fmt.Sprintf("The label %s has too many values for sums by it.", key))
	}
	return m.Sums, parts, besides
}

// money says what the plan adds and saves.
func (t *text) money(m *plan.Money) {
	all, parts, besides := moneyLines(m)
	for _, s := range all {
		of, said := sumOf(s)
		t.entry("", 2, t.style.Bold(of)+": "+said)
	}
	shown := parts
	if len(parts) > labelsShown+1 {
		shown = parts[:labelsShown]
	}
	for _, s := range shown {
		of, said := sumOf(s)
		t.entry("  ", 4, safe.Text(of)+": "+said)
	}
	if left := len(parts) - len(shown); left > 0 {
		t.entry("  ", 4, fmt.Sprintf("… and %s; show -json has them all", count(left, "more sum", "more sums")))
	}
	said := besides
	if len(besides) > labelsShown+1 {
		said = besides[:labelsShown]
	}
	for _, s := range said {
		t.entry(t.style.symbol("#")+" ", 2, safe.Text(s))
	}
	if left := len(besides) - len(said); left > 0 {
		t.entry(t.style.symbol("#")+" ", 2, fmt.Sprintf("… and %s without a price; show -json has them all", count(left, "more package", "more packages")))
	}
	if len(all)+len(besides) > 0 {
		t.line("")
	}
}

// moneyMarkdown is the part of the comment about money: room is how many lines it may have.
func moneyMarkdown(m *plan.Money, room int) string {
	all, parts, besides := moneyLines(m)
	if len(all)+len(besides) == 0 {
		return ""
	}
	var lines []string
	for _, s := range all {
		_, said := sumOf(s)
		lines = append(lines, "**This plan "+said+"**")
	}
	for _, s := range besides {
		lines = append(lines, prose(s))
	}
	for _, s := range parts {
		of, said := sumOf(s)
		lines = append(lines, clippedCode(of, 60)+": "+said)
	}
	if left := len(lines) - room; left > 1 {
		lines = append(lines[:room], "… and "+count(left, "more line", "more lines"))
	}
	return "### Money\n\n- " + strings.Join(lines, "\n- ") + "\n\n"
}

// moneyHTML are the rows of the page's table about money.
type moneyHTML struct {
	Rows    []moneyRow
	Besides []string
}

type moneyRow struct{ Of, Adds, Saves, Once string }

func moneyPage(m *plan.Money) *moneyHTML {
	all, parts, besides := moneyLines(m)
	if len(all)+len(besides) == 0 {
		return nil
	}
	out := &moneyHTML{Besides: besides}
	for _, s := range append(all[:len(all):len(all)], parts...) {
		of, _ := sumOf(s)
		if of == "Packages" && s.Key == "" && s.Provider == "" {
			of = "This plan"
		}
		row := moneyRow{Of: of, Adds: money(s.Adds, s.Currency), Saves: money(s.Saves, s.Currency)}
		if s.Once > 0 {
			row.Once = money(s.Once, s.Currency)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// MoneyJSON is what programs read of a plan's money. Amounts are decimals.
type MoneyJSON struct {
	Sums      []sumJSON      `json:"sums"`
	Providers []sumJSON      `json:"by_provider"`
	Labels    []sumJSON      `json:"by_label"`
	Unpriced  []unpricedJSON `json:"without_price"`
	Unknown   int            `json:"cards_with_unknown_packages"`
	Many      []string       `json:"labels_with_too_many_values,omitempty"`
}

type sumJSON struct {
	Provider spec.ProviderName `json:"provider,omitempty"`
	Label    string            `json:"label,omitempty"`
	Value    *string           `json:"value,omitempty"`
	Currency string            `json:"currency"`
	Adds     spec.Amount       `json:"adds_per_month"`
	Saves    spec.Amount       `json:"saves_per_month"`
	Once     spec.Amount       `json:"once"`
}

type unpricedJSON struct {
	Provider spec.ProviderName `json:"provider"`
	Package  string            `json:"package"`
	Adds     int               `json:"adds"`
	Ends     int               `json:"ends"`
}

// MoneyOf is what programs read of a plan's money; nil where there is none.
func MoneyOf(m *plan.Money) *MoneyJSON {
	if m == nil {
		return nil
	}
	out := &MoneyJSON{Sums: sumsJSON(m.Sums), Providers: sumsJSON(m.Providers), Labels: sumsJSON(m.Labels), Unpriced: []unpricedJSON{}, Unknown: m.Unknown, Many: m.Many}
	for _, u := range m.Unpriced {
		out.Unpriced = append(out.Unpriced, unpricedJSON(u))
	}
	return out
}

func sumsJSON(sums []plan.Sum) []sumJSON {
	out := make([]sumJSON, 0, len(sums))
	for _, s := range sums {
		row := sumJSON{Provider: s.Provider, Label: s.Key, Currency: s.Currency, Adds: s.Adds, Saves: s.Saves, Once: s.Once}
		if s.Key != "" {
			row.Value = &s.Value
		}
		out = append(out, row)
	}
	return out
}
