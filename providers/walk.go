package providers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// Walk goes over a list that a carrier tells by pages, from the first on.
type Walk[R any] struct {
	Call string // the carrier's name for the call
	// Size is how many rows of the list a full page stands for. Where the carrier
	// tells no total, a page with fewer is the last. 0 where any page may have fewer
	// rows than were asked for: then the list ends with an empty page.
	Size int
	// Page is the page of that number, from 1 on, and how many rows there are on
	// all pages; below 0 where the carrier doesn't say.
	Page func(ctx context.Context, number int) (rows []R, total int, err error)
	// Key tells rows apart.
	Key func(R) string
	// Remedy is what to do where a page has only what the pages before it had.
	Remedy string
}

// Each calls yield with each row once, though rows move to other pages while a
// list is read. An error from yield ends it. A list that ends early must not
// pass for the whole one, and one that comes again and again must end.
func (w Walk[R]) Each(ctx context.Context, yield func(R) error) error {
	told := map[string]bool{}
	for number := 1; ; number++ {
		rows, total, err := w.Page(ctx, number)
		if err != nil {
			return err
		}
		before := len(told)
		for _, row := range rows {
			key := w.Key(row)
			if told[key] {
				continue
			}
			told[key] = true
			if err := yield(row); err != nil {
				return err
			}
		}
		if last, why := w.ends(number, len(rows), total, len(told), len(told) > before); last {
			return w.early(why)
		}
	}
}

// ends reports whether no page follows, and why the list then isn't whole; ""
// where it is.
func (w Walk[R]) ends(number, rows, total, told int, grew bool) (last bool, why string) {
	switch {
	case total >= 0 && (told >= total || w.Size > 0 && number*w.Size >= total):
		return true, ""
	case total >= 0 && rows == 0 && w.Size == 0:
		return true, fmt.Sprintf("the list ended after %d of %d cards; list again, since it may have changed meanwhile", told, total)
	case total < 0 && rows < max(w.Size, 1):
		return true, ""
	case !grew && rows > 0:
		return true, strings.TrimSuffix("a page has only what the pages before it had; "+w.Remedy, "; ")
	default:
		return false, ""
	}
}

func (w Walk[R]) early(why string) error {
	if why == "" {
		return nil
	}
	return &Error{Call: w.Call, Proof: NeverSeen, Cause: Refused, Err: errors.New(why)}
}

// ListPages is [Lister.List] for a pager. The walk needs neither Page nor Key.
func ListPages(ctx context.Context, p Pager, walk Walk[spec.Reading], yield func(spec.Reading) error) error {
	walk.Key = func(r spec.Reading) string { return string(r.ICCID) }
	walk.Page = func(ctx context.Context, number int) ([]spec.Reading, int, error) {
		page, err := p.Page(ctx, number)
		return page.Cards, page.Total, err
	}
	return walk.Each(ctx, yield)
}
