// Package carriersim is the simulated fleet behind the simulated carriers: the
// cards, devices, packages and numbers that all of them share, what the
// carriers did, and the faults that a test asks for.
//
// It knows no carrier's wire format; packages like aliyun/aliyunsim speak those,
// and turn each request into calls of [World]. It makes nothing up: the same
// world, clock and requests give the same answers. Start reading at [World].
package carriersim

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/cardfleet/cardfleet/spec"
)

// The account that every world accepts where it names none, so that a
// simulated carrier can be tried without making up credentials.
const (
	TestID     = "testid"
	TestSecret = "testsecret"
	TestKey    = "testkey"
)

// World is a simulated fleet. Its zero value has no card, accepts the test
// account, and its clock stands still at the zero time (carriers then don't
// look at timestamps).
//
// As a file (see [Load]) it is JSON:
//
//	{
//	  "open": false,
//	  "accounts": [{"id": "testid", "secret": "testsecret"}],
//	  "cards": [
//	    {"iccid": "89860617030017300390", "msisdn": "1064633113571", "status": "active",
//	     "imei": "867194030000017",
//	     "packages": [{"id": "100M", "name": "100 MB a month", "expires": "2027-01-01T00:00:00+08:00"}]},
//	    {"iccid": "898600D6991330004146", "status": "suspended-by-carrier", "words": "欠费停机"}
//	  ],
//	  "devices": ["867194030000025"],
//	  "numbers": [{"pool": "FC12345", "subs": "12345", "status": 1, "number": "17000000000"}],
//	  "latency": "20ms",
//	  "requests_per_second": 50,
//	  "show_delay": "2s",
//	  "faults": [{"action": "DoIotUserStopResume", "times": 1, "kind": "lost-after"}]
//	}
//
// Everything in it may be left out. A card's status is one of ours (active,
// suspended-by-owner, suspended-by-carrier, pending, inventory, testing,
// dormant, closing, closed, transferred); left out, it is active. words are what
// the carrier says for it, where that should differ from the carrier's usual ones.
//
// The fields are set before the first request; from then on, use the methods,
// which may be called by many goroutines.
type World struct {
	// Open brings cards and privacy numbers that nobody described into being
	// at first sight: in service, bound to the device that is first named for
	// it. Without it, what isn't described doesn't exist.
	Open     bool      `json:"open,omitempty"`
	Accounts []Account `json:"accounts,omitempty"` // none: the test account
	Cards    []Card    `json:"cards,omitempty"`    // by ICCID in files
	// Devices are the IMEIs that were uploaded to the carrier; devices that
	// cards are bound to are known without it.
	Devices []spec.IMEI `json:"devices,omitempty"`
	// Offers are the packages that can be subscribed to; none: all can.
	Offers  []string `json:"offers,omitempty"`
	Numbers []Number `json:"numbers,omitempty"`
	// Orders are the packages ordered so far.
	Orders []Order `json:"orders,omitempty"`

	// Latency is how long each answer takes.
	Latency Duration `json:"latency,omitzero"`
	// RequestsPerSecond is each carrier's limit, above which it throttles; 0 is
	// none. Bursts of one second's worth pass.
	RequestsPerSecond float64 `json:"requests_per_second,omitempty"`
	// ThrottleAfter is the Retry-After of throttled answers; 0 sends none.
	ThrottleAfter Duration `json:"throttle_after,omitzero"`
	// ShowDelay is how long a card's changes take to show in readings.
	ShowDelay Duration `json:"show_delay,omitzero"`
	// WriteCooldown is how long after a change of a card's status China Mobile
	// refuses the next: 0 is 30 minutes, less than 0 is not at all.
	WriteCooldown Duration `json:"write_cooldown,omitzero"`
	// RepeatTransids takes a transid of China Mobile's again. Without it each is
	// taken once, which is a GUESS: the document says how they are made, and not
	// what becomes of one that was used.
	RepeatTransids bool `json:"repeat_transids,omitempty"`
	// ExclusiveIMEI refuses to bind a device that another card is bound to.
	ExclusiveIMEI bool `json:"exclusive_imei,omitempty"`
	// Retired are actions that the carriers no longer have, by the carriers' names.
	Retired []string `json:"retired,omitempty"`
	Faults  []Fault  `json:"faults,omitempty"`

	// Now is the clock, Sleep how to wait for Latency; nil: the clock stands
	// still, and nothing waits.
	Now   func() time.Time                                 `json:"-"`
	Sleep func(ctx context.Context, d time.Duration) error `json:"-"`
	// Record keeps every request for [World.Requests]. They are always counted.
	Record bool `json:"-"`

	mu       sync.Mutex
	ready    bool
	cards    map[spec.ICCID]*Card
	version  int                   // how often a card was set
	sorted   []spec.ICCID          // of cards; nil where a card came since it was made
	devices  map[string]spec.IMEI  // uploaded, by spec.IMEI.Device
	bound    map[string]spec.ICCID // the card bound to a device
	orders   map[string]Order      // by key
	limiters map[string]*rate.Limiter
	counts   map[string]int
	requests []Request
	serial   int
	log      *journal // nil: the world is in memory only
}

// Account is a pair of credentials, whatever a carrier calls its halves.
type Account struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	// Key goes with each call to carriers that ask for a further one; "" means [TestKey].
	Key string `json:"key,omitempty"`
}

// Number is a privacy number: the X number behind a subscription of a pool.
type Number struct {
	Pool   string `json:"pool"`
	Subs   string `json:"subs"`
	Status int    `json:"status"`           // 1 to 4, see [spec.NumberReading]
	Number string `json:"number,omitempty"` // "" for none
}

// Order is one order of a package.
type Order struct {
	Key     string     `json:"key"` // the caller's own serial
	Number  string     `json:"number"`
	ICCID   spec.ICCID `json:"iccid"`
	Package string     `json:"package"`
}

// Request is one request that a carrier got.
type Request struct {
	Carrier string
	Action  string
	ICCID   spec.ICCID
	Params  map[string]string // without credentials and signatures
	Effect  bool              // whether it changed anything
}

// prepare indexes what the fields describe; with mu held.
func (w *World) prepare() {
	if w.ready {
		return
	}
	w.ready = true
	w.cards, w.devices = make(map[spec.ICCID]*Card, len(w.Cards)), map[string]spec.IMEI{}
	w.bound, w.orders = map[string]spec.ICCID{}, map[string]Order{}
	w.limiters, w.counts = map[string]*rate.Limiter{}, map[string]int{}
	for i := range w.Cards {
		w.put(w.Cards[i])
	}
	for _, imei := range w.Devices {
		w.devices[imei.Device()] = imei
	}
	for _, o := range w.Orders {
		w.orders[o.Key] = o
	}
}

// put sets a card, and keeps the index of devices true; with mu held.
func (w *World) put(c Card) {
	if old := w.cards[c.ICCID]; old != nil && old.IMEI != "" && w.bound[old.IMEI.Device()] == c.ICCID {
		delete(w.bound, old.IMEI.Device())
	}
	if c.Status == "" {
		c.Status = spec.Active
	}
	if w.cards[c.ICCID] == nil {
		w.sorted = nil
	}
	w.version++
	w.cards[c.ICCID] = &c
	if c.IMEI != "" {
		w.devices[c.IMEI.Device()] = c.IMEI
		w.bound[c.IMEI.Device()] = c.ICCID
	}
}

// lock takes the world for one step and returns how to let go of it.
func (w *World) lock() (unlock func()) {
	w.mu.Lock()
	w.prepare()
	return w.mu.Unlock
}

// Clock is the world's time; zero where it has no clock.
func (w *World) Clock() time.Time {
	if w.Now == nil {
		return time.Time{}
	}
	return w.Now()
}

// Admit makes the world accept an account.
func (w *World) Admit(a Account) {
	defer w.lock()()
	if len(w.Accounts) == 0 {
		w.Accounts = []Account{{ID: TestID, Secret: TestSecret}}
	}
	w.Accounts = slices.DeleteFunc(w.Accounts, func(o Account) bool { return o.ID == a.ID })
	w.Accounts = append(w.Accounts, a)
}

// Secret is the secret of the account named id.
func (w *World) Secret(id string) (secret string, ok bool) {
	a, ok := w.Account(id)
	return a.Secret, ok
}

// Account is the account named id, with its key.
func (w *World) Account(id string) (a Account, ok bool) {
	defer w.lock()()
	accounts := w.Accounts
	if len(accounts) == 0 {
		accounts = []Account{{ID: TestID, Secret: TestSecret}}
	}
	for _, a := range accounts {
		if a.ID == id {
			a.Key = cmp.Or(a.Key, TestKey)
			return a, true
		}
	}
	return Account{}, false
}

// Version is another one after each change of a card.
func (w *World) Version() int {
	defer w.lock()()
	return w.version
}

// Holds is the account whose secret this is, for carriers that know a caller by
// one credential alone.
func (w *World) Holds(secret string) (a Account, ok bool) {
	defer w.lock()()
	accounts := w.Accounts
	if len(accounts) == 0 {
		accounts = []Account{{ID: TestID, Secret: TestSecret}}
	}
	i := slices.IndexFunc(accounts, func(a Account) bool { return a.Secret == secret })
	if i < 0 {
		return Account{}, false
	}
	return accounts[i], true
}

// Serial counts up from 1: a number for request and order ids.
func (w *World) Serial() int {
	defer w.lock()()
	w.serial++
	return w.serial
}

// Number is the privacy number of a subscription.
func (w *World) Number(pool, subs string) (n Number, ok bool) {
	defer w.lock()()
	for _, n := range w.Numbers {
		if n.Pool == pool && n.Subs == subs {
			return n, true
		}
	}
	// 17000000000 is the sample of Dyplsapi's QueryCallStatus.
	return Number{Pool: pool, Subs: subs, Status: 1, Number: "17000000000"}, w.Open
}

// Registered reports whether a device was uploaded, or has a card.
func (w *World) Registered(imei spec.IMEI) bool {
	defer w.lock()()
	_, ok := w.devices[imei.Device()]
	return ok
}

// Register uploads a device.
func (w *World) Register(imei spec.IMEI) error {
	defer w.lock()()
	w.devices[imei.Device()] = imei
	return w.log.append(record{Device: imei})
}

// Holder is the card that is bound to the device; "" for none.
func (w *World) Holder(imei spec.IMEI) spec.ICCID {
	defer w.lock()()
	return w.bound[imei.Device()]
}

// Ordered is the order that was made under key.
func (w *World) Ordered(key string) (o Order, ok bool) {
	defer w.lock()()
	o, ok = w.orders[key]
	return o, ok
}

// Order keeps an order, under its key.
func (w *World) Order(o Order) error {
	defer w.lock()()
	w.orders[o.Key] = o
	return w.log.append(record{Order: &o})
}

// Count is how many requests for an action came, over all carriers.
func (w *World) Count(action string) int {
	defer w.lock()()
	return w.counts[action]
}

// Counts is how many requests came for each action.
func (w *World) Counts() map[string]int {
	defer w.lock()()
	counts := make(map[string]int, len(w.counts))
	for action, n := range w.counts {
		counts[action] = n
	}
	return counts
}

// Requests is every request so far, in order; nil without Record.
func (w *World) Requests() []Request {
	defer w.lock()()
	return slices.Clone(w.requests)
}

// gather brings the fields up to date with the indexes; with mu held.
func (w *World) gather() {
	w.Cards, w.Devices, w.Orders = w.Cards[:0:0], w.Devices[:0:0], w.Orders[:0:0]
	for _, c := range w.cards {
		w.Cards = append(w.Cards, *c)
	}
	for _, imei := range w.devices {
		w.Devices = append(w.Devices, imei)
	}
	for _, o := range w.orders {
		w.Orders = append(w.Orders, o)
	}
	slices.SortFunc(w.Cards, func(a, b Card) int { return cmp.Compare(a.ICCID, b.ICCID) })
	slices.Sort(w.Devices)
	slices.SortFunc(w.Orders, func(a, b Order) int { return cmp.Compare(a.Key, b.Key) })
}
