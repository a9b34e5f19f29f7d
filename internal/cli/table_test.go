package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// workbook writes cells of sheets into a file, texts as texts.
func (r *rig) workbook(name string, sheets map[string][][]any) {
	r.t.Helper()
	f := excelize.NewFile()
	for sheet, rows := range sheets {
		_, err := f.NewSheet(sheet)
		require.NoError(r.t, err)
		for i, row := range rows {
			at, err := excelize.CoordinatesToCellName(1, i+1)
			require.NoError(r.t, err)
			require.NoError(r.t, f.SetSheetRow(sheet, at, &row))
		}
	}
	require.NoError(r.t, f.DeleteSheet("Sheet1"))
	require.NoError(r.t, f.SaveAs(filepath.Join(r.dir, name)))
}

func TestATableIsMadeOfWhatPeopleHandOver(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.workbook("导出.xlsx", map[string][][]any{
		"说明": {{"本表由平台导出"}},
		"卡": {{"物联网卡清单"}, {"卡号", "设备IMEI", "状态", "套餐"},
			{"89860617030017300016", 861536030200019, "停机", 10002}, {"8986061703001730000F", "", "在用", "10003"}},
	})
	got := r.want(0, r.run("table", "导出.xlsx"))
	assert.Equal(t, "iccid,imei,状态,套餐\n8986061703001730000,,在用,10003\n89860617030017300016,861536030200019,停机,10002\n", got.out)
	assert.Contains(t, got.errors, `导出.xlsx, sheet 卡: sheet "卡" is read, of 2`)
	assert.Contains(t, got.errors, `column "卡号" becomes iccid`)
	assert.Contains(t, got.errors, "the filler F behind 19 digits is dropped (1: row 4)")
	assert.Contains(t, got.errors, "ICCIDs may have lost digits")

	got = r.want(0, r.run("table", "导出.xlsx", "-columns=package=套餐", "-columns", "status=状态", "-out=cards.csv"))
	assert.Empty(t, got.out)
	assert.Contains(t, got.errors, "Wrote 2 cards to cards.csv.")
	assert.Equal(t, "iccid,imei,status,package\n8986061703001730000,,在用,10003\n89860617030017300016,861536030200019,停机,10002\n", r.read("cards.csv"))
	assert.Contains(t, r.want(1, r.run("table", "导出.xlsx", "-sheet=无")).errors, `has no sheet "无". Its sheets are`)
	assert.Contains(t, r.want(1, r.run("table", "导出.xlsx", "-columns=imei")).errors, "-columns wants NAME=THEIRS")
	assert.Contains(t, r.want(1, r.run("table")).errors, "No file")
	assert.Contains(t, r.want(1, r.run("table", "none.csv")).errors, "Read none.csv: no such file")
}

func TestATableThatIsThereIsWrittenOverOnlyWhenThatIsAgreedTo(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	const old = "iccid,imei,city\n89860617030017300008,861536030200001,hangzhou\n89860617030017300016,,ningbo\n"
	r.write("cards.csv", old)
	r.write("new.csv", "ICCID;IMEI\n89860617030017300008;861536030200019\n89860617030017300024;\n")
	got := r.want(1, r.run("table", "new.csv", "-out=cards.csv"))
	assert.Contains(t, got.out, "cards.csv changes:\n  + 89860617030017300024\n  ~ 89860617030017300008  imei: \"861536030200001\" -> \"861536030200019\"\n  - 89860617030017300016\n"+
		"1 card to add, 1 cell to change, 1 card to leave the table.\nCards that leave a table that is read leave the fleet. To keep them, name cards.csv among the files too.\n")
	assert.Contains(t, got.errors, "-auto-approve writes it")
	assert.Equal(t, old, r.read("cards.csv"))

	r.tty, r.in = true, "no\n"
	assert.Contains(t, r.want(1, r.run("table", "new.csv", "-out=cards.csv")).errors, "cards.csv is as it was.")
	assert.Equal(t, old, r.read("cards.csv"))
	require.NoError(t, os.Chmod(filepath.Join(r.dir, "cards.csv"), 0o640))
	r.in = "yes\n"
	r.want(0, r.run("table", "new.csv", "-out=cards.csv"))
	const now = "iccid,imei,city\n89860617030017300008,861536030200019,hangzhou\n89860617030017300024,,\n"
	assert.Equal(t, now, r.read("cards.csv"))
	info, err := os.Stat(filepath.Join(r.dir, "cards.csv"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())

	r.tty = false
	got = r.want(0, r.run("table", "new.csv", "-out=cards.csv"))
	assert.Contains(t, got.errors, "cards.csv is as it should be: 2 cards.")
	r.write("mess.csv", "\uFEFFiccid;city\r\n89860617030017300016;宁波\r\n")
	r.want(0, r.run("table", "mess.csv", "-out=mess.csv", "-auto-approve"))
	assert.Equal(t, "iccid,city\n89860617030017300016,宁波\n", r.read("mess.csv"))
	got = r.want(1, r.run("table", "mess.csv", "cards.csv", "-out=new.xlsx"))
	assert.Contains(t, got.errors, "ends with .csv")
}

func TestATableWithDigitsLostIsNotWritten(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.workbook("a.xlsx", map[string][][]any{"卡": {{"iccid"}, {8.986061703001730e19}, {8.986061703001731e19}}})
	got := r.want(1, r.run("table", "a.xlsx", "-out=cards.csv"))
	assert.Contains(t, got.errors, "Lost digits")
	assert.Contains(t, got.errors, "a.xlsx, sheet 卡, cell A2")
	assert.NoFileExists(t, filepath.Join(r.dir, "cards.csv"))
}
