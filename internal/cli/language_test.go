package cli_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec/lang"
)

var updateEnglish = flag.Bool("update-english", false, "write testdata/english.txt anew: the sentences that stay in English")

// toldPackages are the packages whose sentences people read. Simulated carriers and
// what is for tests aren't among them, nor what stands in an editor.
var toldPackages = []string{
	"plan/render", "plan", "plan/signers", "apply", "internal/cli", "internal/cli/notify", "internal/run", "internal/workers", "internal/logs",
	"spec", "spec/config", "spec/config/expr", "spec/config/generate", "spec/config/internal/plain", "spec/file", "spec/table", "spec/table/xlsx",
	"state", "state/lines", "state/stored", "state/local", "state/http", "state/postgres", "state/s3", "state/seal",
	"providers", "providers/internal/alirpc", "providers/internal/carriercall", "providers/internal/carrierhttp", "providers/internal/lenient",
	"providers/aliyun", "providers/cmiot", "providers/described", "providers/linkcard", "providers/xuyu",
}

const englishHead = "# Texts of the source that stay in English: rare mistakes, whose summary is told, and what is for programs. See TestEachSentenceForPeopleIsInTheCatalogue.\n"

// Whoever adds a sentence translates it.
// testdata/english.txt has those that stay in English: rare mistakes, and what is for
// programs.
func TestEachSentenceForPeopleIsInTheCatalogue(t *testing.T) {
	known := strings.Join(formsOf(t, "../../spec/lang/zh.po"), "\n")
	zh, err := lang.Of("zh")
	require.NoError(t, err)
	var missing, untold []string
	left, err := os.ReadFile("testdata/english.txt")
	require.NoError(t, err)
	english := map[string]bool{}
	for line := range strings.Lines(string(left)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "# ") {
			english[line] = false
		}
	}
	for _, s := range sentences(t) {
		form := formOf(s.text)
		if isKnown(known, form) || isTold(zh, s.text) {
			continue
		}
		untold = append(untold, form)
		if _, listed := english[form]; listed {
			english[form] = true
			continue
		}
		missing = append(missing, fmt.Sprintf("%s: %s", s.place, form))
	}
	if *updateEnglish {
		slices.Sort(untold)
		require.NoError(t, os.WriteFile("testdata/english.txt", []byte(englishHead+strings.Join(slices.Compact(untold), "\n")+"\n"), 0o644))
		return
	}
	assert.Empty(t, missing, "give these sentences their entries in spec/lang/zh.po (CONTRIBUTING.md, \"Sentences for people\"), then go test ./spec/lang -update")
	for form, used := range english {
		assert.True(t, used, "testdata/english.txt lists a sentence that is told, or nowhere any more (-update-english writes it anew): %q", form)
	}
}

// isKnown reports whether the catalogue has a form, as a sentence, in one, or its parts each by
// itself, as a chain of errors is told. What the source puts together of parts stands in the
// catalogue as one sentence, so an argument may be more words.
func isKnown(known, form string) bool {
	if isPart(known, form) {
		return true
	}
	parts := betweenParts.Split(form, -1)
	return len(parts) > 1 && !slices.ContainsFunc(parts, func(part string) bool {
		part = strings.Trim(part, "_ .,:;/()")
		return part != "" && !isPart(known, part)
	})
}

var betweenParts = regexp.MustCompile(`[.:;?]_*(?: |$)| \(|\)|__+`)

func isPart(known, form string) bool {
	if strings.Contains(known, form) {
		return true
	}
	words := strings.Fields(strings.ReplaceAll(form, "_", " "))
	if len(words) < 4 {
		return false
	}
	loose := strings.ReplaceAll(regexp.QuoteMeta(form), "_", ".*")
	return regexp.MustCompile(loose).MatchString(known)
}

// isTold reports whether a text of the source is told whole, with samples for its
// arguments: what is left of English in it are commands to type.
func isTold(zh lang.Language, text string) bool {
	for _, sample := range []string{"Q", "7 cards", "stop", "card.x, 8986"} {
		said := argument.ReplaceAllStringFunc(text, func(verb string) string {
			switch verb[len(verb)-1] {
			case '%':
				return "%"
			case 'd':
				return "7"
			case 'q':
				return `"Q"`
			default:
				return sample
			}
		})
		told := zh.Lines(said)
		if told == said {
			told = zh.Word(said)
		}
		if told != said && !aSentence.MatchString(toBeTyped.ReplaceAllString(told, "")) {
			return true
		}
	}
	return false
}

var (
	argument  = regexp.MustCompile(`%(?:\[\d\])?[-+#0-9.]*[a-zA-Z%]`)
	toBeTyped = regexp.MustCompile(`cardfleet(?: -?[a-zA-Z]\S*)+|"[^"]*"|\{[^}]*\}|[\w.]+ = [\w.]+`)
)

// sentence is a text of the source.
type sentence struct{ place, text string }

// aSentence has two words at least. What has two capitals in it, or marks of other
// languages, is for programs.
var aSentence = regexp.MustCompile(`[A-Za-z]{2,}[,;:]? (?:[a-z]|%[a-z])`)

// sentences are the texts of the packages in the order of their places.
func sentences(t *testing.T) []sentence {
	t.Helper()
	var out []sentence
	for _, dir := range toldPackages {
		files, err := filepath.Glob(filepath.Join(repository, dir, "*.go"))
		require.NoError(t, err)
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				out = append(out, sentencesOf(t, name)...)
			}
		}
	}
	return out
}

func sentencesOf(t *testing.T, name string) []sentence {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, nil, 0)
	require.NoError(t, err)
	var out []sentence
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "UsageText" || key.Name == "Doc") {
				return false // commands to type, and what an editor shows of a setting
			}
		case *ast.CallExpr:
			if isPanic(n) || isHook(n) {
				return false // nobody is meant to read it
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				if text, err := strconv.Unquote(n.Value); err == nil && aSentence.MatchString(text) && !aQuery.MatchString(text) {
					at := set.Position(n.Pos())
					out = append(out, sentence{fmt.Sprintf("%s:%d", strings.TrimPrefix(filepath.ToSlash(at.Filename), repository+"/"), at.Line), text})
				}
			}
		}
		return true
	})
	return out
}

func isPanic(call *ast.CallExpr) bool {
	name, ok := call.Fun.(*ast.Ident)
	return ok && name.Name == "panic"
}

// isHook reports whether a call names a moment for a test that waits for it.
func isHook(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	return ok && f.Sel.Name == "step"
}

// aQuery is a text for a database.
var aQuery = regexp.MustCompile(`\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|SET|WHERE|FROM|AND|OR) `)

var (
	verbs     = regexp.MustCompile(`%(?:\[\d\])?[-+#0-9.]*[a-zA-Z]|\{~?[a-z][a-z0-9]*\}`)
	quotedArg = regexp.MustCompile(`"_"|“_”`)
)

// formOf is a text as catalogue and source have it alike: with its arguments as _.
func formOf(s string) string {
	s = verbs.ReplaceAllString(s, "_")
	s = strings.NewReplacer("`", "", "**", "", "\n", " ", "> ", "", "[!CAUTION]", "", "[!WARNING]", "").Replace(s)
	s = quotedArg.ReplaceAllString(s, "_")
	s = strings.Join(strings.Fields(s), " ")
	s = strings.Trim(s, " .:;,#()-…")
	return strings.ToLower(s)
}

// formsOf are the sentences of a catalogue.
func formsOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^msgid (".*")$`).FindAllStringSubmatch(string(text), -1) {
		id, err := strconv.Unquote(m[1])
		require.NoError(t, err)
		out = append(out, formOf(id))
	}
	slices.Sort(out)
	return out
}

func TestTheLanguageIsThatOfTheOptionThenOfTheVariableThenOfTheLocale(t *testing.T) {
	for name, c := range map[string]struct {
		env     map[string]string
		args    []string
		chinese bool
	}{
		"nothing says":                  {nil, nil, false},
		"the option":                    {nil, []string{"-lang=zh"}, true},
		"the option over the variable":  {map[string]string{"CARDFLEET_LANG": "zh"}, []string{"--lang", "en"}, false},
		"the variable":                  {map[string]string{"CARDFLEET_LANG": "zh_CN.UTF-8"}, nil, true},
		"the variable over the locale":  {map[string]string{"CARDFLEET_LANG": "en", "LANG": "zh_CN.UTF-8"}, nil, false},
		"the locale":                    {map[string]string{"LANG": "zh_CN.UTF-8"}, nil, true},
		"LC_ALL over LANG":              {map[string]string{"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, nil, false},
		"LC_MESSAGES over LANG":         {map[string]string{"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, nil, true},
		"a locale that isn't UTF-8":     {map[string]string{"LANG": "zh_CN.GBK"}, nil, false},
		"the locale of a runner":        {map[string]string{"CI": "true", "LANG": "zh_CN.UTF-8"}, nil, false},
		"the variable of a runner":      {map[string]string{"CI": "true", "CARDFLEET_LANG": "zh"}, nil, true},
		"the locale of somewhere else":  {map[string]string{"LANG": "fr_FR.UTF-8"}, nil, false},
		"what stands behind two dashes": {nil, []string{"--", "-lang=zh"}, false},
	} {
		r := newRig(t, &carriersim.World{})
		for k, v := range c.env {
			r.env[k] = v
		}
		ran := r.run(append([]string{"version", "-h"}, c.args...)...)
		r.want(0, ran)
		assert.Equal(t, c.chinese, strings.Contains(ran.out, "用法"), "%s:\n%s", name, ran.out)
	}
	r := newRig(t, &carriersim.World{})
	ran := r.run("plan", "-lang=fr")
	r.want(1, ran)
	assert.Contains(t, ran.errors, "-lang=fr names none of the languages that there are: en, zh.")
}

func TestInitIsToldInChinese(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	ran := r.want(0, r.run("init", "-lang=zh", "-provider=aliyun"))
	for _, told := range []string{"已写出：", "配置：aliyun、策略、2 张卡", "状态、计划和 CI 产物", "CI 用：设置方法见 docs/ci.md"} {
		assert.Contains(t, ran.out, told)
	}
	assert.Contains(t, ran.errors, "下一步：\n\n  cardfleet plan")
	assert.Contains(t, r.want(1, r.run("init", "-lang=zh", "-provider=aliyn")).errors, "main.fleet.hcl 已存在，init 不覆盖任何文件。")
}

// A character of Chinese takes two columns of a terminal.
func TestWhatTheStateSaysOfACardStandsInOneColumnInChinese(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.want(0, r.run("init", "-provider=aliyun"))
	r.want(0, r.run("apply", "-auto-approve"))
	lines := strings.Split(r.want(0, r.run("show", "-lang=zh")).out, "\n")
	for _, want := range []string{"  标签      city=hangzhou", "  imei      861536030196019（以配置为准纳管）", "  生命周期  active", "  运营商    正常"} {
		assert.Contains(t, lines, want)
	}
}

// What programs read is the same in each language, and so is what becomes of the cards.
func TestJSONIsTheSameInEachLanguage(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.write("main.fleet.hcl", "card \"a\" {\n  iccid = \"8986\"\n}\n")
	english, chinese := r.run("validate", "-json"), r.run("validate", "-json", "-lang=zh")
	r.want(1, english)
	r.want(1, chinese)
	assert.Equal(t, english.out, chinese.out)
	people := r.run("validate", "-lang=zh")
	r.want(1, people)
	assert.Contains(t, people.errors, "错误：ICCID 无效")
	assert.Contains(t, people.errors, "位置：main.fleet.hcl 第 2 行")
}
