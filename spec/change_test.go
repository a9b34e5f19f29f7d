package spec_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

const everything = spec.AttrBinding | spec.AttrActive | spec.AttrPackages

// sampleOf is a change of the kind, with values where the kind has values.
func sampleOf(kind spec.Kind) spec.Change {
	value := map[spec.Value][2]string{spec.Device: {"861536030196001", "861536030196019"}, spec.PackageID: {"10001", "10002"}}
	from, to := kind.Values()
	return spec.Change{Kind: kind, From: value[from][0], To: value[to][1]}
}

// pendingOf is a reading that shows what the sample of the kind replaces.
func pendingOf(c spec.Change) spec.Reading {
	r := spec.Reading{Lifecycle: spec.Active, Has: everything, IMEI: "861536030196001", Packages: []spec.Package{{ID: "10001"}}}
	if c.Kind == spec.Resume {
		r.Lifecycle = spec.SuspendedByOwner
	}
	return r
}

func TestAReadingShowsAChangeOnceItIsLaid(t *testing.T) {
	for _, kind := range spec.CarrierKinds() {
		t.Run(string(kind), func(t *testing.T) {
			c := sampleOf(kind)
			r := pendingOf(c)
			assert.True(t, c.PendingIn(r), "the reading shows what the change replaces")
			tells, done := c.SeenIn(r)
			assert.True(t, tells)
			assert.False(t, done)

			before := r
			c.Lay(&r)
			require.NotEqual(t, before, r, "a change that changes nothing")
			assert.False(t, c.PendingIn(r))
			tells, done = c.SeenIn(r)
			assert.True(t, tells)
			assert.True(t, done)

			again := r
			c.Lay(&again)
			assert.Equal(t, r, again, "laying it twice is laying it once")
		})
	}
}

func TestAReadingThatTellsNothingShowsNoChange(t *testing.T) {
	for _, kind := range append(spec.Kinds(), "vow", "") {
		tells, done := sampleOf(kind).SeenIn(spec.Reading{})
		assert.False(t, tells, "%s", kind)
		assert.False(t, done, "%s", kind)
	}
}

func TestAWordThatIsNoKindChangesNothing(t *testing.T) {
	c := spec.Change{Kind: "vow", From: "861536030196001", To: "861536030196019"}
	r := pendingOf(c)
	before := r
	c.Lay(&r)
	assert.Equal(t, before, r)
	assert.False(t, c.PendingIn(r))
}

func TestALaidChangeLeavesSharedPackagesAlone(t *testing.T) {
	shared := []spec.Package{{ID: "10001"}, {ID: "10003"}}
	for _, kind := range []spec.Kind{spec.Subscribe, spec.Unsubscribe} {
		r := spec.Reading{Has: everything, Packages: shared}
		sampleOf(kind).Lay(&r)
		assert.Equal(t, []spec.Package{{ID: "10001"}, {ID: "10003"}}, shared)
	}
}

func TestAChangeIsToldByItsKindAndItsValues(t *testing.T) {
	told := map[spec.Change]string{
		{Kind: spec.Adopt}:                        "adopt",
		{Kind: spec.Adopt, To: "861536030196001"}: "adopt, bound to 861536030196001",
		{Kind: spec.ChangeBind, From: "861536030196001", To: "861536030196019"}: "change-bind 861536030196001 -> 861536030196019",
		{Kind: spec.Unbind, From: "861536030196001"}:                            "unbind from 861536030196001",
		{Kind: spec.Unbind}:                               "unbind",
		{Kind: spec.Stop}:                                 "stop",
		{Kind: spec.Resume}:                               "resume",
		{Kind: spec.Subscribe, To: "10002"}:               "subscribe 10002",
		{Kind: spec.Unsubscribe, From: "10002"}:           "unsubscribe 10002",
		{Kind: spec.Forget}:                               "forget",
		{Kind: spec.Move, From: "aliyun", To: "aliyun.b"}: "move aliyun -> aliyun.b",
	}
	kinds := map[spec.Kind]bool{}
	for c, want := range told {
		assert.Equal(t, want, c.String())
		kinds[c.Kind] = true
	}
	assert.Len(t, kinds, len(spec.Kinds()), "a row for each kind")
}

func TestAFirstDeviceReplacesNoneAlone(t *testing.T) {
	c := spec.Change{Kind: spec.ChangeBind, To: "861536030196019"}
	assert.True(t, c.BindsFirst())
	r := spec.Reading{Lifecycle: spec.Active, Has: everything}
	assert.True(t, c.PendingIn(r), "it is bound to none")
	assert.False(t, c.PendingIn(spec.Reading{Lifecycle: spec.Active}), "nothing is told of its device")
	c.Lay(&r)
	assert.False(t, c.PendingIn(r))
	tells, done := c.SeenIn(r)
	assert.True(t, tells && done)
	r.IMEI = "861536030196027"
	assert.False(t, c.PendingIn(r), "somebody else bound it")
	for _, kind := range spec.Kinds() {
		if kind != spec.ChangeBind {
			assert.False(t, spec.Change{Kind: kind, To: "861536030196019"}.BindsFirst(), "%s", kind)
		}
	}
}
