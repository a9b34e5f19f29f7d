package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// begin is a rig with an empty folder, and no credentials.
func begin(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, &carriersim.World{})
	r.env = map[string]string{}
	return r
}

func TestInitWritesAFleetThatValidatesPlansAndAppliesAtOnceForEachCarrier(t *testing.T) {
	for _, typ := range all.Types() {
		t.Run(typ.Schema.Type, func(t *testing.T) {
			r := begin(t)
			got := r.want(0, r.run("init", "-provider="+typ.Schema.Type+".first"))
			assert.Contains(t, got.out, "main.fleet.hcl")
			assert.Empty(t, r.want(0, r.run("fmt", "-check")).out, "it is laid out as fmt does")
			r.want(0, r.run("validate"))
			assert.Contains(t, r.want(0, r.run("plan")).out, "2 to adopt")
			r.want(0, r.run("apply", "-auto-approve"))
			assert.Contains(t, r.want(0, r.run("plan", "-detailed-exitcode")).out, "No changes.")
		})
	}
}

// The simulator serves all carriers, as for trials and CI.
func TestWhatInitWritesPlansAgainstTheSimulator(t *testing.T) {
	r := newRig(t, &carriersim.World{Open: true})
	r.want(0, r.run("init"))
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), `"simulator"`, `"`+r.url+`/aliyun"`, 1))
	assert.Contains(t, r.want(0, r.run("plan")).out, "2 to adopt")
}

func TestInitOverwritesNothingAndSaysWhatIsThere(t *testing.T) {
	r := begin(t)
	r.write(".gitignore", "*.state\nmine\n")
	got := r.want(0, r.run("init", "-ci=none"))
	assert.Equal(t, "*.state\nmine\n", r.read(".gitignore"))
	assert.Contains(t, got.out, "Kept, as it was there already:\n  .gitignore")
	assert.Contains(t, got.out, "Add to .gitignore: *.state.* *.fleetplan ")
	assert.NoFileExists(t, filepath.Join(r.dir, ".github"))

	r.write("main.fleet.hcl", "# mine\n")
	got = r.want(0, r.run("init"))
	assert.Equal(t, "# mine\n", r.read("main.fleet.hcl"))
	assert.Contains(t, got.out, ".github/workflows/ (4 files)")
	assert.Contains(t, r.want(0, r.run("init")).out, "Nothing to write.")
	for _, args := range [][]string{{"-from=cards.csv"}, {"-provider=aliyun"}} {
		assert.Contains(t, r.want(1, r.run(append([]string{"init"}, args...)...)).errors, "The folder has a configuration")
	}
}

func TestInitWritesTheWorkflowsOfThePlatform(t *testing.T) {
	r := begin(t)
	r.want(0, r.run("init"))
	for _, name := range []string{"cardfleet-plan.yml", "cardfleet-apply.yml", "cardfleet-check.yml", "cardfleet-drift.yml"} {
		want, err := os.ReadFile(filepath.Join(examplesCI, "github", name))
		require.NoError(t, err)
		assert.Equal(t, string(want), r.read(".github/workflows/"+name))
	}
	info, err := os.Stat(filepath.Join(r.dir, "ci/cardfleet/plan.sh"))
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&0o100, "scripts can be run")

	r = begin(t)
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, ".git"), 0o700))
	r.write(".git/config", "[remote \"origin\"]\n\turl = git@gitlab.com:fleet/cards.git\n")
	r.want(0, r.run("init"))
	assert.Contains(t, r.read(".gitlab-ci.yml"), "ci/cardfleet.gitlab-ci.yml")
	assert.FileExists(t, filepath.Join(r.dir, "ci/cardfleet.gitlab-ci.yml"))
	assert.NoFileExists(t, filepath.Join(r.dir, ".github"))

	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "fleet"), 0o700))
	assert.Contains(t, r.want(0, r.run("-chdir=fleet", "init")).out, r.dir+" is the repository")
	assert.Contains(t, r.want(1, r.run("-chdir=fleet", "init", "-ci=gitlb")).errors, "Did you mean gitlab?")
}

func TestInitRecognisesTheColumnsOfAList(t *testing.T) {
	r := begin(t)
	r.write("export.csv", "卡号;设备IMEI;城市;状态;active\r\n89860617030017300016;861536030196027;北京;正常;是\r\n89860617030017300008;;杭州;停机;1\r\n")
	got := r.want(0, r.run("init", "-provider=aliyun", "-from=export.csv", "-labels=city=城市", "-ci=none"))
	assert.Equal(t, "iccid,imei,active,city,状态\n89860617030017300008,,true,杭州,停机\n89860617030017300016,861536030196027,true,北京,正常\n", r.read("cards.csv"))
	assert.Contains(t, got.errors, "Columns: iccid, imei, active, city (a label).")
	assert.Contains(t, got.errors, "Unknown columns, which stay in cards.csv and mean nothing: 状态.")
	text := strings.Join(strings.Fields(r.read("main.fleet.hcl")), " ")
	assert.Contains(t, text, `imei = each.value.imei == "" ? null : each.value.imei`, "a cell that is blank is left alone")
	assert.Contains(t, text, `city = each.value.city`)
	assert.Contains(t, r.want(0, r.run("plan")).out, "2 to adopt")
}

func TestInitWritesALabelOfAnyNameSoThatItIsReadBack(t *testing.T) {
	r := begin(t)
	r.write("export.csv", "iccid,used for,in use\n89860617030017300008,gate,yes\n")
	r.want(0, r.run("init", "-provider=aliyun", "-from=export.csv", "-labels=for=used for,null=in use", "-ci=none"))
	r.want(0, r.run("validate"))
	assert.Contains(t, r.read("main.fleet.hcl"), `"for" = each.value.for`)
}

func TestInitReadsATableThatIsOneAsItIs(t *testing.T) {
	r := begin(t)
	const canonical = "iccid,imei\n89860617030017300008,861536030196019\n"
	r.write("bikes.csv", canonical)
	got := r.want(0, r.run("init", "-from=bikes.csv", "-provider=aliyun"))
	assert.Contains(t, got.errors, "bikes.csv is read as it is: 1 card.")
	assert.Contains(t, r.read("main.fleet.hcl"), `from_csv = "bikes.csv"`)
	assert.NoFileExists(t, filepath.Join(r.dir, "cards.csv"))

	r = begin(t)
	r.write("cards.csv", "iccid;imei\n89860617030017300008;861536030196019\n")
	r.want(0, r.run("init", "-from=cards.csv"))
	assert.Contains(t, r.read("main.fleet.hcl"), `from_csv = "fleet.csv"`)
	assert.Equal(t, canonical, r.read("fleet.csv"))
	assert.Contains(t, r.read("cards.csv"), ";", "the list is as it was")
}

func TestInitLeavesOutWhatTheCarrierCanDoNothingWith(t *testing.T) {
	r := begin(t)
	r.write("cards.csv", "iccid,imei\n89860617030017300008,861536030196019\n")
	got := r.want(0, r.run("init", "-from=cards.csv", "-provider=xuyu"))
	assert.Contains(t, got.errors, "Left out, since xuyu can neither read nor change it: imei.")
	assert.NotContains(t, r.read("main.fleet.hcl"), "imei")
	r.want(0, r.run("plan"))
}

func TestInitAsksForTheCarrierOnATerminalAlone(t *testing.T) {
	r := begin(t)
	r.tty, r.in = true, "telnyx\n"
	got := r.want(0, r.run("init"))
	assert.Contains(t, got.errors, "Which carrier are the cards of?")
	assert.Contains(t, r.read("main.fleet.hcl"), `provider "telnyx"`)

	r = begin(t)
	assert.NotContains(t, r.want(0, r.run("init")).errors, "Which carrier")
	assert.Contains(t, r.read("main.fleet.hcl"), `provider "aliyun"`)
}

func TestInitRefusesBeforeItWritesAnything(t *testing.T) {
	for args, want := range map[string]string{
		"-provider=aliyn": "Did you mean aliyun?", "-provider=aliyun.a/b": "an alias is a letter", "-from=none.csv": "none.csv", "-labels=a=b": "Name it",
		"-from=bad.csv": "Lost digits", "-from=two.csv -labels=imei=x": "a column of ours", "extra": "takes no argument",
	} {
		r := begin(t)
		r.write("bad.csv", "iccid\n8.98606E+19\n")
		r.write("two.csv", "iccid,x\n89860617030017300008,1\n")
		assert.Contains(t, r.want(1, r.run(append([]string{"init"}, strings.Fields(args)...)...)).errors, want, args)
		entries, err := os.ReadDir(r.dir)
		require.NoError(t, err)
		assert.Len(t, entries, 2, args)
	}
}
