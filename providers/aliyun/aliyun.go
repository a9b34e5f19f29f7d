// Package aliyun is Alibaba Cloud's Dyiotapi 2017-11-11 (物联卡), and Dyplsapi
// 2017-05-25 for privacy numbers.
//
// Dyiotapi reports a card's status and its packages, and never the device that
// it is bound to; it changes bindings, stops and resumes, and orders packages.
// aliyun.go is what the program calls, change.go the changes, privacy.go the
// privacy numbers, replies.go the replies, codes.go what their codes mean,
// convert.go their words in ours. How a call is made is alirpc's.
//
// Facts are cited as in docs/carriers.md: JAVA is aliyun-openapi-java-sdk,
// ALIDOC help.aliyun.com; other names in brackets are the documents' pages.
// What is called a GUESS is in no document, and is a setting or harms nobody.
package aliyun

import (
	"context"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	defaultEndpoint        = "https://dyiotapi.aliyuncs.com"
	defaultPrivacyEndpoint = "https://dyplsapi.aliyuncs.com"

	version        = "2017-11-11"
	privacyVersion = "2017-05-25"

	// settle is how long a change may take to show. GUESS: no document says;
	// operators behind Alibaba speak of minutes.
	settle = 10 * time.Minute
)

// defaults are GUESSES, but for the timeout: no rate is published for Dyiotapi;
// 20 a second is that of its successor Linkcard (ALIDOC api-getcarddetail).
func defaults() providers.Limits {
	return providers.Limits{RequestsPerSecond: 20, MaxInFlight: 16, Timeout: 25 * time.Second, Retries: 4}
}

// Type is the provider "aliyun".
func Type() providers.Type {
	return providers.Type{Schema: schema(), Open: open, Facts: "official documents"}
}

func schema() spec.Schema {
	return spec.Schema{Type: "aliyun", Account: "access_key_id", AccountKey: true, Endpoint: defaultEndpoint, Settings: append(alirpc.Credentials(), []spec.Setting{
		{Name: "region_id", Type: spec.SettingString, Doc: `region; the carrier has only "cn-hangzhou", the default`},
		{Name: "privacy_endpoint", Type: spec.SettingString, Doc: "base URL of the number privacy API (Dyplsapi)"},
		{Name: "device_type", Type: spec.SettingString, Doc: `what an IMEI is registered as, "IOT" unless said (a guess)`},
		{Name: "register_imei", Type: spec.SettingBool, Doc: "whether a device is registered before a card is bound to it; true unless said"},
		{Name: "stop_option", Type: spec.SettingString, Doc: `OptionType that stops a card, "MANAGE_STOP" unless said (a guess)`},
		{Name: "resume_option", Type: spec.SettingString, Doc: `OptionType that resumes a card, "MANAGE_RESUME" unless said (a guess)`},
	}...)}
}

func open(config spec.ProviderConfig, env providers.Env) (providers.Provider, spec.Diagnostics) {
	s := providers.NewSettings(config, schema(), env.Getenv)
	endpoint := s.URL("endpoint", defaultEndpoint)
	account := alirpc.NewAccount(s, s.String("region_id", "cn-hangzhou"), endpoint, defaults(), env)
	p := &provider{
		cards: &alirpc.API{
			Account: account, Endpoint: endpoint, Version: version, OK: codeOK, Codes: cardCodes(),
		},
		numbers: numbers{api: &alirpc.API{
			Account: account, Endpoint: s.URL("privacy_endpoint", defaultPrivacyEndpoint), Version: privacyVersion, OK: codeOK, Codes: numberCodes(),
		}, asking: make(chan struct{}, 1)},
		deviceType:   s.String("device_type", "IOT"), // GUESS: no document lists the values
		register:     s.Bool("register_imei", true),
		stopOption:   s.String("stop_option", "MANAGE_STOP"),     // GUESS: the Taobao predecessor's value
		resumeOption: s.String("resume_option", "MANAGE_RESUME"), // GUESS: likewise
	}
	if d := s.Diagnostics(); d.HasErrors() {
		return nil, d
	}
	return p, s.Diagnostics()
}

type provider struct {
	cards                    *alirpc.API
	numbers                  numbers
	deviceType               string
	register                 bool
	stopOption, resumeOption string
}

// Limits implements [providers.Paced].
func (p *provider) Limits() providers.Limits { return p.cards.Limits() }

// Capabilities implements [providers.Provider]: the whole of Dyiotapi's list
// of actions has none that reads a binding, lists cards or ends a package (JAVA).
func (p *provider) Capabilities() spec.Capabilities {
	binding := 1
	if p.register {
		binding = 3 // DoIotIsImeiExist, DoIotPostImei, DoIotChgBindOrUnBind
	}
	return spec.Capabilities{
		Reads:      spec.AttrActive | spec.AttrPackages,
		Changes:    []spec.Kind{spec.Resume, spec.Subscribe, spec.ChangeBind, spec.Stop, spec.Unbind},
		NamesPrior: []spec.Kind{spec.ChangeBind, spec.Unbind},
		Numbers:    true,
		// DoIotUnbindResume "复机" after a stop for another IMEI (JAVA).
		ResumesForDevice: true,
		Settle:           settle,
		ReadCalls:        map[spec.Attr]int{spec.AttrPackages: 1},
		ChangeCalls:      map[spec.Kind]int{spec.ChangeBind: binding},
	}
}

// Read implements [providers.Provider].
func (p *provider) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	params := map[string]string{"Iccid": string(iccid)}
	status, err := alirpc.Read[cardStatusReply](ctx, p.cards, "QueryCardStatus", params)
	if providers.IsCode(err, codeNoCard) {
		return spec.Reading{ICCID: iccid, At: p.cards.Now(), Lifecycle: spec.NotFound}, nil
	}
	if err != nil {
		return spec.Reading{}, err
	}
	if err := p.cards.CheckCard(carriercall.Call{Name: "QueryCardStatus"}, string(status.RequestID), iccid, string(status.CardStatus.Iccid)); err != nil {
		return spec.Reading{}, err
	}
	reading := spec.Reading{ICCID: iccid, At: p.cards.Now(), Status: string(status.CardStatus.UserStatus), Has: spec.AttrActive}
	reading.Lifecycle, reading.Reason = lifecycle(reading.Status)
	reading.ForDevice = forDevice(reading)
	if !attrs.Has(spec.AttrPackages) {
		return reading, nil
	}
	offers, err := alirpc.Read[offersReply](ctx, p.cards, "QueryIotCardOfferDtl", params)
	if err != nil {
		return spec.Reading{}, err
	}
	reading.Packages = packages(offers.CardOfferDetail)
	reading.Has |= spec.AttrPackages
	return reading, nil
}

// CarrierTime implements [providers.Clocked].
func (p *provider) CarrierTime(at time.Time) time.Time { return p.cards.CarrierTime(at) }
