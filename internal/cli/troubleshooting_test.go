package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// The page for whoever is on call is looked through with the words that the program
// printed, so each of its messages is one that the program has.
func TestEachMessageOfTroubleshootingIsOneThatTheProgramHas(t *testing.T) {
	said := everythingSaid(t)
	for _, m := range troubleshooting(t) {
		assert.True(t, said.has(m.text), "docs/troubleshooting.md line %d: nothing says %q any more", m.line, m.text)
	}
}

// A message that nobody could tell from another one would pass whatever the program
// says, and a row without a message would be passed over.
func TestTroubleshootingQuotesEnoughToFindAMessageBy(t *testing.T) {
	messages := troubleshooting(t)
	assert.Greater(t, len(messages), 60)
	seen := map[string]int{}
	for _, m := range messages {
		assert.Greater(t, len(strings.Fields(strings.ReplaceAll(m.text, "…", " "))), 1, "line %d: %q is too short to be found by", m.line, m.text)
		assert.Zero(t, seen[m.text], "line %d: %q stands on line %d already", m.line, m.text, seen[m.text])
		seen[m.text] = m.line
	}
}

// What isn't said, or is said in another order, with other words between or in a test
// alone, isn't found.
func TestAMessageThatIsGoneIsNotFound(t *testing.T) {
	said := everythingSaid(t)
	require.True(t, said.has("The state is locked by another run"))
	require.True(t, said.has("the state is locked by … since …"), "with what varies")
	for _, gone := range []string{
		"The state is locked by nobody", "the state is locked since … by …", "the state is locked by alice since …",
		"a message that the tests alone have",
	} {
		assert.False(t, said.has(gone), gone)
	}
}

// The steps of both pages name commands in their sentences, and in blocks that belong
// to a step.
func TestTheCommandsInTheStepsOfTheOnCallPagesExist(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	n := 0
	for _, name := range []string{"docs/troubleshooting.md", "docs/operations.md"} {
		for _, m := range regexp.MustCompile("`(cardfleet [^`\n]+)`|(?m:^ +(cardfleet .*)$)").FindAllStringSubmatch(readPage(t, name).text, -1) {
			for _, words := range commands(m[1] + m[2]) {
				n++
				checkCommand(t, r, name, words)
			}
		}
	}
	assert.Greater(t, n, 20)
}

// quotedMessage is a message as the page has it, with … for what varies.
type quotedMessage struct {
	text string
	line int
}

// troubleshooting are the messages of the page: the code in the first column of its
// tables. Each row has one or more.
func troubleshooting(t *testing.T) []quotedMessage {
	t.Helper()
	var out []quotedMessage
	for i, line := range strings.Split(readPage(t, "docs/troubleshooting.md").text, "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| message |") || strings.HasPrefix(line, "| --- |") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], " | ")
		spans := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1)
		assert.NotEmpty(t, spans, "line %d: a row begins with its message", i+1)
		for _, m := range spans {
			out = append(out, quotedMessage{m[1], i + 1})
		}
	}
	return out
}

// speech is all that the program may say, a text a line, with … for what varies.
type speech string

// has reports whether one text has all of the message, whose first letter may be a
// capital where the text begins a line of its own.
func (s speech) has(message string) bool {
	message = strings.Trim(message, "… ")
	first, size := utf8.DecodeRuneInString(message)
	return strings.Contains(string(s), message) || strings.Contains(string(s), string(unicode.ToLower(first))+message[size:])
}

// standIns are what stands for a value in a text of fmt, and in one of the catalogue.
var standIns = regexp.MustCompile(`%(?:\[\d+\])?[-+#0 ]*[\d.]*[a-zA-Z]|\{[~]?[a-z]+\d?\}`)

// everythingSaid are the texts in the program's sources, and the sentences of the
// English catalogue. What simulated carriers and tests say isn't the program's.
func everythingSaid(t *testing.T) speech {
	t.Helper()
	var all strings.Builder
	add := func(text string) {
		text = strings.ReplaceAll(text, "%%", "%")
		all.WriteString(strings.ReplaceAll(standIns.ReplaceAllString(text, "…"), "\n", " ") + "\n")
	}
	files := token.NewFileSet()
	require.NoError(t, filepath.WalkDir(repository, func(path string, e fs.DirEntry, err error) error {
		switch name := e.Name(); {
		case err != nil:
			return err
		case e.IsDir() && (name == "testdata" || name == "findings" || strings.HasPrefix(name, ".") && path != repository ||
			strings.HasSuffix(name, "sim") || strings.HasSuffix(name, "test")):
			return filepath.SkipDir
		case e.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err == nil {
			eachText(file, add)
		}
		return err
	}))
	sentences, err := os.ReadFile(filepath.Join(repository, "spec/lang/en.po"))
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)^msgid (".*")$`).FindAllSubmatch(sentences, -1) {
		text, err := strconv.Unquote(string(m[1]))
		require.NoError(t, err, "%s", m[1])
		add(text)
	}
	return speech(all.String())
}

// eachText are the texts of a file; one that is put together of several is one text,
// with … for what isn't written out.
func eachText(file *ast.File, add func(string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch e := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			if e.Op == token.ADD {
				add(textOf(e))
			}
		case *ast.BasicLit:
			add(textOf(e))
		}
		return true
	})
}

func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return textOf(e.X) + textOf(e.Y)
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	}
	return "…"
}
