package table

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	textunicode "golang.org/x/text/encoding/unicode"
)

// decode turns a text into UTF-8 without a byte-order mark.
func decode(data []byte, from Encoding) (string, error) {
	switch from {
	case UTF8:
		return strings.TrimPrefix(string(data), "\uFEFF"), nil
	case UTF16LE, UTF16BE:
		return decodeUTF16(data, from)
	case GB18030:
		out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
		return string(out), err
	}
	return "", fmt.Errorf("it is %s", from.Name())
}

// decodeUTF16 takes a byte-order mark away where there is one.
func decodeUTF16(data []byte, from Encoding) (string, error) {
	order := textunicode.LittleEndian
	if from == UTF16BE {
		order = textunicode.BigEndian
	}
	out, err := textunicode.UTF16(order, textunicode.IgnoreBOM).NewDecoder().Bytes(data[:len(data)&^1])
	return strings.TrimPrefix(string(out), "\uFEFF"), err
}

// LooksGBK reports whether s, which is valid UTF-8, is most likely Chinese text
// in GBK whose bytes happen to be valid: letters of scripts that nobody mixes,
// or a combining mark behind what takes none, all of whose bytes are Chinese
// characters in GBK. 状态 is such a word: its four bytes are U+05F4 U+032C.
func LooksGBK(s string) bool {
	if isASCII(s) {
		return false
	}
	odd, letters := false, 0
	var before *unicode.RangeTable // the script of the character before; nil for ASCII
	for _, r := range s {
		if r < utf8.RuneSelf {
			before = nil
			continue
		}
		if r > 0x7FF || r == utf8.RuneError {
			return false // three bytes: no pair of GBK's
		}
		letters++
		script := scriptOf(r)
		odd = odd || before != nil && before != script
		before = script
	}
	return odd && letters >= 2 && onlyHanzi(s)
}

// scriptOf is the script of a character from U+0080 to U+07FF; signs count as
// Latin, since they stand beside it.
func scriptOf(r rune) *unicode.RangeTable {
	for _, script := range []*unicode.RangeTable{unicode.Inherited, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko} {
		if unicode.Is(script, r) {
			return script
		}
	}
	return unicode.Latin
}

// onlyHanzi reports whether each pair of bytes that isn't ASCII is a character
// of GB2312's two levels: those in use.
func onlyHanzi(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < utf8.RuneSelf {
			continue
		}
		if i+1 == len(s) || s[i] < 0xB0 || s[i] > 0xF7 || s[i+1] < 0xA1 || s[i+1] > 0xFE {
			return false
		}
		i++
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
