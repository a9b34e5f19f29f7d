package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// outputsOf loads a configuration and returns its outputs' values as JSON.
func outputsOf(t *testing.T, o Options) map[string]string {
	t.Helper()
	c, diags := Load(o)
	require.Empty(t, texts(diags))
	out, diags := c.Outputs(spec.Live{})
	require.Empty(t, texts(diags))
	values := map[string]string{}
	for _, x := range out {
		values[x.Name] = string(x.Value)
	}
	return values
}

// Each function of the language gives what Terraform's documentation says of it.
func TestFunctionsGiveWhatTerraformsDo(t *testing.T) {
	files := map[string]string{
		"notes.txt":         "hello",
		"rows.csv":          "a,b\n1,x\n2,\"y,z\"\n",
		"conf/a.yaml":       "a: 1\nb: [x, z]\n",
		"conf/deep/b.yaml":  "c: true\n",
		"conf/deep/c.other": "",
		"hello.tftpl":       "%{ for n in names ~}\nhi ${upper(n)};%{ endfor }",
	}
	for _, row := range []struct{ name, expression, want string }{
		{"file", `file("notes.txt")`, `"hello"`},
		{"fileexists", `[fileexists("notes.txt"), fileexists("nope")]`, `[true,false]`},
		{"fileset", `fileset(path.root, "conf/**/*.yaml")`, `["conf/a.yaml","conf/deep/b.yaml"]`},
		{"fileset_flat", `fileset("conf", "*.{yaml,yml}")`, `["a.yaml"]`},
		{"fileset_class", `fileset(".", "[!r]ote?.txt")`, `["notes.txt"]`},
		{"fileset_none", `fileset("nowhere", "*")`, `[]`},
		{"basename", `basename("foo/bar/baz.txt")`, `"baz.txt"`},
		{"dirname", `dirname("foo/bar/baz.txt")`, `"foo/bar"`},
		{"abspath", `endswith(abspath("x"), "/x")`, `true`},
		{"csvdecode", `csvdecode(file("rows.csv"))`, `[{"a":"1","b":"x"},{"a":"2","b":"y,z"}]`},
		{"csvdecode_empty", `csvdecode("a,b\n")`, `[]`},
		{"jsondecode", `jsondecode("{\"hello\": \"world\"}")`, `{"hello":"world"}`},
		{"jsonencode", `jsonencode({"hello"="world"})`, `"{\"hello\":\"world\"}"`},
		{"yamldecode", `yamldecode(file("conf/a.yaml"))`, `{"a":1,"b":["x","z"]}`},
		{"yamlencode", `yamlencode({a = 1})`, `"\"a\": 1\n"`},
		{"templatefile", `templatefile("hello.tftpl", { names = ["ann", "bob"] })`, `"hi ANN;hi BOB;"`},
		{"tomap", `tomap({"a" = 1, "b" = 2})`, `{"a":1,"b":2}`},
		{"toset", `toset(["c", "b", "b"])`, `["b","c"]`},
		{"tolist", `tolist(["a", "b", 3])`, `["a","b","3"]`},
		{"tonumber", `[tonumber("1"), tonumber(null)]`, `[1,null]`},
		{"tostring", `[tostring(1), tostring(true)]`, `["1","true"]`},
		{"tobool", `tobool("true")`, `true`},
		{"try", `[try({}.foo, "fallback"), try(1, 2)]`, `["fallback",1]`},
		{"can", `[can(path.root), can({}.foo)]`, `[true,false]`},
		{"merge", `merge({a="b", c="d"}, {e="f", c="z"})`, `{"a":"b","c":"z","e":"f"}`},
		{"lookup", `[lookup({a="ay", b="bee"}, "a", "what?"), lookup({a="ay"}, "c", "what?"), lookup(tomap({a="ay"}), "a")]`, `["ay","what?","ay"]`},
		{"keys", `keys({a=1, c=2, d=3})`, `["a","c","d"]`},
		{"values", `values({a=3, c=2, d=1})`, `[3,2,1]`},
		{"zipmap", `zipmap(["a", "b"], [1, 2])`, `{"a":1,"b":2}`},
		{"flatten", `flatten([["a", "b"], [], ["c"]])`, `["a","b","c"]`},
		{"concat", `concat(["a", ""], ["b", "c"])`, `["a","","b","c"]`},
		{"distinct", `distinct(["a", "b", "a", "c", "d", "b"])`, `["a","b","c","d"]`},
		{"setunion", `setunion(["a", "b"], ["b", "c"], ["d"])`, `["a","b","c","d"]`},
		{"setsubtract", `setsubtract(["a", "b", "c"], ["a", "c"])`, `["b"]`},
		{"setintersection", `setintersection(["a", "b"], ["b", "c"])`, `["b"]`},
		{"setproduct", `setproduct(["a"], ["x", "y"])`, `[["a","x"],["a","y"]]`},
		{"contains", `[contains(["a", "b", "c"], "a"), contains(["a", "b", "c"], "d")]`, `[true,false]`},
		{"length", `[length([]), length(["a", "b"]), length({"a" = "b"}), length("hello"), length("👾🕹️"), length(toset(["x"]))]`, `[0,2,1,5,2,1]`},
		{"coalesce", `[coalesce("a", "b"), coalesce("", "b"), coalesce(null, 1, 2)]`, `["a","b",1]`},
		{"coalescelist", `coalescelist([], ["c", "d"])`, `["c","d"]`},
		{"compact", `compact(["a", "", "b", null, "c"])`, `["a","b","c"]`},
		{"element", `[element(["a", "b", "c"], 1), element(["a", "b", "c"], 3)]`, `["b","a"]`},
		{"slice", `slice(["a", "b", "c", "d"], 1, 3)`, `["b","c"]`},
		{"sort", `sort(["e", "d", "a", "x"])`, `["a","d","e","x"]`},
		{"reverse", `reverse([1, 2, 3])`, `[3,2,1]`},
		{"range", `[range(3), range(1, 4), range(1, 8, 2)]`, `[[0,1,2],[1,2,3],[1,3,5,7]]`},
		{"chunklist", `chunklist(["a", "b", "c", "d", "e"], 2)`, `[["a","b"],["c","d"],["e"]]`},
		{"split", `[split(",", "foo,bar,baz"), split(",", "")]`, `[["foo","bar","baz"],[""]]`},
		{"join", `join(", ", ["foo", "bar", "baz"])`, `"foo, bar, baz"`},
		{"replace", `[replace("1 + 2 + 3", "+", "-"), replace("hello world", "/w.*d/", "everybody"), replace("ab", "/(a)(b)/", "$2$1")]`, `["1 - 2 - 3","hello everybody","ba"]`},
		{"regex", `[regex("[a-z]+", "53453453.345345aaabbbccc23454"), regex("(?P<y>\\d+)-(?P<m>\\d+)", "2019-02").y]`, `["aaabbbccc","2019"]`},
		{"regexall", `[length(regexall("[a-z]+", "1234abcd5678efgh9")), length(regexall("[a-z]+", "123"))]`, `[2,0]`},
		{"trim", `[trim("?!hello?!", "!?"), trim("foobar", "far")]`, `["hello","oob"]`},
		{"trimspace", `trimspace("  hello\n\n")`, `"hello"`},
		{"trimprefix", `trimprefix("helloworld", "hello")`, `"world"`},
		{"trimsuffix", `trimsuffix("helloworld", "world")`, `"hello"`},
		{"lower", `lower("HELLO")`, `"hello"`},
		{"upper", `upper("hello")`, `"HELLO"`},
		{"title", `title("hello world")`, `"Hello World"`},
		{"format", `[format("Hello, %s!", "Ander"), format("%03d", 7), format("%.1f", 2.25)]`, `["Hello, Ander!","007","2.2"]`},
		{"formatlist", `formatlist("Hello, %s!", ["Valentina", "Ander"])`, `["Hello, Valentina!","Hello, Ander!"]`},
		{"substr", `[substr("hello world", 1, 4), substr("hello world", -5, -1)]`, `["ello","world"]`},
		{"startswith", `[startswith("hello world", "hello"), startswith("hello world", "world")]`, `[true,false]`},
		{"endswith", `[endswith("hello world", "world"), endswith("hello world", "hello")]`, `[true,false]`},
		{"strcontains", `strcontains("hello world", "wor")`, `true`},
		{"strrev", `strrev("hello")`, `"olleh"`},
		{"chomp", `chomp("hello\n")`, `"hello"`},
		{"indent", `indent(2, "a\nb")`, `"a\n  b"`},
		{"formatdate", `formatdate("DD MMM YYYY hh:mm ZZZ", "2018-01-02T23:12:01Z")`, `"02 Jan 2018 23:12 UTC"`},
		{"timeadd", `timeadd("2017-11-22T00:00:00Z", "10m")`, `"2017-11-22T00:10:00Z"`},
		{"timestamp", `timestamp()`, `"2026-11-20T08:30:00Z"`},
		{"sha256", `sha256("hello world")`, `"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"`},
		{"sha1", `sha1("hello world")`, `"2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"`},
		{"sha512", `substr(sha512("hello world"), 0, 8)`, `"309ecc48"`},
		{"md5", `md5("hello world")`, `"5eb63bbbe01eeed093cb22bb8f5acdc3"`},
		{"base64encode", `base64encode("Hello World")`, `"SGVsbG8gV29ybGQ="`},
		{"base64decode", `base64decode("SGVsbG8gV29ybGQ=")`, `"Hello World"`},
		{"min", `min(12, 54, 3)`, `3`},
		{"max", `max([12, 54, 3]...)`, `54`},
		{"sum", `[sum([10, 13, 6, 4.5]), sum(["1", 2])]`, `[33.5,3]`},
		{"abs", `[abs(23), abs(-12.4)]`, `[23,12.4]`},
		{"ceil", `[ceil(5), ceil(5.1)]`, `[5,6]`},
		{"floor", `[floor(5), floor(4.9)]`, `[5,4]`},
		{"pow", `pow(3, 2)`, `9`},
		{"log", `log(16, 2)`, `4`},
		{"signum", `[signum(-13), signum(0), signum(344)]`, `[-1,0,1]`},
		{"parseint", `[parseint("100", 10), parseint("FF", 16), parseint("1011111011101111", 2)]`, `[100,255,48879]`},
		{"index", `index(["a", "b", "c"], "b")`, `1`},
		{"one", `[one([]), one(["hello"]), one(toset(["x"]))]`, `[null,"hello","x"]`},
		{"alltrue", `[alltrue(["true", true]), alltrue([true, false]), alltrue([]), alltrue([null])]`, `[true,false,true,false]`},
		{"anytrue", `[anytrue(["true"]), anytrue([true, false]), anytrue([]), anytrue([null])]`, `[true,true,false,false]`},
		{"sensitive", `nonsensitive(sensitive("x"))`, `"x"`},
		{"issensitive", `[issensitive(sensitive("x")), issensitive("x")]`, `[true,false]`},
		{"nonsensitive", `nonsensitive(env("CITY"))`, `"hangzhou"`},
		{"env", `issensitive(env("CITY"))`, `true`},
		{"env_missing", `try(env("NOPE"), "none")`, `"none"`},
		{"path_root", `path.root`, `"."`},
		{"path_cwd", `path.cwd`, `"/work"`},
		{"for", `{ for s in ["a", "b"] : s => upper(s) if s != "b" }`, `{"a":"A"}`},
		{"splat", `[{n=1}, {n=2}][*].n`, `[1,2]`},
		{"template", `"%{ if true }yes%{ else }no%{ endif } ${1 + 1}"`, `"yes 2"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := map[string]string{"main.fleet.hcl": "output \"x\" {\n  value = " + row.expression + "\n}\n"}
			for name, text := range files {
				config[name] = text
			}
			o := testOptions(writeFiles(t, config))
			o.Env = environment(map[string]string{"CITY": "hangzhou"})
			assert.Equal(t, row.want, outputsOf(t, o)["x"])
		})
	}
}

func TestFunctionsSayWhatIsWrong(t *testing.T) {
	for _, row := range []struct{ expression, want string }{
		{`file("nope.txt")`, `no file exists at "nope.txt"`},
		{`file("bad.bin")`, `contents of "bad.bin" are not valid UTF-8`},
		{`fileexists("conf")`, `"conf" is a directory, not a file`},
		{`fileset(".", "[a")`, `has a [ without its ]`},
		{`fileset(".", "{a")`, `has a { without its }`},
		{`env("NOPE")`, `the environment variable NOPE is not set`},
		{`one(["a", "b"])`, `with either zero or one elements`},
		{`index(["a"], "b")`, `item not found`},
		{`index([], "b")`, `cannot search an empty list`},
		{`index("b", "b")`, `argument must be a list or tuple`},
		{`sum([])`, `cannot sum an empty list`},
		{`sum(["x"])`, `number values`},
		{`sum({a = 1})`, `argument must be list, set, or tuple of numbers`},
		{`lookup({a = 1}, "b")`, `the given object has no attribute "b"`},
		{`lookup(tomap({a = 1}), "b")`, `the given map has no element "b"`},
		{`lookup("x", "b")`, `lookup() requires a map`},
		{`lookup({}, "b", 1, 2)`, `two or three arguments`},
		{`coalesce("", null)`, `no non-null, non-empty-string arguments`},
		{`coalesce([], {})`, `all arguments must have the same type`},
		{`length(1)`, `argument must be a string, a collection type, or a structural type`},
		{`base64decode("!")`, `it is not valid base64`},
		{`base64decode("/w==")`, `not valid UTF-8`},
		{`replace("a", "/(/", "")`, `error parsing regexp`},
		{`csvdecode("")`, `missing header line`},
		{`csvdecode("a,a\n")`, `duplicate column name "a"`},
		{`csvdecode("a,b\n1\n")`, `CSV parse error on line 2`},
		{`templatefile("conf/x.tpl", "x")`, `must be a map`},
		{`templatefile("conf/x.tpl", {"a b" = 1})`, `invalid template variable name`},
		{`templatefile("conf/x.tpl", {})`, `no variable named "who"`},
		{`uper("x")`, `There is no function named "uper". Did you mean "upper"?`},
	} {
		t.Run(row.expression, func(t *testing.T) {
			diags := mistakes(t, map[string]string{
				"main.fleet.hcl": "output \"x\" {\n  value = " + row.expression + "\n}\n",
				"bad.bin":        "\xff\xfe",
				"conf/x.tpl":     "hi ${who}",
			})
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Contains(t, diags[0].Detail, row.want)
			assert.Equal(t, 2, diags[0].Subject.Start.Line)
			assert.Equal(t, `output "x"`, diags[0].Snippet.Context)
		})
	}
}
