package cmiot_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot/cmiotsim"
	"github.com/cardfleet/cardfleet/spec"
)

func do(t *testing.T, p providers.Provider, kind spec.Kind, card spec.ICCID) (providers.Receipt, error) {
	return p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: kind}, ICCID: card, Key: key})
}

func TestSecondChangeWithinTheCooldownIsRefusedHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		p := simulated(t, w, nil)
		_, err := do(t, p, spec.Stop, iccid)
		require.NoError(t, err)
		changed := time.Now()
		time.Sleep(29 * time.Minute)

		_, err = do(t, p, spec.Resume, iccid)
		require.Error(t, err)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		until := changed.Add(30 * time.Minute).In(time.FixedZone("UTC+8", 8*60*60)).Format("15:04:05")
		assert.ErrorContains(t, err, "until "+until+" UTC+8 (write_cooldown is 30m0s); apply again then")
		assert.Equal(t, 1, w.Count("change/sim-status"), "what would be refused is not sent")

		receipt, err := do(t, p, spec.Stop, iccid)
		require.NoError(t, err)
		assert.True(t, receipt.Already, "it is stopped")

		time.Sleep(time.Minute)
		_, err = do(t, p, spec.Resume, iccid)
		require.NoError(t, err)
		card, _ := w.Card(iccid)
		assert.Equal(t, spec.Active, card.Status)
	})
}

func TestRefusedChangeStartsNoCooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(carriersim.Card{ICCID: iccid, Status: spec.SuspendedByCarrier})
		p := simulated(t, w, nil)
		for range 2 {
			_, err := do(t, p, spec.Resume, iccid)
			assert.ErrorContains(t, err, "12098: the card was stopped by the carrier")
			assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		}
		assert.Equal(t, 2, w.Count("change/sim-status"))
	})
}

func TestLostAnswerStartsTheCooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Faults = []carriersim.Fault{{Action: "change/sim-status", Kind: carriersim.LostBefore, Times: 1}}
		p := simulated(t, w, nil)
		_, err := do(t, p, spec.Stop, iccid)
		assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err))
		_, err = do(t, p, spec.Stop, iccid)
		assert.ErrorContains(t, err, "the carrier refuses the next change")
		assert.Equal(t, 1, w.Count("change/sim-status"))
	})
}

func TestCooldownOfAnotherProcessIsTheCarriersToRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		_, err := do(t, simulated(t, w, nil), spec.Stop, iccid)
		require.NoError(t, err)
		_, err = do(t, simulated(t, w, nil), spec.Resume, iccid)
		assert.ErrorContains(t, err, "同一张卡在规定时间内不能重复办理")
		receipt, err := do(t, simulated(t, w, nil), spec.Stop, iccid)
		require.NoError(t, err)
		assert.True(t, receipt.Already)
	})
}

func TestAlreadySoIsDone(t *testing.T) {
	for _, code := range []string{"12047", "12048", "12089", "12777"} {
		synctest.Test(t, func(t *testing.T) {
			w := world(carriersim.Card{ICCID: iccid, Status: spec.SuspendedByOwner})
			w.Faults = []carriersim.Fault{{Action: "change/sim-status", Kind: carriersim.CodeFault(code)}}
			receipt, err := do(t, simulated(t, w, nil), spec.Stop, iccid)
			require.NoError(t, err, code)
			assert.True(t, receipt.Already, code)
		})
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	for code, advice := range map[string]string{
		"12098": "settle the cause with China Mobile", "12141": "settle the cause with China Mobile",
		"12099": "renew it in the portal", "12100": "top it up in the portal", "12089": "look at it in the portal",
		"12009": "use that customer's appid",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := world(carriersim.Card{ICCID: iccid, Status: spec.SuspendedByOwner})
			w.Faults = []carriersim.Fault{{Action: "change/sim-status", Kind: carriersim.CodeFault(code)}}
			_, err := do(t, simulated(t, w, nil), spec.Resume, iccid)
			require.Error(t, err, code)
			assert.ErrorContains(t, err, code+": ")
			assert.ErrorContains(t, err, advice)
			assert.Equal(t, providers.EffectNone, providers.EffectOf(err), code)
			assert.Equal(t, 1, w.Count("change/sim-status"))
		})
	}
}

func TestUnknownCodeOfAChangeIsInDoubt(t *testing.T) {
	for _, code := range []string{"12777", "500", "19010"} {
		synctest.Test(t, func(t *testing.T) {
			w := world()
			w.Faults = []carriersim.Fault{{Action: "change/sim-status", Kind: carriersim.CodeFault(code)}}
			_, err := do(t, simulated(t, w, nil), spec.Stop, iccid)
			assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err), code)
			assert.Equal(t, 1, w.Count("change/sim-status"), code)
		})
	}
}

// The manual of 2020 answers with the card instead of the order.
func TestEchoedCardStandsForTheOrder(t *testing.T) {
	p := answering(t, map[string]string{"/v5/ec/change/sim-status": `{"status":"0","message":"正确","result":[{"msisdn":"14765004176"}]}`}, nil)
	receipt, err := do(t, p, spec.Stop, iccid)
	require.NoError(t, err)
	assert.Equal(t, "14765004176", receipt.RequestID)
}

func TestChangesThatOneLinkLacksAreRefusedHere(t *testing.T) {
	w := world()
	for _, version := range []string{"v2", "v5"} {
		p := simulated(t, w, map[string]any{"api_version": version})
		for _, kind := range []spec.Kind{spec.ChangeBind, spec.Unbind, spec.Subscribe, spec.Unsubscribe, spec.Stop} {
			if version == "v5" && kind == spec.Stop {
				continue
			}
			_, err := do(t, p, kind, iccid)
			require.Error(t, err)
			assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		}
	}
	assert.Empty(t, w.Requests())
}

// flock is n cards in service.
func flock(n int) (cards []carriersim.Card) {
	for i := range n {
		cards = append(cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("898600D69913%08d", i)), MSISDN: fmt.Sprintf("10648%08d", i)})
	}
	return cards
}

// stopAll stops every card at once.
func stopAll(t *testing.T, p providers.Provider, cards []carriersim.Card) []error {
	errs := make([]error, len(cards))
	var group sync.WaitGroup
	for i, c := range cards {
		group.Go(func() { _, errs[i] = do(t, p, spec.Stop, c.ICCID) })
	}
	group.Wait()
	return errs
}

func stopped(w *carriersim.World) (n int) {
	cards, _ := w.Page(0, 1000)
	for _, c := range cards {
		if c.Status == spec.SuspendedByOwner {
			n++
		}
	}
	return n
}

func TestChangesThatComeTogetherAreOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(100)
		w := world(cards...)
		for _, err := range stopAll(t, open(t, &cmiotsim.OneLink{World: w, JobPolls: 2}, nil), cards) {
			require.NoError(t, err)
		}
		assert.Equal(t, 100, stopped(w))
		assert.Equal(t, map[string]int{
			"get/token": 1, "query/sim-card-info/batch": 1, "change/sim-status/batch": 1, "query/sim-batch-result": 3,
		}, w.Counts())
		for _, r := range w.Requests() {
			if r.Action == "change/sim-status/batch" {
				assert.Equal(t, "9", r.Params["operType"], "已激活→停机, numbered otherwise than for one card")
				assert.Equal(t, "01", r.Params["reason"])
				assert.Len(t, strings.Split(r.Params["msisdns"], "_"), 100)
			}
		}
	})
}

func TestBatchHasAHundredCardsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(230)
		w := world(cards...)
		for _, err := range stopAll(t, simulated(t, w, nil), cards) {
			require.NoError(t, err)
		}
		assert.Equal(t, 230, stopped(w))
		assert.Equal(t, 3, w.Count("change/sim-status/batch"))
		assert.Zero(t, w.Count("change/sim-status"))
	})
}

func TestFewChangesAreNoBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(4)
		w := world(cards...)
		for _, err := range stopAll(t, simulated(t, w, nil), cards) {
			require.NoError(t, err)
		}
		assert.Equal(t, map[string]int{"get/token": 1, "change/sim-status": 4}, w.Counts())
	})
}

func TestStopsAndResumesAreBatchesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(20)
		for i := range 10 {
			cards[i].Status = spec.SuspendedByOwner
		}
		w := world(cards...)
		p := simulated(t, w, nil)
		var group sync.WaitGroup
		for i, c := range cards {
			kind := spec.Stop
			if i < 10 {
				kind = spec.Resume
			}
			group.Go(func() { _, err := do(t, p, kind, c.ICCID); assert.NoError(t, err) })
		}
		group.Wait()
		assert.Equal(t, 2, w.Count("change/sim-status/batch"))
		assert.Equal(t, 10, stopped(w))
		card, _ := w.Card(cards[0].ICCID)
		assert.Equal(t, spec.Active, card.Status)
	})
}

// One card in its cool-down fails the batch, and nothing of it is done; each is
// then changed by itself, and only that card is refused.
func TestPoisonedBatchFallsBackToSingleCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(10)
		cards[3].Changed = time.Now() // by another program
		w := world(cards...)
		errs := stopAll(t, simulated(t, w, nil), cards)
		for i, err := range errs {
			if i == 3 {
				assert.ErrorContains(t, err, "同一张卡在规定时间内不能重复办理")
			} else {
				assert.NoError(t, err, "card %d", i)
			}
		}
		assert.Equal(t, 9, stopped(w))
		assert.Equal(t, 1, w.Count("change/sim-status/batch"))
		assert.Equal(t, 10, w.Count("change/sim-status"))
	})
}

func TestCardThatTheBatchCouldNotChangeIsToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(10)
		cards[4].Status = spec.Pending
		w := world(cards...)
		for i, err := range stopAll(t, simulated(t, w, nil), cards) {
			if i == 4 {
				assert.ErrorContains(t, err, "change/sim-status/batch: 12089")
				assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
			} else {
				assert.NoError(t, err, "card %d", i)
			}
		}
		assert.Equal(t, 9, stopped(w))
	})
}

func TestUnknownCardIsLeftOutOfTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(10)
		w := world(cards[1:]...)
		errs := stopAll(t, simulated(t, w, nil), cards)
		assert.ErrorContains(t, errs[0], "change/sim-status: 12010")
		assert.Equal(t, 9, stopped(w))
		assert.Equal(t, 1, w.Count("change/sim-status"))
	})
}

// Whatever is lost of a batch, nothing is sent twice, and an error that says
// that a card is as it was is right.
func TestLostAnswersOfABatch(t *testing.T) {
	for _, action := range []string{"query/sim-card-info/batch", "change/sim-status/batch", "query/sim-batch-result"} {
		for _, kind := range []carriersim.FaultKind{
			carriersim.LostAfter, carriersim.LostBefore, carriersim.HTML5xx, carriersim.Truncated, carriersim.CodeFault("500"), carriersim.CodeFault("12777"),
		} {
			synctest.Test(t, func(t *testing.T) {
				cards := flock(10)
				w := world(cards...)
				w.Faults = []carriersim.Fault{{Action: action, Kind: kind}}
				for i, err := range stopAll(t, simulated(t, w, map[string]any{"retries": 1}), cards) {
					card, _ := w.Card(cards[i].ICCID)
					name := fmt.Sprintf("%s of %s: %v", kind, action, err)
					switch {
					case err == nil:
						assert.Equal(t, spec.SuspendedByOwner, card.Status, name)
					case providers.EffectOf(err) == providers.EffectNone:
						assert.Equal(t, spec.Active, card.Status, name)
					}
				}
				assert.LessOrEqual(t, w.Count("change/sim-status/batch"), 1, "%s of %s", kind, action)
				if action == "change/sim-status/batch" && kind.Code() != "12777" {
					assert.Zero(t, w.Count("change/sim-status"), "%s: it may have been done", kind)
				}
			})
		}
	}
}

func TestJobThatNeverEndsIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(5)
		w := world(cards...)
		start := time.Now()
		for _, err := range stopAll(t, open(t, &cmiotsim.OneLink{World: w, JobPolls: 1000}, nil), cards) {
			assert.ErrorContains(t, err, `has status 1 (running) and tells nothing of this card`)
			assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err))
			assert.NotEmpty(t, providers.RequestIDOf(err), "the job, to ask the carrier about")
		}
		assert.Less(t, time.Since(start), 3*time.Minute)
	})
}

// What each status of a job says of a card (CMIOT_API23M10): 0 waits, 1 runs, 2 is
// done, 3 done with failures, 4 failed.
func TestEachStatusOfAJob(t *testing.T) {
	const listed = `,"resultList":[{"resultType":"1","resultId":"1064800000000","status":"0"},{"resultType":"1","resultId":"1064800000001","status":"12099","message":"x"},` +
		`{"resultType":"1","resultId":"1064800000002","status":"12048"}]`
	for name, c := range map[string]struct {
		result string
		want   string // of the cards 0 to 3: done, already, refused, doubt
	}{
		"done":                 {`{"jobStatus":"2"}`, "done done done done"},
		"done, with a list":    {`{"jobStatus":"2"` + listed + `}`, "done refused already done"},
		"done with failures":   {`{"jobStatus":"3"` + listed + `}`, "done refused already doubt"},
		"failed":               {`{"jobStatus":"4"}`, "doubt doubt doubt doubt"},
		"a status of nobody's": {`{"jobStatus":"7"}`, "doubt doubt doubt doubt"},
	} {
		synctest.Test(t, func(t *testing.T) {
			cards := flock(5)
			var numbers []string
			for _, c := range cards {
				numbers = append(numbers, fmt.Sprintf(`{"msisdn":%q,"iccid":%q}`, c.MSISDN, c.ICCID))
			}
			p := answering(t, map[string]string{
				"/v5/ec/query/sim-card-info/batch": `{"status":"0","result":[` + strings.Join(numbers, ",") + `]}`,
				"/v5/ec/change/sim-status/batch":   `{"status":"0","result":[{"jobId":"9001"}]}`,
				"/v5/ec/query/sim-batch-result":    `{"status":"0","result":[` + c.result + `]}`,
			}, nil)
			got := make([]string, len(cards))
			var group sync.WaitGroup
			for i, card := range cards {
				group.Go(func() {
					receipt, err := do(t, p, spec.Stop, card.ICCID)
					switch {
					case err == nil && receipt.Already:
						got[i] = "already"
					case err == nil:
						got[i] = "done"
					case providers.EffectOf(err) == providers.EffectNone:
						got[i] = "refused"
					default:
						got[i] = "doubt"
					}
				})
			}
			group.Wait()
			assert.Equal(t, c.want, strings.Join(got[:4], " "), name)
		})
	}
}

// Who leads a batch may be cancelled while it gathers: nothing was sent, and
// the others go on.
func TestCancelledLeaderHarmsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := flock(6)
		w := world(cards...)
		p := simulated(t, w, nil)
		ctx, cancel := context.WithCancel(t.Context())
		led := make(chan error)
		go func() {
			_, err := p.Do(ctx, providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: cards[0].ICCID})
			led <- err
		}()
		synctest.Wait()
		others := make(chan []error)
		go func() { others <- stopAll(t, p, cards[1:]) }()
		synctest.Wait()
		cancel()
		err := <-led
		require.Error(t, err)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		for _, err := range <-others {
			assert.NoError(t, err)
		}
		assert.Equal(t, 5, stopped(w))
	})
}

func TestListHasEachCardOfTheGroupsOnce(t *testing.T) {
	cards := flock(123)
	w := world(cards...)
	seen := map[spec.ICCID]int{}
	err := simulated(t, w, nil).(providers.Lister).List(t.Context(), func(r spec.Reading) error {
		seen[r.ICCID]++
		assert.Zero(t, r.Has, "the list tells no status")
		return nil
	})
	require.NoError(t, err)
	assert.Len(t, seen, 123)
	for iccid, n := range seen {
		assert.Equal(t, 1, n, iccid)
	}
	assert.Equal(t, 3, w.Count("query/group-member"))
}

func TestListEndsWithTheErrorOfWhoAskedForIt(t *testing.T) {
	w := world(flock(60)...)
	stop := fmt.Errorf("enough")
	err := simulated(t, w, nil).(providers.Lister).List(t.Context(), func(spec.Reading) error { return stop })
	assert.ErrorIs(t, err, stop)
	assert.Equal(t, 1, w.Count("query/group-member"))
}

func TestListsAreFoundByTheirForm(t *testing.T) {
	for _, members := range []string{
		`[{"iccid":"898600D6991330004146"},{"iccid":"898602B0011430000544","msisdn":"14765004732"}]`,
		`[{"totalCount":2,"anyName":[{"iccid":"898600d6991330004146"},{"iccid":"898602B0011430000544"},{"iccid":"898602B0011430000544"}]}]`,
		`{"list":[{"iccid":"898600D6991330004146"},{"iccid":"898602B0011430000544"}]}`,
	} {
		p := answering(t, map[string]string{
			"/v5/ec/query/group-info":   `{"status":"0","message":"正确","result":[{"groupId":1},{"groupId":"2"}]}`,
			"/v5/ec/query/group-member": `{"status":"0","message":"正确","result":` + members + `}`,
		}, nil)
		var got []spec.ICCID
		err := p.(providers.Lister).List(t.Context(), func(r spec.Reading) error { got = append(got, r.ICCID); return nil })
		require.NoError(t, err, members)
		assert.Equal(t, []spec.ICCID{"898600D6991330004146", "898602B0011430000544"}, got, members)
	}
	for members, want := range map[string]string{
		`[{"a":[],"b":[]}]`:            "several lists",
		`[{"list":[{"msisdn":"1"}]}]`:  "a row without an ICCID",
		`[{"list":[{"iccid":["1"]}]}]`: "a list stands where a text should",
	} {
		p := answering(t, map[string]string{
			"/v5/ec/query/group-info":   `{"status":"0","message":"正确","result":[{"groupId":1}]}`,
			"/v5/ec/query/group-member": `{"status":"0","message":"正确","result":` + members + `}`,
		}, map[string]any{"retries": 0})
		err := p.(providers.Lister).List(t.Context(), func(spec.Reading) error { return nil })
		assert.ErrorContains(t, err, want, members)
	}
}
