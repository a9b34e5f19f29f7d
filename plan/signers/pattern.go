package signers

import "strings"

// longestPattern is what OpenSSH takes of one pattern of a list, in bytes; a
// list with a longer one matches nothing (match_pattern_list of match.c).
const longestPattern = 1022

// matchesList reports whether s is one of a list of patterns parted by commas:
// it matches one, and none that begins with an exclamation mark.
func matchesList(s, list string) bool {
	matched := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		switch {
		case len(pattern) > longestPattern:
			return false
		case !Matches(pattern, s):
		case negated:
			return false
		default:
			matched = true
		}
	}
	return matched
}

// Matches reports whether pattern matches all of s: * stands for any characters,
// ? for one; everything else, brackets included, is itself.
func Matches(pattern, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
