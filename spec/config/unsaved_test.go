package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const unsavedFleet = `
provider "aliyun" { endpoint = "simulator" }

variable "package" { default = "10002" }

card "bike" {
  from_csv = "bikes.csv"
  iccid    = each.value.iccid
  packages = [var.package]
}
`

// What an editor has open counts in place of the file: configuration, tables and
// values of variables, those included that nobody saved yet.
func TestWhatAnEditorHasOpenTakesThePlaceOfFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.fleet.hcl"), []byte("broken {"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bikes.csv"), []byte("iccid\n"), 0o600))
	c, diags := Load(Options{Dir: dir, Schemas: testSchemas(), Unsaved: map[string][]byte{
		filepath.Join(dir, "main.fleet.hcl"):       []byte(unsavedFleet),
		filepath.Join(dir, "bikes.csv"):            []byte("iccid\n898600D6991330004146\n"),
		filepath.Join(dir, "x.auto.fleetvars.hcl"): []byte(`package = "10003"`),
		filepath.Join(dir, "more.fleet.hcl"):       []byte(`locals { city = "hangzhou" }`),
		filepath.Join(dir, "below", "x.fleet.hcl"): []byte(`nonsense`),
		filepath.Join(dir, ".#main.fleet.hcl"):     []byte(`nonsense`),
	}})
	require.False(t, diags.HasErrors(), "%v", diags)
	require.Len(t, c.Fleet.Cards, 1)
	assert.Equal(t, []string{"10003"}, c.Fleet.Cards[0].Packages)
}

func TestAMistakeInATableThatIsOpenIsShownAsItIsTyped(t *testing.T) {
	dir := t.TempDir()
	_, diags := Load(Options{Dir: dir, Schemas: testSchemas(), Unsaved: map[string][]byte{
		filepath.Join(dir, "main.fleet.hcl"): []byte(unsavedFleet),
		filepath.Join(dir, "bikes.csv"):      []byte("iccid\nnone\n"),
	}})
	require.Len(t, diags, 1)
	require.NotNil(t, diags[0].Subject)
	assert.Equal(t, "bikes.csv", diags[0].Subject.File)
	assert.Equal(t, 2, diags[0].Subject.Start.Line)
	assert.Contains(t, diags[0].Snippet.Code, "none")
}

// A load that is called off ends before it has read each block, and gives no
// configuration that could be taken for a whole one.
func TestALoadThatIsCalledOffEndsEarlyAndGivesNothing(t *testing.T) {
	const cards = 50
	dir := t.TempDir()
	text := `provider "aliyun" { endpoint = "simulator" }` + "\n"
	for i := range cards {
		text += "card \"c" + string(rune('A'+i%26)) + string(rune('a'+i/26)) + "\" { iccid = \"none\" }\n"
	}
	asked := 0
	stop := func() bool { asked++; return asked > 10 }
	c, diags := Load(Options{Dir: dir, Schemas: testSchemas(), Stop: stop,
		Unsaved: map[string][]byte{filepath.Join(dir, "main.fleet.hcl"): []byte(text)}})
	assert.Nil(t, c)
	assert.Less(t, len(diags), cards)
	assert.LessOrEqual(t, asked, 12, "it went on")
}

// Whoever adds a block or a setting adds it to what editors know, or this fails.
func TestTheShapeOfAConfigurationHasEachBlock(t *testing.T) {
	shape := ShapeOf(testSchemas(), testSchemas())
	for path, names := range map[string][]string{
		"card": {"iccid", "from_csv", "allow_empty"}, "variable": {"type", "nullable"}, "output": {"value"},
	} {
		b, ok := shape.Block(path)
		require.True(t, ok, path)
		var has []string
		for _, a := range b.Body.Attributes {
			has = append(has, a.Name)
		}
		assert.Subset(t, has, names)
	}
	fleet, _ := shape.Block("fleet")
	policy, _ := fleet.Body.Block("policy")
	limit, _ := policy.Body.Block("limit")
	assert.Contains(t, limit.ByLabel, "any")
	provider, _ := shape.Block("provider")
	assert.Contains(t, provider.ByLabel, "aliyun")
	locals, _ := shape.Block("locals")
	assert.True(t, locals.Body.Any)
	carriers := CarrierShape()
	require.Len(t, carriers.Blocks, 1)
	assert.True(t, carriers.Blocks[0].Body.Elsewhere)
}
