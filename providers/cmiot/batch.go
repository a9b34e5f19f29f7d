package cmiot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/providers/internal/lenient"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	// gathering is how long the first of several changes waits for others.
	gathering = 250 * time.Millisecond
	// worthwhile is from how many changes on a batch saves calls: it takes one for
	// the numbers, one for the batch, and one or more for its outcome.
	worthwhile = 5
	// batchMost is the most cards of one batch (KNOWN*: PHP-V5).
	batchMost = 100
	// longestJob is how long the outcome of a batch is waited for. GUESS: no
	// document says how long a job takes.
	longestJob = 2 * time.Minute
)

// batches gathers changes of one kind that arrive together, and makes them with
// one call. The first of them does so for the others; no goroutine is started.
type batches struct {
	sleep func(ctx context.Context, d time.Duration) error

	mu   sync.Mutex
	open map[spec.Kind]*batch // still gathering
}

type batch struct{ members []*member }

// member is one card's change in a batch.
type member struct {
	iccid  spec.ICCID
	msisdn string
	done   chan struct{} // closed when the fields below are set

	alone   bool // it is to be made by a call of its own
	receipt providers.Receipt
	err     error
}

// do makes the change of one card, in a batch where that saves calls.
func (b *batches) do(ctx context.Context, p *v5, op operation, iccid spec.ICCID) (providers.Receipt, error) {
	m := &member{iccid: iccid, done: make(chan struct{})}
	if gathered := b.join(op.kind, m); gathered != nil {
		b.lead(ctx, p, op, gathered)
	} else {
		<-m.done // whoever leads the batch may have sent the change by now, and comes to an end
	}
	if m.alone {
		return p.single(ctx, op, iccid)
	}
	return m.receipt, m.err
}

// join adds a change to the batch that is gathering. Where it is the first, it
// is the one to lead the batch, which is then returned.
func (b *batches) join(kind spec.Kind, m *member) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if gathering := b.open[kind]; gathering != nil && len(gathering.members) < batchMost {
		gathering.members = append(gathering.members, m)
		return nil
	}
	if b.open == nil {
		b.open = map[spec.Kind]*batch{}
	}
	b.open[kind] = &batch{members: []*member{m}}
	return b.open[kind]
}

// lead waits for others, and then makes the changes that have come together.
func (b *batches) lead(ctx context.Context, p *v5, op operation, gathered *batch) {
	err := b.sleep(ctx, gathering)
	members := b.close(op.kind, gathered)
	if err == nil && len(members) >= worthwhile {
		p.changeBatch(ctx, op, members)
	} else {
		setAlone(members)
	}
	for _, m := range members {
		close(m.done)
	}
}

func (b *batches) close(kind spec.Kind, gathered *batch) []*member {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[kind] == gathered {
		delete(b.open, kind)
	}
	return gathered.members
}

func setAlone(members []*member) {
	for _, m := range members {
		m.alone = true
	}
}

// changeBatch makes the changes of the members with one call, and sets how each
// went. Where the call is refused, none was made (KNOWN*: one card in its
// cool-down fails a batch, and the others start none), and each is made alone.
func (p *v5) changeBatch(ctx context.Context, op operation, members []*member) {
	numbered := p.number(ctx, members)
	if len(numbered) < worthwhile {
		setAlone(numbered)
		return
	}
	var msisdns []string
	for _, m := range numbered {
		msisdns = append(msisdns, m.msisdn)
	}
	params := map[string]string{"msisdns": join(msisdns), "operType": op.batch, "reason": "01"} // both need it (PHP-V5)
	job, err := change[rows[jobRow]](ctx, p, callChangeBatch, "", params)
	switch {
	case err == nil:
		p.settleJob(ctx, string(job.Result[0].JobID), numbered)
	case providers.EffectOf(err) == providers.EffectNone, isRefused(err):
		setAlone(numbered)
	default:
		for _, m := range numbered {
			m.err = err
		}
	}
}

// number looks up the MSISDNs, which a batch names its cards by. Members without
// one are set to be made alone, those with another card's to be refused; both are
// left out.
func (p *v5) number(ctx context.Context, members []*member) []*member {
	iccids := make([]spec.ICCID, 0, len(members))
	for _, m := range members {
		iccids = append(iccids, m.iccid)
	}
	told := p.numbers(ctx, iccids)
	return slices.DeleteFunc(slices.Clone(members), func(m *member) bool {
		declared := p.msisdn(m.iccid)
		m.msisdn = cmp.Or(told[m.iccid], declared)
		if declared != "" && m.msisdn != declared {
			m.err = otherNumber(declared, m.msisdn)
			return true
		}
		m.alone = m.msisdn == ""
		return m.alone
	})
}

// numbers are the MSISDNs that the carrier tells of cards, as far as it does.
func (p *v5) numbers(ctx context.Context, cards []spec.ICCID) map[spec.ICCID]string {
	iccids := make([]string, 0, len(cards))
	for _, card := range cards {
		iccids = append(iccids, string(card))
	}
	told := map[spec.ICCID]string{}
	answer, err := read[rows[numberRow]](ctx, p, callNumbers, "", map[string]string{"iccids": join(iccids)})
	if err != nil {
		return told
	}
	for _, r := range answer.Result {
		if iccid, err := spec.ParseICCID(string(r.ICCID)); err == nil {
			told[iccid] = string(r.MSISDN)
		}
	}
	return told
}

// settleJob waits for the outcome of a batch, which was sent: also where ctx ends.
func (p *v5) settleJob(ctx context.Context, job string, members []*member) {
	ctx = context.WithoutCancel(ctx)
	var waited time.Duration
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		err := p.env.Sleep(ctx, pause)
		waited += pause
		var answer rows[jobResultRow]
		if err == nil {
			answer, err = read[rows[jobResultRow]](ctx, p, callJob, "", map[string]string{"jobId": job})
		}
		if err == nil && answer.Result[0].running() && waited < longestJob {
			continue
		}
		for _, m := range members {
			m.receipt, m.err = p.outcome(job, answer, err, m)
		}
		return
	}
}

// outcome is how a job went for one card. What the job doesn't tell of a card
// is unknown: whoever called looks at the card then.
func (p *v5) outcome(job string, answer rows[jobResultRow], err error, m *member) (providers.Receipt, error) {
	if err != nil {
		return providers.Receipt{}, untold(job, fmt.Errorf("ask for the outcome of job %s: %w", job, err))
	}
	result := answer.Result[0]
	item, listed := result.item(m.msisdn)
	switch {
	case listed && item.Status == codeOK, !listed && result.JobStatus == jobDone:
		return providers.Receipt{RequestID: job}, nil
	case listed:
		e := p.explain(carriercall.Call{Name: callChangeBatch, Changing: true}, &item.envelope)
		e.RequestID = job
		if e.Proof == providers.AlreadySo {
			return providers.Receipt{RequestID: job, Already: true}, nil
		}
		return providers.Receipt{}, e
	default:
		return providers.Receipt{}, untold(job, fmt.Errorf("job %s has status %s and tells nothing of this card", job, jobText(string(result.JobStatus))))
	}
}

// untold is a batch that was taken, and of whose outcome the carrier tells nothing.
func untold(job string, err error) error {
	return &providers.Error{
		Call: callChangeBatch, RequestID: job, Proof: providers.ProvesNothing, Cause: providers.Unavailable, Err: err,
	}
}

// The statuses of a job (CMIOT_API23M10).
const (
	jobWaiting = "0"
	jobRunning = "1"
	jobDone    = "2"
)

// jobText is a job's status as people see it: the number, and what it stands for.
func jobText(status string) string {
	word, known := map[string]string{
		jobWaiting: "waiting", jobRunning: "running", jobDone: "done", "3": "done with failures", "4": "failed",
	}[status]
	if !known {
		return fmt.Sprintf("%q", carriercall.Shorten(status))
	}
	return status + " (" + word + ")"
}

// jobRow is change/sim-status/batch's.
type jobRow struct {
	JobID text `json:"jobId"`
}

func (r jobRow) lacks() error { return lenient.Need(r.JobID != "", "jobId") }

// numberRow is query/sim-card-info/batch's (CMIOT_API25S05); a row of a card
// that isn't the account's has a status of its own.
type numberRow struct {
	MSISDN text `json:"msisdn"`
	ICCID  text `json:"iccid"`
}

func (r numberRow) lacks() error { return nil }

// jobResultRow is query/sim-batch-result's: jobStatus, and a list of results
// where the job is done (public clients).
type jobResultRow struct {
	JobStatus  text             `json:"jobStatus"`
	ResultList list[jobItemRow] `json:"resultList"`
}

type jobItemRow struct {
	envelope
	ResultID text `json:"resultId"` // an MSISDN
}

func (r jobResultRow) lacks() error { return lenient.Need(r.JobStatus != "", "jobStatus") }

func (r jobResultRow) running() bool { return r.JobStatus == jobWaiting || r.JobStatus == jobRunning }

func (r jobResultRow) item(msisdn string) (jobItemRow, bool) {
	for _, item := range r.ResultList {
		if string(item.ResultID) == msisdn {
			return item, true
		}
	}
	return jobItemRow{}, false
}
