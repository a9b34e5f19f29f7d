package xlsx_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/cardfleet/cardfleet/spec/table"
	"github.com/cardfleet/cardfleet/spec/table/xlsx"
)

// large is a workbook of so many cards.
func large(t testing.TB, n int) []byte {
	t.Helper()
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	require.NoError(t, err)
	require.NoError(t, w.SetRow("A1", []any{"卡号", "设备IMEI", "状态", "套餐", "激活时间", "备注"}))
	for i := range n {
		require.NoError(t, w.SetRow(fmt.Sprintf("A%d", i+2), []any{fmt.Sprintf("8986061703%09d1", i), fmt.Sprintf("86153603%06d1", i), "在用", 10002, 45000.5, fmt.Sprintf("车辆%d", i)}))
	}
	require.NoError(t, w.Flush())
	out, err := f.WriteToBuffer()
	require.NoError(t, err)
	return out.Bytes()
}

// inUse is the memory of the heap that is in use.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Under the race detector, which makes it some fifteen times as slow, the rows
// are a tenth.
func TestAHundredThousandRowsFitInto300MiB(t *testing.T) {
	data := large(t, cards)
	runtime.GC()
	before, most, calls := inUse(), uint64(0), 0
	g, diags := xlsx.Read("a.xlsx", data, xlsx.Options{Progress: func(done, total int) {
		calls++
		most = max(most, inUse())
		assert.LessOrEqual(t, done, total)
		assert.Equal(t, cards+1, total)
	}})
	require.Empty(t, diags)
	most = max(most, inUse())
	made, diags := table.New([]*table.Grid{g}, table.Options{})
	require.False(t, diags.HasErrors(), "%v", diags)
	most = max(most, inUse())
	assert.Len(t, made.Rows, cards)
	assert.Greater(t, calls, cards/2000)
	assert.Less(t, most-before, uint64(300<<20), "it took %d MiB", (most-before)>>20)
}

func TestCellsAreReadAsTheyAreAndOthersAsPeopleSeeThem(t *testing.T) {
	f := excelize.NewFile()
	for i, row := range [][]any{
		{"iccid", "imei", "激活日期", "编号", "地市"},
		{"89860617030017300008", 861536030200001, 45987, 7, "杭州"},
		{"89860617030017300016", "861536030200019", 45988, 12, nil},
	} {
		require.NoError(t, f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row))
	}
	format := "000"
	date, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	require.NoError(t, err)
	zeros, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
	require.NoError(t, err)
	require.NoError(t, f.SetCellStyle("Sheet1", "C2", "C3", date))
	require.NoError(t, f.SetCellStyle("Sheet1", "D2", "D3", zeros))
	require.NoError(t, f.MergeCell("Sheet1", "E2", "E3"))
	require.NoError(t, f.SetRowVisible("Sheet1", 3, false))
	data, err := f.WriteToBuffer()
	require.NoError(t, err)

	g, diags := xlsx.Read("a.xlsx", data.Bytes(), xlsx.Options{})
	require.Empty(t, diags)
	made, diags := table.New([]*table.Grid{g}, table.Options{})
	require.Empty(t, diags)
	var out bytes.Buffer
	require.NoError(t, made.Write(&out))
	assert.Equal(t, "iccid,imei,激活日期,编号,地市\n89860617030017300008,861536030200001,2025-11-26,007,杭州\n89860617030017300016,861536030200019,2025-11-27,012,杭州\n", out.String())
	var notes []string
	for _, n := range g.Notes {
		notes = append(notes, fmt.Sprint(n.What, n.Rows))
	}
	assert.Equal(t, []string{"hidden rows are read too[3]", "merged cells give each of their rows their value[2 3]"}, notes)
}

// A number of more than 15 digits reads differently by the Go type that wrote
// it, unless it is read raw: as a whole number it is all there, and as a double it
// isn't, whatever digits stand in the workbook.
func TestNumbersOfMoreThan15DigitsAreTakenWholeOrNotAtAll(t *testing.T) {
	read := func(values ...any) (*table.Grid, bool) {
		f := excelize.NewFile()
		for i, v := range append([]any{"iccid"}, values...) {
			require.NoError(t, f.SetCellValue("Sheet1", fmt.Sprintf("A%d", i+1), v))
		}
		data, err := f.WriteToBuffer()
		require.NoError(t, err)
		g, diags := xlsx.Read("a.xlsx", data.Bytes(), xlsx.Options{})
		require.Empty(t, diags)
		_, diags = table.New([]*table.Grid{g}, table.Options{})
		return g, !diags.HasErrors()
	}
	g, whole := read(uint64(8986061703001730012))
	assert.True(t, whole)
	assert.Equal(t, "8986061703001730012", g.Rows[1].Cells[0])
	_, whole = read(uint64(8986061703001730012), uint64(8986061703001730048), uint64(8986061703001731000))
	assert.True(t, whole, "some end so by nature")
	for _, n := range []float64{8986061703001730012, 89860617030017300390, 89860617030017300008} {
		_, whole = read(n)
		assert.False(t, whole, "%f", n)
		_, whole = read(n, n+100_000)
		assert.False(t, whole, "%f", n)
	}
}
