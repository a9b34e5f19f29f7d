package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

func TestATableThatIsMergedByUnionIsAWarning(t *testing.T) {
	const block = `
provider "aliyun" { endpoint = "simulator" }
card "bike" {
  from_csv = "data/bikes.csv"
  iccid    = each.value.iccid
}
card "car" {
  for_each = { for row in csvdecode(file("cars.csv")) : row.iccid => row }
  iccid    = each.value.iccid
}
`
	for name, row := range map[string]struct {
		files map[string]string
		named []string
	}{
		"none":            {nil, nil},
		"by name":         {map[string]string{".gitattributes": "*.csv text merge=union\n"}, []string{"data/bikes.csv", "cars.csv"}},
		"by path":         {map[string]string{".gitattributes": "# tables\n/data/*.csv merge=union\n"}, []string{"data/bikes.csv"}},
		"any folder":      {map[string]string{".gitattributes": "**/bikes.csv merge=union\n"}, []string{"data/bikes.csv"}},
		"other files":     {map[string]string{".gitattributes": "*.md merge=union\n/bikes.csv merge=union\n"}, nil},
		"taken back":      {map[string]string{".gitattributes": "*.csv merge=union\n*.csv -merge\n"}, nil},
		"nearer":          {map[string]string{".gitattributes": "*.csv merge=union\n", "data/.gitattributes": "bikes.csv merge=text\n"}, []string{"cars.csv"}},
		"quoted":          {map[string]string{".gitattributes": "\"cars.csv\" merge=union\n"}, []string{"cars.csv"}},
		"above the place": {map[string]string{"../.gitattributes": "*.csv merge=union\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, &carriersim.World{})
			r.dir = filepath.Join(r.dir, "repository")
			require.NoError(t, os.MkdirAll(filepath.Join(r.dir, "data"), 0o755))
			require.NoError(t, os.Mkdir(filepath.Join(r.dir, ".git"), 0o755))
			r.write("main.fleet.hcl", block)
			r.write("data/bikes.csv", "iccid\n89860617030017300008\n")
			r.write("cars.csv", "iccid\n89860617030017300016\n")
			for file, text := range row.files {
				r.write(file, text)
			}
			got := r.want(0, r.run("validate"))
			for _, table := range []string{"data/bikes.csv", "cars.csv"} {
				if slices.Contains(row.named, table) {
					assert.Contains(t, got.errors, "merge=union of "+table)
				} else {
					assert.NotContains(t, got.errors, "merge=union of "+table)
				}
			}
		})
	}
}
