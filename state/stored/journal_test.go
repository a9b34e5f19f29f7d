package stored_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// memFile is a journal file in memory. It counts what it is asked to do.
type memFile struct {
	bytes.Buffer
	syncs  int
	synced int // bytes that the last fsync made durable
	// beforeWrite and syncErr stand for a disk that is slow, full or broken.
	beforeWrite func() error
	syncErr     error
	closed      bool
}

func (f *memFile) Write(p []byte) (int, error) {
	if f.beforeWrite != nil {
		if err := f.beforeWrite(); err != nil {
			n, _ := f.Buffer.Write(p[:len(p)/2]) // a full disk takes what it can
			return n, err
		}
	}
	return f.Buffer.Write(p)
}

func (f *memFile) Sync() error {
	f.syncs++
	f.synced = f.Len()
	return f.syncErr
}

func (f *memFile) Close() error {
	f.closed = true
	return nil
}

func intent(n int) state.Record {
	return state.Record{
		Type: state.IntentRecord, Action: fmt.Sprintf("a%d", n), At: noon, Provider: "aliyun",
		ICCID:  spec.ICCID(fmt.Sprintf("898606170300%08d", n)),
		Intent: &state.Intent{Change: spec.Change{Kind: spec.ChangeBind, From: "861536030196001", To: "861536030196019"}, Key: "0c1f"},
	}
}

// journalOf is a journal of so many lines of one record.
func journalOf(t testing.TB, lines int) []byte {
	t.Helper()
	var f memFile
	j := stored.NewJournalWriter(&f, "fleet.state.journal", 3, 0)
	for n := range lines {
		require.NoError(t, j.Append(context.Background(), intent(n)))
	}
	return f.Bytes()
}

func readJournal(file []byte) ([]state.Record, int64, error) {
	return stored.ReadJournal(bytes.NewReader(file), "fleet.state.journal")
}

func TestFormatOfTheJournal(t *testing.T) {
	require.Equal(t, `0e1b0757 230 [{"v":2,"serial":3,"seq":1,"type":"intent","at":"2026-11-21T12:00:00Z","action":"a0",`+
		`"provider":"aliyun","iccid":"89860617030000000000",`+
		`"intent":{"kind":"change-bind","from":"861536030196001","to":"861536030196019","key":"0c1f"}}]`+"\n",
		string(journalOf(t, 1)))
}

func TestRecordsAreDurableWhenAppendReturns(t *testing.T) {
	var f memFile
	j := stored.NewJournalWriter(&f, "fleet.state.journal", 3, 7)
	for n := range 3 {
		require.NoError(t, j.Append(t.Context(), intent(n), intent(n)))
		require.Equal(t, f.Len(), f.synced, "record %d isn't durable", n)
	}
	require.Equal(t, 3, f.syncs)
	require.NoError(t, j.Append(t.Context()), "no records, no write")
	require.Equal(t, 3, f.syncs)
}

func TestThoseWhoAppendAtTheSameTimeShareAnFsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const appenders = 64
		free := make(chan struct{})
		f := &memFile{beforeWrite: func() error { <-free; return nil }}
		j := stored.NewJournalWriter(f, "fleet.state.journal", 0, 0)
		var wg sync.WaitGroup
		appendOne := func(n int) { wg.Go(func() { assert.NoError(t, j.Append(t.Context(), intent(n))) }) }
		appendOne(0)
		synctest.Wait() // the first one writes
		for n := 1; n < appenders; n++ {
			appendOne(n)
		}
		synctest.Wait() // the others wait for it
		close(free)
		wg.Wait()
		require.Equal(t, 2, f.syncs)
		records, end, err := readJournal(f.Bytes())
		require.NoError(t, err)
		require.Len(t, records, appenders)
		require.EqualValues(t, f.Len(), end)
	})
}

// Where many append, a write waits a moment for those who are about to. One who
// appends alone never waits.
func TestAWriteThatSeveralWillShareWaitsForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		f := &memFile{beforeWrite: func() error { <-free; return nil }}
		j := stored.NewJournalWriter(f, "fleet.state.journal", 0, 0)
		j.Gather = func() { time.Sleep(time.Millisecond) }
		var wg sync.WaitGroup
		appendOne := func(n int) { wg.Go(func() { assert.NoError(t, j.Append(t.Context(), intent(n))) }) }
		began := time.Now()
		appendOne(0)
		synctest.Wait()
		appendOne(1)
		appendOne(2)
		synctest.Wait()
		close(free)
		wg.Wait()
		require.Zero(t, time.Since(began), "nobody had shared a write before")
		require.Equal(t, 2, f.syncs)

		appendOne(3) // the last write was shared
		synctest.Wait()
		appendOne(4)
		wg.Wait()
		require.Equal(t, time.Millisecond, time.Since(began))
		require.Equal(t, 3, f.syncs)
		require.NoError(t, j.Append(t.Context(), intent(5)))
		require.NoError(t, j.Append(t.Context(), intent(6)))
		require.Equal(t, 2*time.Millisecond, time.Since(began), "the first one still hopes for company, the second one doesn't")
		records, _, err := readJournal(f.Bytes())
		require.NoError(t, err)
		require.Len(t, records, 7)
	})
}

func TestALargeAppendIsSeveralLines(t *testing.T) {
	var f memFile
	j := stored.NewJournalWriter(&f, "fleet.state.journal", 0, 0)
	var many []state.Record
	for n := range 2500 {
		many = append(many, intent(n))
	}
	require.NoError(t, j.Append(t.Context(), many...))
	require.Equal(t, 3, bytes.Count(f.Bytes(), []byte("\n")))
	require.Equal(t, 3, f.syncs, "a line is durable before the next is written")
	records, _, err := readJournal(f.Bytes())
	require.NoError(t, err)
	require.Len(t, records, 2500)
}

func TestAFullDiskFailsAllWhoWaitAndAllWhoCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := make(chan struct{})
		f := &memFile{beforeWrite: func() error { <-fail; return syscall.ENOSPC }}
		j := stored.NewJournalWriter(f, "fleet.state.journal", 0, 0)
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				err := j.Append(t.Context(), intent(n))
				assert.EqualError(t, err, "the journal fleet.state.journal can't be written, so no change can be recorded and none is begun: no space left on device")
			})
		}
		synctest.Wait()
		close(fail)
		wg.Wait()
		require.ErrorIs(t, j.Append(t.Context(), intent(9)), syscall.ENOSPC)
		records, end, err := readJournal(f.Bytes())
		require.NoError(t, err, "what a full disk took is a torn line")
		require.Empty(t, records)
		require.Zero(t, end)
		require.NoError(t, j.Close())
	})
}

func TestAFailedFsyncIsNeverTriedAgain(t *testing.T) {
	f := &memFile{syncErr: errors.New("input/output error")}
	j := stored.NewJournalWriter(f, "fleet.state.journal", 0, 0)
	require.ErrorIs(t, j.Append(t.Context(), intent(1)), f.syncErr)
	require.ErrorContains(t, j.Append(t.Context(), intent(2)), "input/output error")
	require.Equal(t, 1, f.syncs, "the kernel reports a lost write once, and the next fsync would say all is well")
}

func TestAClosedJournalTakesNothing(t *testing.T) {
	var f memFile
	j := stored.NewJournalWriter(&f, "fleet.state.journal", 0, 0)
	require.NoError(t, j.Close())
	require.True(t, f.closed)
	require.NoError(t, j.Close())
	require.ErrorIs(t, j.Append(t.Context(), intent(1)), fs.ErrClosed)
	require.Zero(t, f.Len())
}

func TestATornTailIsLeftOut(t *testing.T) {
	whole := journalOf(t, 3)
	two := int64(bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1)
	for cut := two; cut < int64(len(whole)); cut++ {
		records, end, err := readJournal(whole[:cut])
		require.NoError(t, err, "cut at byte %d", cut)
		require.Len(t, records, 2, "cut at byte %d", cut)
		require.Equal(t, two, end, "cut at byte %d", cut)
	}
	zeros := append(bytes.Clone(whole[:two+100]), make([]byte, 4096)...)
	for name, file := range map[string][]byte{
		"blocks that never reached the disk":              zeros,
		"blocks in the middle that never did, ended line": append(zeros, '\n'),
	} {
		records, end, err := readJournal(file)
		require.NoError(t, err, name)
		require.Len(t, records, 2, name)
		require.Equal(t, two, end, name)
	}
}

func TestAFlippedBitIsNeverReadAsAnotherRecord(t *testing.T) {
	file := journalOf(t, 3)
	want, _, err := readJournal(file)
	require.NoError(t, err)
	for i := range file {
		for bit := range 8 {
			damaged := bytes.Clone(file)
			damaged[i] ^= 1 << bit
			_, _, err := readJournal(damaged)
			require.ErrorContains(t, err, "the journal fleet.state.journal, line ", "bit %d of byte %d flipped, of %d records", bit, i, len(want))
		}
	}
}

func TestWhatIsNoWholeJournalIsRefused(t *testing.T) {
	lines := strings.SplitAfter(string(journalOf(t, 3)), "\n")
	rows := []struct{ name, file, want string }{
		{"a broken line before a good one", lines[0] + lines[1][:50] + "\n" + lines[2], "line 2: it was damaged after it was written"},
		{"a torn line before a good one", lines[0] + lines[1][:50] + lines[2], "line 2: it was damaged after it was written"},
		{"a missing line", lines[0] + lines[2], "line 2: record 3 of serial 3 stands where record 2 of serial 3 is missing"},
		{"a line twice", lines[0] + lines[0], "line 2: record 1 of serial 3 stands where record 2 of serial 3 is missing"},
		{"the first line missing", lines[1], "line 1: record 2 of serial 3 stands where record 1 of serial 3 is missing"},
		{"a newer program's", stored.FrameForTest(`[{"v":3,"type":"vow"}]`),
			"line 1: it has version 3, and this program knows versions 1 to 2: use the version of cardfleet that wrote it, or a newer one"},
		{"a newer program's, with more fields", stored.FrameForTest(`[{"v":3,"mood":"good"}]`), "line 1: it has version 3, and this program knows versions 1 to 2"},
		{"an unknown field", stored.FrameForTest(`[{"v":2,"mood":"good"}]`), `line 1: it holds no records of ours: json: unknown field "mood"`},
		{"an unknown type", stored.FrameForTest(`[{"v":2,"seq":1,"type":"vow","provider":"aliyun","iccid":"8986"}]`), `line 1: its type "vow" is unknown`},
		{"no card", stored.FrameForTest(`[{"v":2,"seq":1,"type":"drop"}]`), "line 1: the drop names no card"},
		{"an older serial behind a newer one", lines[0] + stored.FrameForTest(`[{"v":2,"serial":2,"seq":1,"type":"drop","provider":"aliyun","iccid":"8986"}]`),
			"line 2: record 1 of serial 2 stands where record 2 of serial 3 is missing"},
		{"a serial that no commit made", lines[0] + stored.FrameForTest(`[{"v":2,"serial":4,"seq":1,"type":"drop","provider":"aliyun","iccid":"8986"}]`),
			"line 2: record 1 of serial 4 stands where record 2 of serial 3 is missing"},
		{"a commit without edits", stored.FrameForTest(`[{"v":2,"seq":1,"type":"commit"}]`), "line 1: the commit doesn't say what"},
		{"a commit of cards out of order", stored.FrameForTest(`[{"v":2,"seq":1,"type":"commit","commit":{"cards":0,"drop":[{"provider":"xuyu","iccid":"89860617030017300391"},{"provider":"aliyun","iccid":"89860617030017300390"}]}}]`),
			"line 1: card 89860617030017300390 of aliyun is dropped out of order, or twice"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			records, _, err := readJournal([]byte(row.file))
			require.ErrorContains(t, err, "the journal fleet.state.journal, "+row.want)
			require.Nil(t, records)
		})
	}
}

func FuzzReadJournal(f *testing.F) {
	whole := journalOf(f, 3)
	f.Add(whole)
	f.Add(whole[:len(whole)-20])
	f.Add([]byte(stored.FrameForTest(`[{"v":2,"seq":1,"type":"drop","provider":"aliyun","iccid":"8986"}]`)))
	f.Add([]byte(stored.FrameForTest(`[]`)))
	f.Add([]byte("00000000 0 \n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		records, end, err := readJournal(file)
		if err != nil {
			require.Nil(t, records)
			return
		}
		require.LessOrEqual(t, end, int64(len(file)))
		again, sameEnd, err := readJournal(file[:end])
		require.NoError(t, err, "what is left without the torn tail")
		require.Equal(t, records, again)
		require.Equal(t, end, sameEnd)
		requireReplayable(t, records)
	})
}

// requireReplayable replays what was read on a state without cards. A commit
// that counts others is refused, and nothing else.
func requireReplayable(t *testing.T, records []state.Record) {
	t.Helper()
	s := &state.Snapshot{Serial: 3}
	if len(records) > 0 {
		s.Serial = records[0].Serial
	}
	if _, err := stored.Replay(s, records); err != nil {
		require.ErrorContains(t, err, "it says that the state has")
	}
}

// FuzzJournalLine frames what it is given soundly, to come past the checksum.
func FuzzJournalLine(f *testing.F) {
	f.Add(`[{"v":2,"seq":1,"type":"drop","provider":"aliyun","iccid":"8986"}]`)
	f.Add(`[{"v":2,"seq":1,"type":"put","card":{"provider":"aliyun","iccid":"8986","address":""}}]`)
	f.Add(`[{"v":2,"serial":3,"seq":1,"type":"commit","commit":{"cards":1,"put":[{"provider":"aliyun","iccid":"89860617030017300390","address":""}]}}]`)
	f.Add(`[{"v":2,"serial":3,"seq":1,"type":"intent","provider":"aliyun","iccid":"8986","intent":{"kind":"stop"}},null]`)
	f.Fuzz(func(t *testing.T, list string) {
		records, _, err := readJournal([]byte(stored.FrameForTest(list)))
		if err != nil {
			return
		}
		requireReplayable(t, records)
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, appenders := range []int{1, 64} {
		b.Run(fmt.Sprint(appenders), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "fleet.state.journal"))
			require.NoError(b, err)
			j := stored.NewJournalWriter(f, f.Name(), 0, 0)
			var wg sync.WaitGroup
			next := make(chan int, appenders)
			for range appenders {
				wg.Go(func() {
					for n := range next {
						assert.NoError(b, j.Append(b.Context(), intent(n)))
					}
				})
			}
			for b.Loop() {
				next <- 1
			}
			close(next)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			require.NoError(b, j.Close())
		})
	}
}
