package aliyun

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	actionCallStatus   = "QueryCallStatus"
	actionSubscription = "QuerySubscriptionDetail"
)

// The statuses of a privacy number that a binding's status stands for (see
// [spec.NumberReading]).
const (
	numberNormal  = 1
	numberExpired = 4
)

// numbers is Dyplsapi. Alibaba's newer SDKs no longer have QueryCallStatus
// (removed from JAVA in bf9c4b5d4d, 2023-02-24), so a gateway may not have it
// any more: that is found out with one call, for the whole run.
type numbers struct {
	api     *alirpc.API
	asking  chan struct{} // held by the call that finds out
	known   atomic.Bool   // whether QueryCallStatus answers is known
	retired atomic.Bool   // it is gone
}

// ReadNumber implements [providers.NumberReader] with QueryCallStatus, and with
// QuerySubscriptionDetail where the gateway says that the former is gone.
func (p *provider) ReadNumber(ctx context.Context, n *spec.PrivacyNumber) (spec.NumberReading, error) {
	reading, gone, err := p.numbers.callStatus(ctx, n)
	if gone {
		reading, err = p.numbers.subscription(ctx, n)
	}
	if err != nil {
		return spec.NumberReading{}, err
	}
	reading.Address, reading.At = n.Address(), p.numbers.api.Now()
	return reading, nil
}

// callStatus asks QueryCallStatus, unless that is known to be gone.
func (s *numbers) callStatus(ctx context.Context, n *spec.PrivacyNumber) (reading spec.NumberReading, gone bool, err error) {
	release, err := s.turn(ctx)
	if err != nil {
		return reading, false, err
	}
	defer release()
	if s.retired.Load() {
		return reading, true, nil
	}
	params := map[string]string{"PoolKey": n.PoolKey, "SubsId": n.SubsID}
	if n.CallNo != "" {
		params["CallNo"] = n.CallNo // the document's table has callNo, every SDK sends CallNo
	}
	r, err := alirpc.Read[callStatusReply](ctx, s.api, actionCallStatus, params)
	if gone = alirpc.Retired(err); gone || err == nil {
		s.retired.Store(gone)
		s.known.Store(true)
	}
	if gone || err != nil {
		return reading, gone, err
	}
	status, err := strconv.Atoi(string(r.SecretCallStatusDTO.Status))
	if err != nil {
		return reading, false, odd(actionCallStatus, &r.Envelope, errors.New("the answer's status is no number"))
	}
	return spec.NumberReading{Status: status, Number: string(r.SecretCallStatusDTO.CalledNo)}, false, nil
}

// turn lets one call at a time pass until it is known which action answers, so
// that many numbers read at once don't all ask the one that is gone.
func (s *numbers) turn(ctx context.Context) (release func(), err error) {
	if s.known.Load() {
		return func() {}, nil
	}
	select {
	case s.asking <- struct{}{}:
		return func() { <-s.asking }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// subscription reads the binding itself: in force is what QueryCallStatus calls
// normal, no longer in force is expired. A number replaced for a while and one
// that fails (its 2 and 3) don't show here.
func (s *numbers) subscription(ctx context.Context, n *spec.PrivacyNumber) (spec.NumberReading, error) {
	if n.Number == "" {
		return spec.NumberReading{}, providers.Refuse(actionSubscription, "the carrier no longer has "+actionCallStatus+
			", and this call asks for the X number: write it as number in the privacy_number block")
	}
	r, err := alirpc.Read[subscriptionReply](ctx, s.api, actionSubscription, map[string]string{
		"PoolKey": n.PoolKey, "SubsId": n.SubsID, "PhoneNoX": n.Number,
	})
	if err != nil {
		return spec.NumberReading{}, err
	}
	bound := r.SecretBindDetailDTO
	status, err := s.statusOf(bound.Status, bound.ExpireDate.Time())
	if err != nil {
		return spec.NumberReading{}, odd(actionSubscription, &r.Envelope, err)
	}
	return spec.NumberReading{Status: status, Number: cmp.Or(string(bound.PhoneNoX), n.Number)}, nil
}

// statusOf puts a binding's status, 1 生效 and 0 失效 (ALIDOC 63174), in
// QueryCallStatus' words. One that is over by its date is expired, whatever its
// status still says.
func (s *numbers) statusOf(binding alirpc.Text, expires time.Time) (int, error) {
	const inForce, ended = "1", "0"
	switch {
	case binding == ended, binding == inForce && !expires.IsZero() && !expires.After(s.api.Now()):
		return numberExpired, nil
	case binding == inForce:
		return numberNormal, nil
	default:
		return 0, errors.New("the binding's status is neither 1 (in force) nor 0 (ended)")
	}
}

// odd is an answer that makes no sense.
func odd(action string, head *alirpc.Envelope, err error) error {
	return &providers.Error{
		Call: action, RequestID: string(head.RequestID), Proof: providers.NeverSeen, Cause: providers.Unavailable, Err: err,
	}
}
