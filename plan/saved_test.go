package plan_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/signers"
)

// openBoth reads a saved plan as a value and card by card.
func openBoth(t require.TestingT, text []byte) (*plan.Plan, *plan.File) {
	p, digest, err := plan.Read(bytes.NewReader(text))
	require.NoError(t, err)
	f, err := plan.Open(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, digest, f.Digest())
	return p, f
}

func written(t require.TestingT, p *plan.Plan) []byte {
	var b bytes.Buffer
	_, err := plan.Write(&b, p)
	require.NoError(t, err)
	return b.Bytes()
}

// sameAsValue holds a plan that is read card by card to the value.
func sameAsValue(t require.TestingT, p *plan.Plan, f *plan.File) {
	require.Equal(t, p.Summary(), f.Head().Summary())
	got := read(t, f)
	require.Equal(t, p.Cards, got.Cards)
	require.Equal(t, plan.Digest(p), plan.Digest(f), "all else of it too")
	wanted, guarded := p.ApprovalText(now, "a reason")
	text, found, err := f.ApprovalText(now, "a reason")
	require.NoError(t, err)
	require.Equal(t, guarded, found)
	require.Equal(t, wanted, text)
}

func TestASavedPlanHasTheCardsOfTheValueInAnyOrderInWhichTheyAreRead(t *testing.T) {
	text := written(t, full())
	p, f := openBoth(t, text)
	sameAsValue(t, p, f)

	in := bigFleet(3000)
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	p, f = openBoth(t, written(t, p))
	sameAsValue(t, p, f)
	rapid.Check(t, func(t *rapid.T) {
		var places []int32
		for n := range p.Cards {
			if rapid.IntRange(0, 99).Draw(t, "is wanted") == 0 {
				places = append(places, int32(n))
			}
		}
		var visited []int32
		require.NoError(t, f.Visit(places, func(n int, c *plan.Card) error {
			visited = append(visited, int32(n))
			require.Equal(t, p.Cards[n], *c)
			return nil
		}))
		require.Equal(t, places, visited)
	})
}

func TestASavedPlanThatIsReadCardByCardIsJudgedAsTheValueIs(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	list, err := signers.Parse([]byte("alice@example.com " + string(ssh.MarshalAuthorizedKey(key.PublicKey()))))
	require.NoError(t, err)

	saved := written(t, full())
	p, _ := openBoth(t, saved)
	until, _ := p.ApprovalText(now.Add(time.Hour/2), "returned")
	signature, err := signers.Sign(until.Bytes(), key, plan.Namespace)
	require.NoError(t, err)
	require.NotEmpty(t, until.Actions)
	for name, approvals := range map[string]plan.Approvals{
		"of a signer": {Signers: list, Signatures: append(until.Bytes(), signature...)},
		"of nobody":   {Signers: list},
	} {
		t.Run(name, func(t *testing.T) {
			p, f := openBoth(t, saved)
			plan.Review(p, approvals, now)
			require.Equal(t, name == "of a signer", len(p.Cards[1].Actions[0].Approvals) > 0)
			require.NoError(t, f.Review(approvals, now))
			sameAsValue(t, p, f)
		})
	}
}
