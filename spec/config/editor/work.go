package editor

import (
	"fmt"
	"sync/atomic"
)

// Work counts what was looked at, so that a test can hold it to a bound.
type Work struct {
	split, parsed atomic.Int64 // bytes
	panics        atomic.Int64 // of hcl-lang
}

func (w *Work) addSplit(n int)  { w.split.Add(int64(n)) }
func (w *Work) addParsed(n int) { w.parsed.Add(int64(n)) }

// Panics is how often hcl-lang gave a question up.
func (w *Work) Panics() int64 { return w.panics.Load() }

// Split is how many bytes were taken apart into blocks so far.
func (w *Work) Split() int64 { return w.split.Load() }

// Parsed is how many bytes were parsed so far.
func (w *Work) Parsed() int64 { return w.parsed.Load() }

// guarded asks hcl-lang. It takes texts apart by places that a half-typed text may
// not have, and an editor must outlive that: such a question has no answer.
func guarded[T any](w *Work, ask func() (T, error)) (answer T, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			w.panics.Add(1)
			err = fmt.Errorf("hcl-lang: %v", reason)
		}
	}()
	return ask()
}
