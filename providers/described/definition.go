package described

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// Definition is a carrier's definition, compiled. It doesn't change, and many
// providers may use it at once.
type Definition struct {
	Name     string
	Title    string // for people; "" for none
	File     string // that it stands in
	Embedded bool   // in the program
	Digest   string // of its text: "sha256:…"
	Source   string // its text

	endpoint string // "" where the provider's block says it
	settings []setting
	limits   limits
	token    *token
	every    *template
	let      []named
	sign     []signature
	lookups  []*lookup
	read     *reads
	further  []*reads
	list     *list
	batch    *batch
	statuses map[string]standing
	changes  map[spec.Kind]*change
	steps    []*step // of every change that names them
	code     *expression
	message  *expression
	// requestID is what the carrier calls a request, where no header says it.
	requestID *expression
	outcomes  []outcome
	done      bool // an outcome is done
	bodies    bool // an outcome reads the body
	encoding  string
	samples   []*sample
	at        hcl.Range
	// answer are the parts of any reply that code, message, outcomes and the
	// refusal of a token take.
	answer needs
}

// setting is one setting of a provider's block.
type setting struct {
	name     string
	env      string
	secret   bool
	fallback *string
}

// limits are a definition's own; a provider's block may say others.
type limits struct {
	providers.Limits
	settle, cooldown time.Duration
	named            map[string]float64 // requests a second
}

// named is an expression with a name.
type named struct {
	name string
	expr *expression
}

// token is how a token is got.
type token struct {
	request *request
	values  []named
	expires *expression
	refused *expression
	takes   needs
}

// signature is made over a request, and becomes a part of it.
type signature struct {
	text        *expression
	place, name string // "header", "X-Sign"
}

// lookup finds a carrier's own id of a card.
type lookup struct {
	name    string
	request *request
	value   *expression
	values  *expression
	size    int
	takes   needs
}

// attribute is one attribute of a reading.
type attribute struct {
	expr *expression
	none *expression // whether there is none; nil where nothing says it
}

// reads is a request that reads a card, and what its reply tells. In a list or
// a batch it is what a row tells.
type reads struct {
	name      string // of a further read; "" for the first
	request   *request
	iccid     *expression
	status    *expression
	lifecycle *expression
	reason    *expression
	imei      attribute
	packages  attribute
	observed  *expression
	words     map[string]string
	keep      []named
	ids       []named // looked-up names that a row has
	takes     needs
	at        hcl.Range
	// inherited are the expressions of a row that the read says of its reply.
	inherited map[*expression]bool
}

// attrs are the attributes that it tells.
func (r *reads) attrs() spec.Attr {
	var a spec.Attr
	if r == nil {
		return 0
	}
	if r.status != nil || r.lifecycle != nil {
		a |= spec.AttrActive
	}
	if r.imei.expr.says() || r.imei.none.says() {
		a |= spec.AttrBinding
	}
	if r.packages.expr.says() || r.packages.none.says() {
		a |= spec.AttrPackages
	}
	return a
}

// serves are the attributes for whose sake it is made: those that it tells, and the
// binding, in whose place the device in use is watched.
func (r *reads) serves() spec.Attr {
	a := r.attrs()
	if r.observed.says() {
		a |= spec.AttrBinding
	}
	return a
}

// list is how all cards of an account are listed.
type list struct {
	request *request
	size    int
	rows    *expression
	row     *reads
	next    *expression
	pages   *expression
	total   *expression
	more    *expression
	window  *window
	since   *expression
	takes   needs
}

// window parts a list by time.
type window struct {
	from, to *expression
	span     time.Duration
}

// batch reads many cards with one request.
type batch struct {
	request *request
	size    int
	rows    *expression
	row     *reads
	missing bool // a card that the reply lacks isn't there
	takes   needs
}

// standing is what a status is in our words.
type standing struct {
	lifecycle spec.Lifecycle
	changing  bool
	curedBy   spec.Kind
	hint      string
}

// change is how a card is changed.
type change struct {
	kind         spec.Kind
	request      *request
	done         *expression
	keeps        bool // an unbind that closes no account
	replaces     bool
	namesPrior   bool
	irreversible bool
	bills        string
	cooldown     time.Duration
	wait         *wait
	steps        []*step
	takes        needs
	reading      bool // it takes what was read right before
}

// step is a request before a change, which touches no card.
type step struct {
	name    string
	request *request
	unless  *expression
	takes   needs
}

// wait looks for what became of a change that the carrier has accepted.
type wait struct {
	request *request
	unless  *expression // of accepted: it is done by then, and nothing is waited for
	until   *expression
	failed  *expression
	ticket  *expression
	every   time.Duration
	longest time.Duration
	takes   needs
}

// outcome is what a reply means where it holds.
type outcome struct {
	label      string
	when       *expression
	retryAfter *expression
	body       bool // it reads the body
	waits      bool // for a person outside, such as an order for its payment
	// byStatus says for each HTTP status whether it holds, where nothing else decides;
	// else nil.
	byStatus *statuses
	at       hcl.Range
}

// statuses are a truth for each HTTP status.
type statuses [600]bool

// firstStatus is the lowest HTTP status.
const firstStatus = 100

// holds reports whether the outcome holds.
func (o *outcome) holds(ctx *hcl.EvalContext, status int) bool {
	if o.byStatus != nil && status >= firstStatus && status < len(o.byStatus) {
		return o.byStatus[status]
	}
	return o.when.holds(ctx)
}

// request is how a request is made.
type request struct {
	template
	method *expression
	path   *path
	url    *expression // of a token alone
	text   *expression
	reads  bool
	limit  string
	card   map[string]bool // the names of the card that it takes
	at     hcl.Range
}

// template is the parts of a request that every request has too.
type template struct {
	query, headers, form, json, multipart *object
}

// object is a map that is written out, each value an expression of its own, or
// one expression for all.
type object struct {
	items []named
	whole *expression // where it isn't written out
}

// path is a path whose values are escaped.
type path struct {
	parts []pathPart
	whole *expression // where it is no template
}

type pathPart struct {
	literal string
	expr    *expression // nil for a literal
}

// sample is a card, a reply, and what they come to.
type sample struct {
	name                      string
	card, change, sends       cty.Value
	reply, gives, tokenValues cty.Value
	setting, reading, steps   cty.Value
	accepted                  cty.Value
	now                       time.Time
	at                        hcl.Range
}
