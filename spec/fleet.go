package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Fleet is everything that a configuration declares. Its zero value is an
// empty fleet without a policy.
type Fleet struct {
	// Dir is the configuration's folder; relative paths in it start here.
	Dir        string
	Backend    Backend
	Encryption *Encryption // nil: state and plan files are not encrypted
	Policy     Policy
	// Zone is the time zone, by its IANA name, in which people are told times
	// besides UTC; "" for none.
	Zone string
	// KeepHistory is for how long at least what was done to cards is kept; 0 is
	// [KeptFor], and less than 0 is for ever.
	KeepHistory time.Duration
	Executor    *Executor           // nil: the program that plans carries everything out
	Windows     Windows             // in the order of the source
	Schedules   []Schedule          // by name
	Notify      []Notify            // in the order of the source
	Providers   []ProviderConfig    // by name
	Carriers    []CarrierDefinition // of the configuration, by name
	Prices      []Price             // in the order of the source
	Cards       []Card              // by ICCID, each declared once
	Numbers     []PrivacyNumber     // by address
	Approvals   []Approval          // by name
	Removed     []Removed           // by ICCID
	Emptied     []Emptied           // in the order of the source
	Unset       []UnsetValue        // in the order of the source
	// Digest stands for the configuration's files and for the values of the
	// variables that are not sensitive: "sha256:…". Equal digests mean equal input.
	Digest string
}

// KeptFor is for how long at least the history is kept where a fleet doesn't say.
const KeptFor = 730 * 24 * time.Hour

// Forever is how a fleet says that nothing of its history is dropped.
const Forever = "forever"

// CarrierDefinition names a definition of a carrier that the configuration has. A
// definition is code: what is planned and approved with one isn't done with another.
type CarrierDefinition struct {
	Name     string `json:"name"`
	File     string `json:"file"`               // that it stands in
	Digest   string `json:"digest"`             // of its text: "sha256:…"
	Replaces bool   `json:"replaces,omitempty"` // a definition of that name in the program
}

// Provider finds the provider block of that name; nil where there is none.
func (f *Fleet) Provider(name ProviderName) *ProviderConfig {
	for i := range f.Providers {
		if f.Providers[i].Name == name {
			return &f.Providers[i]
		}
	}
	return nil
}

// Backend says where the state is kept. The zero value is the default:
// local, in fleet.state beside the configuration.
type Backend struct {
	Type string
	// Settings holds what the block says, in Go's types (see [SettingType]);
	// what it doesn't say is absent.
	Settings map[string]any
	// Ranges says where each setting stands.
	Ranges map[string]Range
	Source *Range
}

// Read reads the block by its schema, which the configuration's reader kept
// to; getenv is the environment.
func (b Backend) Read(schema Schema, getenv func(string) string) *Settings {
	return NewSettings(Written{
		Title: fmt.Sprintf("backend %q", schema.Type), Values: b.Settings, Ranges: b.Ranges, Header: b.Source,
	}, schema, getenv)
}

// Encryption says how state, journal and plan files are encrypted with age.
type Encryption struct {
	EncryptionKey
	// Recipients are public keys; none with a passphrase.
	Recipients []string
	// Previous open what was encrypted before. Nothing is encrypted for them.
	Previous []EncryptionKey
	// Enforced refuses files that are not encrypted.
	Enforced bool
	Source   *Range
}

// EncryptionKey is what opens encrypted files.
type EncryptionKey struct {
	// Identities are paths of files with secret keys, or such keys; see [IsSecretKey].
	Identities []string
	Passphrase string
	// Ranges says where each setting of the block stands, recipients among them,
	// and each element of a list that is written out: "recipients[0]".
	Ranges map[string]Range
}

// Notify is somewhere that hears of runs: a chat's bot, or a webhook.
type Notify struct {
	Type string // one of [NotifyTypes]
	// URL is a secret: for most types whoever knows it may write there.
	URL string
	// Secret signs what is sent; "" where the bot wants no signature.
	Secret string
	On     []Event // what it hears of, as [Events] lists them
	Source *Range
}

// NotifyTypes are the types of a [Notify].
func NotifyTypes() []string { return []string{"dingtalk", "feishu", "slack", "webhook", "wecom"} }

// unsignedTypes have no signature: who knows the URL may write.
func unsignedTypes() []string { return []string{"slack", "wecom"} }

// NotifySchemas are what a notify block of each type may say.
func NotifySchemas() []Schema {
	var list []Schema
	for _, typ := range NotifyTypes() {
		secret := Setting{Name: "secret", Secret: true, MayBeBlank: true, Doc: "signs what is sent"}
		if slices.Contains(unsignedTypes(), typ) {
			secret.Refused = fmt.Sprintf("A bot of %s has no signature: the key in its url is all that it goes by. Leave secret out.", typ)
		}
		list = append(list, Schema{Type: typ, Settings: []Setting{
			{Name: "url", Secret: true, Required: true, MayBeBlank: true, Doc: "the whole address that the bot or the receiver was given"},
			secret,
			{Name: "on", Type: SettingStrings, Doc: "the events that it hears of; all unless said"},
			AllowPlaintext(),
		}})
	}
	return list
}

// Event is something that people may want to hear of.
type Event string

// The events.
const (
	ApplyEvent   Event = "apply"   // an apply came to its end
	FailureEvent Event = "failure" // an apply was refused, broke off, or left an action undone
	DriftEvent   Event = "drift"   // a plan found cards that changed outside
	// ApprovalEvent says that a plan wants approvals that nobody gave yet.
	ApprovalEvent Event = "approval"
)

// Events lists them.
func Events() []Event { return []Event{ApplyEvent, FailureEvent, DriftEvent, ApprovalEvent} }

// IsSecretKey tells a secret key of age or SSH from the path of a file.
func IsSecretKey(identity string) bool {
	return strings.Contains(identity, "AGE-SECRET-KEY-") || strings.Contains(identity, "PRIVATE KEY")
}

// Policy is what a plan must keep to before it may be applied. The zero value
// guards unbind, which is always guarded, and unbinds cards that left the
// configuration (which needs an approval).
type Policy struct {
	Guard    []Kind  // sorted; unbind is in it whether it is written or not
	Limits   []Limit // in the order of the source
	OnRemove Kind    // Unbind, Stop or Forget; "" means Unbind
	// RequiredApprovals is how many distinct signers a guarded action needs; 0 means 1.
	RequiredApprovals int
	// AllowedSigners is the path of an OpenSSH allowed_signers file. Where it
	// is set, an approval that nobody signed counts for nothing.
	AllowedSigners string
	// ApprovalMaxAge is how far ahead of an apply the end of a signature may
	// lie; 0 means 720 hours.
	ApprovalMaxAge time.Duration
	Source         *Range
	// SignersSource is where AllowedSigners is written; nil where it isn't.
	SignersSource *Range
}

// MaxApprovalAge is ApprovalMaxAge, or what it is where the policy doesn't say.
func (p Policy) MaxApprovalAge() time.Duration { return cmp.Or(p.ApprovalMaxAge, 720*time.Hour) }

// Guards reports whether an action of kind k needs an approval.
func (p Policy) Guards(k Kind) bool {
	return k.Irreversible() || slices.Contains(p.Guard, k)
}

// Limit refuses a plan with more than so many actions of a kind.
type Limit struct {
	// Kind is a kind of action; AnyKind counts every action that calls a
	// carrier, Removals the cards that left the configuration.
	Kind Kind
	// Provider narrows the limit to one provider's cards; "" means all.
	Provider ProviderName
	// Count is the most actions allowed; nil means no such bound.
	Count *int
	// Percent is the most of the managed cards, in percent; strictly more is refused. nil means no such bound.
	Percent *float64
	Source  *Range
}

// Kinds of a [Limit] that are no kinds of action.
const (
	AnyKind  Kind = "any"
	Removals Kind = "remove"
)

// LimitKinds are the kinds that a limit may name.
func LimitKinds() []Kind { return append(Kinds(), Removals, AnyKind) }

// ProviderName is a provider block's name as cards refer to it: its type, or
// type and alias with a dot between ("aliyun.hangzhou").
type ProviderName string

// Check says why n is no provider's name; nil where it is one: a word, or two
// with a dot between them.
func (n ProviderName) Check() error {
	typ, alias, aliased := strings.Cut(string(n), ".")
	if !isWord(typ) || aliased && !isWord(alias) {
		return fmt.Errorf("%q is no provider's name", string(n))
	}
	return nil
}

// isWord reports whether s is a letter, then letters, digits, underscores and dashes.
func isWord(s string) bool {
	for i, r := range s {
		if !unicode.In(r, unicode.L, unicode.Nl) && (i == 0 || r != '-' && !unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc)) {
			return false
		}
	}
	return s != ""
}

// Type is the part before the dot: which carrier's API it is.
func (n ProviderName) Type() string {
	t, _, _ := strings.Cut(string(n), ".")
	return t
}

// ProviderConfig is one provider block with its settings read and checked.
type ProviderConfig struct {
	Name ProviderName
	// Settings holds what the block says, in Go's types (see [SettingType]);
	// what it doesn't say is absent.
	Settings map[string]any
	// Ranges says where each setting stands.
	Ranges map[string]Range
	// Sensitive are the settings whose values are sensitive, as what env() reads is: they
	// may differ from machine to machine.
	Sensitive map[string]bool
	Source    Range
}

// Block is what the cards of one card block share: its name and its places in
// the source. Cards of one block point to one Block.
type Block struct {
	Name   string // the label: "bike" of card "bike"
	Source Range  // the block's header
	// Attrs says where each attribute of the block stands, in the order of the source.
	Attrs []AttrPlace
	// Table is what from_csv names; nil for other blocks, of which there may be a million.
	Table *BlockTable
	// Keyed reports whether the block has for_each or from_csv, so that its cards have keys.
	Keyed bool
}

// BlockTable is the table whose rows are a block's cards.
type BlockTable struct {
	CSV string // the file, as from_csv names it
	// Columns says which column of CSV an attribute takes, where it takes one only.
	Columns []AttrColumn
}

// CSV is the file that from_csv names; "" for other blocks.
func (b *Block) CSV() string {
	if b.Table == nil {
		return ""
	}
	return b.Table.CSV
}

// AttrColumn is a column that an attribute's value comes from.
type AttrColumn struct{ Attr, Column string }

// Column is the column of CSV that an attribute takes; "" for none and several.
func (b *Block) Column(attr string) string {
	if b.Table == nil {
		return ""
	}
	for _, c := range b.Table.Columns {
		if c.Attr == attr {
			return c.Column
		}
	}
	return ""
}

// AttrPlace says where one attribute of a block stands. A fleet may have a
// block for every card, so places are counted from the block: blocks that are
// written alike share theirs.
type AttrPlace struct {
	Name       string
	Start, End RelPos
}

// RelPos is a place in a block: Line and Byte count from the end of the block's
// header, in files of less than 2 GiB; Column counts from 1.
type RelPos struct{ Line, Column, Byte int32 }

// RelTo is the place p, counted from the end of a block's header.
func (p Pos) RelTo(header Range) RelPos {
	return RelPos{Line: int32(p.Line - header.End.Line), Column: int32(p.Column), Byte: int32(p.Byte - header.End.Byte)}
}

// Pos is the place in the file of the block with that header.
func (p RelPos) Pos(header Range) Pos {
	return Pos{Line: header.End.Line + int(p.Line), Column: int(p.Column), Byte: header.End.Byte + int(p.Byte)}
}

// Card is one card as it is wanted. A nil, zero or Unset attribute is not managed.
type Card struct {
	Provider ProviderName
	ICCID    ICCID
	Block    *Block
	Key      string // each.key; "" where the block is not Keyed
	Row      int    // the line of the CSV file it was read from; 0 for none

	IMEI        IMEI
	Packages    []string // sorted; nil is not managed, empty means none
	CurrentIMEI IMEI     // the device it is bound to now, for adoption
	MSISDN      string   // its number, for carriers that take it as a key
	Labels      map[string]string

	Bound         Switch // Off: must have no device
	Active        Switch
	SharedIMEI    bool
	PreventUnbind bool
	Ignore        Attr // attributes whose differences are left alone
}

// Address is how people refer to the card: card.kiosk, card.bike["8986…"].
func (c *Card) Address() string {
	var room [addressRoom]byte
	return string(c.AppendAddress(room[:0]))
}

// HasAddress reports whether that is the card's address, without making it.
func (c *Card) HasAddress(address string) bool {
	var room [addressRoom]byte
	return string(c.AppendAddress(room[:0])) == address
}

// addressRoom is as long as most addresses are at most, in bytes.
const addressRoom = 96

// AppendAddress appends the card's address to b.
func (c *Card) AppendAddress(b []byte) []byte {
	b = append(append(b, "card."...), c.Block.Name...)
	switch {
	case !c.Block.Keyed:
		return b
	case plainKey(c.Key):
		return append(append(append(b, `["`...), c.Key...), `"]`...)
	default:
		return append(strconv.AppendQuote(append(b, '['), c.Key), ']')
	}
}

// plainKey reports whether the key stands between quotes as it is. Nearly every
// key does, and to quote a million of them takes a while.
func plainKey(key string) bool {
	for i := range len(key) {
		if b := key[i]; b < ' ' || b >= 0x7f || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

// Place is where the attribute attr of this card stands in the source, or the
// block's header where the block doesn't say it.
func (c *Card) Place(attr string) Range {
	for _, p := range c.Block.Attrs {
		if p.Name == attr {
			header := c.Block.Source
			return Range{File: header.File, Start: p.Start.Pos(header), End: p.End.Pos(header)}
		}
	}
	return c.Block.Source
}

// Wants is the set of attributes that the card manages and doesn't ignore.
func (c *Card) Wants() Attr {
	var a Attr
	if c.IMEI != "" || c.Bound == Off {
		a |= AttrBinding
	}
	if c.Active != Unset {
		a |= AttrActive
	}
	if c.Packages != nil {
		a |= AttrPackages
	}
	return a &^ c.Ignore
}

// CardID names a card and where it stands. A card is its ICCID alone, at
// whatever provider block, and never its address, which is only a name.
type CardID struct {
	Provider ProviderName `json:"provider"`
	ICCID    ICCID        `json:"iccid"`
}

// ID is the card, at the provider block that it is declared at.
func (c *Card) ID() CardID { return CardID{c.Provider, c.ICCID} }

// Compare orders cards by ICCID: the order that every list of cards in the
// program has, so that joining lists is a merge. Rows of one card, which only
// an older state has, are by provider.
func (a CardID) Compare(b CardID) int {
	if c := cmp.Compare(a.ICCID, b.ICCID); c != 0 {
		return c
	}
	return cmp.Compare(a.Provider, b.Provider)
}

// String is for messages: "aliyun.hangzhou 89860617030017300390".
func (a CardID) String() string { return string(a.Provider) + " " + string(a.ICCID) }

// PrivacyNumber is a watched number of Alibaba's number privacy.
type PrivacyNumber struct {
	Name     string // the block's label
	Provider ProviderName
	PoolKey  string
	SubsID   string
	CallNo   string // optional
	Number   string // the X number expected; "" only watches the status
	Source   Range
	Attrs    map[string]Range
}

// Address is privacy_number.NAME.
func (n *PrivacyNumber) Address() string { return "privacy_number." + n.Name }

// Approval is an approval block: a person's word that exactly these cards may
// be unbound from exactly these devices.
type Approval struct {
	Name    string
	Action  Kind
	Cards   []ApprovedCard // by ICCID
	Reason  string
	Expires time.Time // zero: never
	Source  Range
}

// ApprovedCard names one card and the device that it may be unbound from.
type ApprovedCard struct {
	ICCID ICCID
	IMEI  IMEI
}

// Emptied is a card block that is made from a file without rows.
type Emptied struct {
	Block string // its name
	// Diagnostic is a warning at the block: an error where cards of the block are managed.
	Diagnostic Diagnostic
}

// Removed names a card to be forgotten without touching it.
type Removed struct {
	ICCID  ICCID
	Source Range
}
