package expr

import (
	"fmt"
	"regexp"
	"strings"
)

// compileGlob turns a pattern of fileset into a regular expression: ** is any
// number of folders, * and ? stay within a name, [a-z] is a class, {a,b} a choice.
func compileGlob(pattern string) (*regexp.Regexp, error) {
	var re strings.Builder
	re.WriteString("^")
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**/"):
			re.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(pattern[i:], "**"):
			re.WriteString(".*")
			i++
		case c == '*':
			re.WriteString("[^/]*")
		case c == '?':
			re.WriteString("[^/]")
		case c == '[':
			end := strings.IndexByte(pattern[i:], ']')
			if end < 0 {
				return nil, fmt.Errorf("the pattern %q has a [ without its ]", pattern)
			}
			re.WriteString(globClass(pattern[i : i+end+1]))
			i += end
		case c == '{':
			depth++
			re.WriteString("(?:")
		case c == '}' && depth > 0:
			depth--
			re.WriteString(")")
		case c == ',' && depth > 0:
			re.WriteString("|")
		default:
			re.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if depth > 0 {
		return nil, fmt.Errorf("the pattern %q has a { without its }", pattern)
	}
	re.WriteString("$")
	return regexp.Compile("(?s)" + re.String())
}

// globClass turns [!a-z] or [^a-z] into the same class of a regular expression.
func globClass(class string) string {
	inner := strings.ReplaceAll(class[1:len(class)-1], `\`, `\\`)
	if strings.HasPrefix(inner, "!") {
		inner = "^" + inner[1:]
	}
	return "[" + inner + "]"
}
