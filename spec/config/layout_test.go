package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// requireLaidOutAsHCLWrites lays a file out piece by piece and at once, and
// compares text and diagnostics.
func requireLaidOutAsHCLWrites(t require.TestingT, text string) {
	want, wantDiags := formatWhole([]byte(text), "main.fleet.hcl")
	got, gotDiags := Format([]byte(text), "main.fleet.hcl")
	require.Equal(t, string(want), string(got))
	require.Equal(t, wantDiags, gotDiags)
}

// drawnLines stand between and in blocks, with and without columns that lines
// next to them share.
var drawnLines = []string{
	"", "\n", "\n", "# a\n", "  # a \n", "\t// \"b\" \n", "//\n", "#\n", "card \"a\" {\n", "card \"b\" { # c\n", "  card   \"c\"   {\n", "}\n", "} # d\n", "  }   // e\n", "}\n\n", "removed { iccids=[] } # f\n", "removed {\n",
	"iccid=\"898600D6991330004146\"\n", "  imei   =   \"86153603019600\" # g\n", "  active = true\n", "packages=[\"a\",\"b\"]\n", "packages = [\n", "\"a\", # h\n", "  ]\n", "labels={city=\"hangzhou\"}\n", "labels = {\n", "a=\"1\"\n", "lifecycle{prevent_unbind=true}\n",
	"  imei = each.value . imei==\"\"?null:each.value.imei\n", "x = -1+ - 2\n", "y=f( \"a\",[ for x in[ 1 ]:x ]... )\n", "z = \"a ${ b } c\"\n", "w = \"\\\"\" # i\n", "q = \"杭州\" # é\n", "u = \"  two  spaces \"\n", "v=\"\"\n", "locals {\n", "h = <<EOT\n a = b\nEOT\n", "/* c */ k = 1\n",
}

// drawLines is a file of lines that are seldom balanced, or blocks that are.
func drawLines(t *rapid.T) string {
	var b strings.Builder
	for range rapid.IntRange(0, 5).Draw(t, "blocks") {
		b.WriteString(rapid.SampledFrom([]string{"", "\n", "# a\n", "  # b \n"}).Draw(t, "between"))
		b.WriteString(rapid.SampledFrom([]string{"card \"a\" {\n", "card   \"bb\"{ # c\n", "locals {\n", "removed {\n", "  card \"c\" {\n"}).Draw(t, "open"))
		for range rapid.IntRange(0, 4).Draw(t, "lines") {
			b.WriteString(rapid.SampledFrom(drawnLines[17:]).Draw(t, "line"))
		}
		b.WriteString(rapid.SampledFrom([]string{"}\n", "  }\n", "} # d\n", "}\n\n\n", "} // \"e\"\n", "}"}).Draw(t, "close"))
	}
	return b.String()
}

func TestPiecesAreLaidOutAsTheWholeFileIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { requireLaidOutAsHCLWrites(t, drawLines(t)) })
	rapid.Check(t, func(t *rapid.T) {
		requireLaidOutAsHCLWrites(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(drawnLines), 0, 12).Draw(t, "lines"), ""))
	})
	rapid.Check(t, func(t *rapid.T) { requireLaidOutAsHCLWrites(t, drawFile(t, 0)) })
}

// TestBlocksThatAreWrittenAlikeAreLaidOutOnce counts what hclwrite is asked.
func TestBlocksThatAreWrittenAlikeAreLaidOutOnce(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		b.WriteString("card \"c" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "\" {\n iccid=\"" + numberedICCID(i) + "\" # nr \"" + string(rune('a'+i%26)) + "\"\n}\n")
	}
	l := layout{}
	for block := range strings.SplitAfterSeq(b.String(), "}\n") {
		l.piece([]byte(block))
	}
	require.Len(t, l.known, 2, "the blocks, and what is behind the last")
	requireLaidOutAsHCLWrites(t, b.String())
}

func FuzzLayout(f *testing.F) {
	f.Add(contract)
	for _, line := range drawnLines {
		f.Add("card \"a\" {\n" + line + "}\ncard \"b\" {\n  " + line + "}\n")
		f.Add("card \"a\" {\n}\n" + line + "card \"b\" {\n}\n")
	}
	f.Fuzz(requireAlike)
}

func requireAlike(t *testing.T, text string) { requireLaidOutAsHCLWrites(t, text) }
