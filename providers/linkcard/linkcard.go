// Package linkcard is Alibaba Cloud's Linkcard 2021-05-20 (物联网无线连接服务), the
// provider "aliyun_linkcard" and Dyiotapi's successor.
//
// Linkcard reports a card's status with who stopped it, the device that it is
// bound to and its packages, and lists the account's cards; it stops, resumes
// and orders packages. It has no call that binds a card to a named device: a
// card binds itself to the first one it is used in.
// linkcard.go is what the program calls, change.go the changes, replies.go the
// replies, codes.go what their codes mean, convert.go their words in ours. How a
// call is made is alirpc's.
//
// Facts are cited as in docs/carriers.md: JAVA is aliyun-openapi-java-sdk, META
// Alibaba's OpenAPI metadata, ALIDOC help.aliyun.com. What is called a GUESS is
// in no document, and is a setting or harms nobody.
package linkcard

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	defaultEndpoint = "https://linkcard.aliyuncs.com"
	version         = "2021-05-20"

	// pageSize is the largest that ListCardInfo takes: 10, 15, 25 or 40 (ALIDOC 425529).
	pageSize = 40

	// settle is how long a change may take to show. GUESS: no document says;
	// operators behind Alibaba speak of minutes.
	settle = 10 * time.Minute
)

const (
	actionDetail = "GetCardDetail"
	actionFlow   = "GetCardFlowInfo"
	actionList   = "ListCardInfo"
	actionStop   = "StopSingleCard"
	actionResume = "ResumeSingleCard"
	actionRebind = "RebindResumeSingleCard"
	actionRenew  = "Renew"
)

// defaults are GUESSES, but for the rate: 20 a second for each of the account's
// APIs, which its RAM users share (ALIDOC 374328). A card is read by two of them
// at most, so all together may make twice as many.
func defaults() providers.Limits {
	return providers.Limits{RequestsPerSecond: 40, PerFunction: 20, MaxInFlight: 16, Timeout: 25 * time.Second, Retries: 4}
}

// Type is the provider "aliyun_linkcard".
func Type() providers.Type {
	return providers.Type{Schema: schema(), Open: open, Facts: "official documents"}
}

func schema() spec.Schema {
	return spec.Schema{Type: "aliyun_linkcard", Account: "access_key_id", AccountKey: true, Carrier: "aliyun", Endpoint: defaultEndpoint, Settings: append(alirpc.Credentials(),
		spec.Setting{Name: "requests_per_second_per_action", Type: spec.SettingNumber,
			Doc: "the most calls a second of one action; 20 unless requests_per_second is said, which then holds for all together"},
		spec.Setting{Name: "offers", Type: spec.SettingAny, Doc: "package ids and the names that the carrier shows for them, where they differ"},
	)}
}

func open(config spec.ProviderConfig, env providers.Env) (providers.Provider, spec.Diagnostics) {
	s := providers.NewSettings(config, schema(), env.Getenv)
	endpoint := s.URL("endpoint", defaultEndpoint)
	p := &provider{
		api: &alirpc.API{
			Account: alirpc.NewAccount(s, "", endpoint, defaults(), env), Endpoint: endpoint, Version: version,
			OK: codeOK, Codes: codes(),
		},
		ids: offers(s),
	}
	if d := s.Diagnostics(); d.HasErrors() {
		return nil, d
	}
	return p, s.Diagnostics()
}

// offers reads { id = name } and turns it around.
func offers(s *providers.Settings) (ids map[string]string) {
	const example = `It is a map from a package's id to the name that the carrier shows, such as { "COM0203" = "10M 叠加包" }.`
	value := s.Any("offers")
	if value == nil {
		return nil
	}
	names, ok := value.(map[string]any)
	if !ok {
		s.Mistake("offers", "Invalid offers", example)
		return nil
	}
	ids = make(map[string]string, len(names))
	for id, name := range names {
		text, ok := name.(string)
		if !ok || text == "" || ids[text] != "" {
			s.Mistake("offers", "Invalid offers", fmt.Sprintf("The name of %q must be a text, and no other package's. %s", id, example))
			return nil
		}
		ids[text] = id
	}
	return ids
}

type provider struct {
	api *alirpc.API
	ids map[string]string // of packages, by the name that the carrier shows
}

// Limits implements [providers.Paced].
func (p *provider) Limits() providers.Limits { return p.api.Limits() }

// Capabilities implements [providers.Provider]: of Linkcard's actions none binds
// a card to a device by its IMEI, and none ends a package (META).
func (p *provider) Capabilities() spec.Capabilities {
	return spec.Capabilities{
		Reads:   spec.AttrBinding | spec.AttrActive | spec.AttrPackages,
		Changes: []spec.Kind{spec.Resume, spec.Subscribe, spec.Stop},
		// RebindResumeSingleCard: 换绑停用 → 换绑复用 (ALIDOC api-rebindresumesinglecard).
		ResumesForDevice: true,
		Lists:            true,
		ListTells:        spec.AttrActive,
		ListPage:         pageSize,
		Settle:           settle,
		ReadCalls:        map[spec.Attr]int{spec.AttrPackages: 1},
		// A refused stop or resume is looked at; an order asks first what the card has.
		ChangeCalls: map[spec.Kind]int{spec.Stop: 2, spec.Resume: 3, spec.Subscribe: 2},
	}
}

// Read implements [providers.Provider].
func (p *provider) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	card, err := p.detail(ctx, iccid)
	if providers.IsCode(err, codeNoCard) {
		return spec.Reading{ICCID: iccid, At: p.api.Now(), Lifecycle: spec.NotFound}, nil
	}
	if err != nil {
		return spec.Reading{}, err
	}
	reading := p.reading(iccid, card.Status, card.OsStatus)
	if imei, ok := bound(card.DeviceImei); ok {
		reading.IMEI, reading.Has = imei, reading.Has|spec.AttrBinding
	}
	if !attrs.Has(spec.AttrPackages) {
		return reading, nil
	}
	flow, err := alirpc.Read[flowReply](ctx, p.api, actionFlow, named(iccid))
	if err != nil {
		return spec.Reading{}, err
	}
	reading.Packages = p.packages(card, flow.Data.ListPackageDTO)
	reading.Has |= spec.AttrPackages
	return reading, nil
}

func (p *provider) detail(ctx context.Context, iccid spec.ICCID) (*card, error) {
	r, err := alirpc.Read[detailReply](ctx, p.api, actionDetail, named(iccid))
	if err != nil {
		return nil, err
	}
	card := r.Data.VsimCardInfo
	return card, p.api.CheckCard(carriercall.Call{Name: actionDetail}, string(r.RequestID), iccid, string(card.Iccid))
}

func (p *provider) reading(iccid spec.ICCID, status, osStatus alirpc.Text) spec.Reading {
	r := spec.Reading{ICCID: iccid, At: p.api.Now(), Has: spec.AttrActive, Status: words(status, osStatus)}
	r.Lifecycle, r.Reason = lifecycle(status, osStatus)
	r.ForDevice = osStatus == "130" || osStatus == "500"
	return r
}

// List implements [providers.Lister].
func (p *provider) List(ctx context.Context, yield func(spec.Reading) error) error {
	return providers.ListPages(ctx, p, providers.Walk[spec.Reading]{Call: actionList, Size: pageSize}, yield)
}

// Page implements [providers.Pager]. Rows have a status and no device (META);
// one without a status tells no more than that the card is there.
func (p *provider) Page(ctx context.Context, number int) (providers.Page, error) {
	r, err := alirpc.Read[listReply](ctx, p.api, actionList, map[string]string{
		"PageNo": strconv.Itoa(number), "PageSize": strconv.Itoa(pageSize),
	})
	if err != nil {
		return providers.Page{}, err
	}
	page := providers.Page{Total: r.total()}
	for _, row := range r.Data.List {
		iccid, err := spec.ParseICCID(string(row.Iccid))
		if err != nil {
			return providers.Page{}, fmt.Errorf("%s: page %d has a card whose ICCID is none: %w", actionList, number, err)
		}
		card := p.reading(iccid, row.Status, row.OsStatus)
		if row.Status == "" && row.OsStatus == "" {
			card.Has, card.Lifecycle = 0, ""
		}
		page.Cards = append(page.Cards, card)
	}
	return page, nil
}

// named is the parameter of every call about one card.
func named(iccid spec.ICCID) map[string]string { return map[string]string{"Iccid": string(iccid)} }

// CarrierTime implements [providers.Clocked].
func (p *provider) CarrierTime(at time.Time) time.Time { return p.api.CarrierTime(at) }
