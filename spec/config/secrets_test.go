package config

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Parts and changes of a secret are in no list of secrets. Whatever goes wrong
// with them is said without them.
func TestNoErrorQuotesASecretAPartOfItOrWhatWasMadeOfIt(t *testing.T) {
	options := func(files map[string]string) Options {
		o := testOptions(writeFiles(t, files))
		o.Env = environment(map[string]string{
			"S": "-----BEGIN KEY-----\nMIIEsecretsecret\n\"x\"", "T": "user:hunter2-token", "J": `{"key": "hunter2-in-json"}`,
		})
		return o
	}
	for _, expression := range []string{
		`tonumber(env("S"))`, `parseint(env("S"), 10)`, `formatdate("YYYY", env("S"))`, `tonumber(upper(env("T")))`,
		`tonumber(split(":", env("T"))[1])`, `tonumber(jsondecode(env("J")).key)`, `tonumber(local.part[1])`, `tonumber(trimspace("${local.part[1]} "))`,
		`regex("${split(":", env("T"))[1]}(", "x")`, `[for p in split(":", env("T")) : tonumber(p)]`, `{ for p in [upper(env("T")), upper(env("T"))] : p => 1 }`,
		`templatefile("t.txt", {})`, `templatefile("v.txt", { v = env("T") })`, `tonumber(templatefile("plain.txt", {}))`, `jsondecode(env("S"))`, `timeadd(env("T"), "1h")`,
		`true ? tonumber(lower(env("T"))) : 1`, `index(["a"], env("T"))`, `tonumber(base64encode(env("T")))`,
	} {
		t.Run(expression, func(t *testing.T) {
			files := map[string]string{
				"main.fleet.hcl": "locals {\n  part = split(\":\", env(\"T\"))\n  n    = " + expression + "\n}\n",
				"t.txt":          `hi ${tonumber(upper(env("T")))}`, "v.txt": `hi ${tonumber(upper(v))}`, "plain.txt": `${upper(env("T"))}`,
			}
			c, diags := Load(options(files))
			require.Nil(t, c)
			require.True(t, diags.HasErrors())
			said := fmt.Sprintf("%+v", diags)
			for _, d := range diags {
				said += d.Summary + d.Detail + fmt.Sprintf("%+v", d.Snippet)
			}
			for _, part := range []string{"MIIE", "hunter2", "HUNTER2", "dXNlcjpodW50"} {
				assert.NotContains(t, said, part)
			}
		})
	}
}

func TestWhatIsNoSecretIsQuotedBesideOne(t *testing.T) {
	o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": "locals {\n  a = tonumber(\"plain-text\")\n  b = tonumber(nonsensitive(env(\"T\")))\n  c = [env(\"T\"), tonumber(\"second-text\")]\n}\n"}))
	o.Env = environment(map[string]string{"T": "no-secret-at-all"})
	_, diags := Load(o)
	said := fmt.Sprint(texts(diags))
	for _, word := range []string{"plain-text", "no-secret-at-all", "second-text"} {
		assert.Contains(t, said, word)
	}
}

func TestACredentialWithSomethingAroundItIsAnErrorThatDoesNotShowIt(t *testing.T) {
	for value, says := range map[string]string{`"hunter2-x\n"`: "newline", `" hunter2-x"`: "white space", `"'hunter2-x'"`: "quotes", `env("T")`: "newline"} {
		for _, block := range []string{
			"provider \"aliyun\" {\n  access_key_secret = %s\n}\n", "provider \"aliyun\" {\n  access_key_id = %s\n}\n",
			"fleet {\n  notify \"feishu\" {\n    url    = \"https://bot.example/hook/0123456789abcdef\"\n    secret = %s\n  }\n}\n",
			"fleet {\n  encryption {\n    passphrase = %s\n  }\n}\n",
		} {
			o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": fmt.Sprintf(block, value)}))
			o.Env = environment(map[string]string{"T": "hunter2-x\n"})
			_, diags := Load(o)
			require.Len(t, diags, 1, "%s\n%v", fmt.Sprintf(block, value), texts(diags))
			assert.Contains(t, diags[0].Detail, says)
			assert.NotNil(t, diags[0].Subject)
			assert.NotContains(t, diags[0].Detail, "hunter2")
		}
	}
}
