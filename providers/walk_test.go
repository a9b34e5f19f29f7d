package providers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Pages are words of letters, each a row; the last of them stands for all that follow.
func TestListIsWholeOrAnError(t *testing.T) {
	for name, row := range map[string]struct {
		pages string
		total int // below 0 where the carrier doesn't say
		size  int
		told  string
		calls int
		err   string
	}{
		"by its total":                         {"abc def gh", 8, 3, "abcdefgh", 3, ""},
		"by its total, though pages are short": {"ab c de", 5, 0, "abcde", 3, ""},
		"by its total, at a full page":         {"abc def", 6, 3, "abcdef", 2, ""},
		"empty, by its total":                  {"-", 0, 3, "", 1, ""},
		"by a page that isn't full":            {"abc d", -1, 3, "abcd", 2, ""},
		"by an empty page after full ones":     {"abc def -", -1, 3, "abcdef", 3, ""},
		"by an empty page after short ones":    {"ab c -", -1, 0, "abc", 3, ""},
		"empty":                                {"-", -1, 3, "", 1, ""},
		"with rows that moved on":              {"abc cde ef", -1, 3, "abcdef", 3, ""},
		"with a row that moved on, by pages":   {"abc cde f", 7, 3, "abcdef", 3, ""},
		"with a page that is hidden from us":   {"- def gh", 8, 3, "defgh", 3, ""},
		"too early":                            {"abc -", 7, 0, "abc", 2, "List: the list ended after 3 of 7 cards"},
		"never":                                {"abc", -1, 3, "abc", 2, "List: a page has only what the pages before it had; look at page"},
		"never, with short pages":              {"ab", -1, 0, "ab", 2, "only what the pages before it had"},
		"never, with a total":                  {"ab", 9, 0, "ab", 2, "only what the pages before it had"},
	} {
		t.Run(name, func(t *testing.T) {
			pages := strings.Fields(row.pages)
			told, calls := "", 0
			walk := Walk[string]{Call: "List", Size: row.size, Key: func(r string) string { return r }, Remedy: "look at page"}
			walk.Page = func(_ context.Context, number int) ([]string, int, error) {
				calls++
				assert.Equal(t, calls, number)
				page := strings.Trim(pages[min(number, len(pages))-1], "-")
				return strings.Split(page, "")[:len(page)], row.total, nil
			}
			err := walk.Each(t.Context(), func(r string) error { told += r; return nil })
			assert.Equal(t, row.told, told)
			assert.Equal(t, row.calls, calls)
			if row.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, row.err)
				assert.Equal(t, EffectNone, EffectOf(err))
			}
		})
	}
}

func TestListEndsWithItsReaderAndWithItsCarrier(t *testing.T) {
	enough := errors.New("enough")
	walk := Walk[string]{Key: func(r string) string { return r }, Page: func(context.Context, int) ([]string, int, error) { return []string{"a", "b"}, 9, nil }}
	told := 0
	assert.ErrorIs(t, walk.Each(t.Context(), func(string) error { told++; return enough }), enough)
	assert.Equal(t, 1, told)
	walk.Page = func(context.Context, int) ([]string, int, error) { return nil, 0, enough }
	assert.ErrorIs(t, walk.Each(t.Context(), nil), enough)
}
