package stored_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

func TestACommitIsMadeToWhatIsStored(t *testing.T) {
	for _, row := range []struct {
		name    string
		s       state.Snapshot
		lineage string
		serial  uint64
		ok      bool
	}{
		{"the same", state.Snapshot{Lineage: "a", Serial: 3}, "a", 3, true},
		{"nothing is stored, nothing was read", state.Snapshot{}, "", 0, true},
		{"nothing is stored, and the lineage is taken from elsewhere", state.Snapshot{Lineage: "a"}, "", 0, true},
		{"a newer one", state.Snapshot{Lineage: "a", Serial: 3}, "a", 4, false},
		{"an older one", state.Snapshot{Lineage: "a", Serial: 3}, "a", 2, false},
		{"another fleet's", state.Snapshot{Lineage: "a", Serial: 3}, "b", 3, false},
		{"nothing is stored any more", state.Snapshot{Lineage: "a", Serial: 3}, "", 0, false},
	} {
		err := stored.CheckBase(&row.s, row.lineage, row.serial)
		if row.ok {
			require.NoError(t, err, row.name)
			continue
		}
		require.ErrorIs(t, err, state.ErrConflict, row.name)
	}
	require.ErrorContains(t, stored.CheckBase(&state.Snapshot{Lineage: "a", Serial: 3}, "b", 4),
		`it has serial 4 of lineage "b"; expected serial 3 of lineage "a"`)
}

func TestAStateOlderThanItsHistoryIsRefused(t *testing.T) {
	s := &state.Snapshot{Serial: 3}
	require.NoError(t, stored.CheckNewest(s, 3, "history/3", "history"))
	require.NoError(t, stored.CheckNewest(s, 0, "", ""), "there may be no history")
	require.EqualError(t, stored.CheckNewest(s, 4, "history/4", "history"), "it has serial 3, but its history has serial 4: an older state was put in its place; "+
		"copy history/4 over it, or, where the older one is right, move what is newer out of history")
}
