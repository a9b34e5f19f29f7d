package table_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

// Whatever a file holds, it is refused, or becomes a table that is read again as
// it is: every ICCID in its one spelling, in order, and once.
func FuzzTables(f *testing.F) {
	for _, seed := range []string{
		canonical, "\uFEFF" + canonical, "卡号;设备IMEI\r\n" + cardA + ";" + imeiA + ".0\r\n", "sep=;\niccid;imei\n=\"" + cardA + "\";\n",
		"iccid\r" + cardA + "\r", "\xff\xfei\x00c\x00c\x00i\x00d\x00\n\x00", "iccid,imei\n\"" + cardA, "清单\n卡号\tIMEI\n8.9E+19\t\n合计\t1\n",
		"卡号,设备\n,IMEI\n" + cardA + "," + imeiA + "\n", "# x\n" + cardA + "\n", "\xba\xbc\xd6\xdd,iccid\n,\n", "PK\x03\x04", "iccid,active\n" + cardA + ",是\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table.Recognise(data).Cause()
		g, diags := table.FromText("a.csv", data)
		if diags.HasErrors() {
			return
		}
		made, diags := table.New([]*table.Grid{g}, table.Options{})
		if diags.HasErrors() {
			require.Nil(t, made)
			return
		}
		var out, again bytes.Buffer
		require.NoError(t, made.Write(&out))
		for i, row := range made.Rows {
			iccid, err := spec.ParseICCID(string(row.ICCID))
			require.NoError(t, err)
			require.Equal(t, row.ICCID, iccid)
			require.Equal(t, string(row.ICCID), row.Cells[0])
			require.True(t, i == 0 || made.Rows[i-1].ICCID < row.ICCID)
		}
		g, diags = table.FromText("b.csv", out.Bytes())
		require.Empty(t, diags)
		second, diags := table.New([]*table.Grid{g}, table.Options{})
		require.False(t, diags.HasErrors(), "%v\n%s", diags, &out)
		require.NoError(t, second.Write(&again))
		require.Equal(t, out.String(), again.String())
	})
}
