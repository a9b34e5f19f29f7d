package postgres

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
	"github.com/cardfleet/cardfleet/state/stored"
)

func randomly(p []byte) { _, _ = rand.Read(p) }

func testVault(t testing.TB, lineage string) *vault {
	t.Helper()
	v, err := vaultOf(bytes.Repeat([]byte{7}, dataKeySize), lineage, randomly)
	require.NoError(t, err)
	return v
}

// FuzzOpenCard: whatever a row holds, it is refused or a card, and what was
// sealed comes back only where it was put.
func FuzzOpenCard(f *testing.F) {
	c := statetest.Card(1, "正常")
	text, err := newEncoder().encode(&c)
	require.NoError(f, err)
	v := testVault(f, "lineage")
	f.Add("id", uint64(3), text)
	f.Add("id", uint64(3), v.sealRow("id", 3, text))
	f.Add("", uint64(0), []byte(`{"provider":"aliyun"} {}`))
	f.Add("", uint64(0), []byte(`{"new":1}`))
	f.Fuzz(func(t *testing.T, id string, from uint64, row []byte) {
		if _, err := v.openRow(id, from, bytes.Clone(row)); err == nil {
			require.Equal(t, "id", id, "a row was opened that wasn't sealed for this place")
			require.EqualValues(t, 3, from)
		}
		if _, err := v.ofRow(id, from, row); err == nil {
			require.GreaterOrEqual(t, len(row), 24)
		}
		_, _ = v.openHead(row)
		_, _ = vaultOf(row, "lineage", randomly)

		sealed := v.sealRow(id, from, row)
		opened, err := v.openRow(id, from, bytes.Clone(sealed))
		require.NoError(t, err)
		require.True(t, bytes.Equal(row, opened))
		_, err = v.openRow(id, from+1, bytes.Clone(sealed))
		require.ErrorIs(t, err, errForged)
		if c, err := new(stored.CardReader).Read(row); err == nil {
			again, err := newEncoder().encode(&c)
			require.NoError(t, err)
			same, err := new(stored.CardReader).Read(again)
			require.NoError(t, err)
			require.True(t, c.Equal(&same))
		}
	})
}

func TestEveryBitOfASealedRowCounts(t *testing.T) {
	v := testVault(t, "lineage")
	sealed := v.sealRow("id", 3, []byte(`{"provider":"aliyun"}`))
	for n := range 8 * len(sealed) {
		changed := bytes.Clone(sealed)
		changed[n/8] ^= 1 << (n % 8)
		_, err := v.openRow("id", 3, changed)
		require.ErrorIs(t, err, errForged, n)
	}
	for n := range sealed {
		_, err := v.openRow("id", 3, bytes.Clone(sealed[:n]))
		require.ErrorIs(t, err, errForged, n)
	}
	_, err := testVault(t, "other").openRow("id", 3, bytes.Clone(sealed))
	require.ErrorIs(t, err, errForged, "another lineage")
	_, err = v.openHead(sealed)
	require.ErrorIs(t, err, errForged, "a row is no head")
	_, err = v.openRow("di", 3, bytes.Clone(sealed))
	require.ErrorIs(t, err, errForged, "another card")
}

func TestCardsHaveIDsOfTheirOwn(t *testing.T) {
	v := testVault(t, "lineage")
	a, b := v.id("89860617030017300390"), v.id("89860617030017300391")
	require.NotEqual(t, a, b)
	require.Len(t, a, 22)
	require.Equal(t, a, v.id("89860617030017300390"))
}

// TestASumIsThatOfTheRowsInIt holds in any order, and for no other rows.
func TestASumIsThatOfTheRowsInIt(t *testing.T) {
	v := testVault(t, "lineage")
	rapid.Check(t, func(t *rapid.T) {
		type row struct {
			id   string
			from uint64
		}
		draw := rapid.Custom(func(t *rapid.T) row {
			return row{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"), rapid.Uint64Range(1, 3).Draw(t, "from")}
		})
		before := rapid.SliceOfNDistinct(draw, 0, 9, rapid.ID[row]).Draw(t, "before")
		after := rapid.SliceOfNDistinct(draw, 0, 9, rapid.ID[row]).Draw(t, "after")
		of := func(r row) sum {
			s, err := v.ofRow(r.id, r.from, make([]byte, 24))
			require.NoError(t, err)
			return s
		}
		var was, want sum
		for _, r := range before {
			was.add(of(r))
		}
		for _, r := range after {
			want.add(of(r))
		}
		now := was
		for _, r := range after {
			now.add(of(r))
		}
		for _, r := range before {
			now.subtract(of(r))
		}
		require.Equal(t, want, now)
		require.Equal(t, sameRows(before, after), was == now)
	})
}

func sameRows[R comparable](a, b []R) bool {
	set := map[R]bool{}
	for _, r := range a {
		set[r] = true
	}
	for _, r := range b {
		if !set[r] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestADataKeyHasOneSize(t *testing.T) {
	_, err := vaultOf(make([]byte, 16), "", randomly)
	require.ErrorContains(t, err, "the data key has 16 bytes")
	_, err = openVault([]byte("age"), "", nil, randomly)
	require.ErrorIs(t, err, state.ErrSealed)
}
