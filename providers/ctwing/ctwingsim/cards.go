package ctwingsim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// noCard answers where the account has no card with the number: a GUESS.
const noCard, noCardText = "-1", "接入号码不存在"

// do carries a call out.
func (s *CMP) do(c *call) carriersim.Outcome {
	switch c.action {
	case "getSIMList":
		return carriersim.Outcome{Answer: c.answer("0", "成功", object{"description": object{"pageIndex": c.params["pageIndex"], "simList": s.list(c)}})}
	case "batchQrySimInfo":
		return carriersim.Outcome{Answer: c.answer("0", "成功", object{"data": object{"qrySimInfoList": s.batch(c)}})}
	}
	card, ok := s.byNumber(c.params["access_number"])
	if !ok || !holds(&card, c.account) {
		return c.refuse(s.World, noCard, noCardText)
	}
	shown := s.shown(&card)
	switch c.action {
	case "queryCardMainStatus":
		return s.status(c, shown)
	case "getOnlineStatus":
		return s.online(c, shown)
	default:
		return s.change(c, card.ICCID)
	}
}

// shown is the card as readings show it: an order takes its time.
func (s *CMP) shown(c *carriersim.Card) *carriersim.Card {
	if shown, ok := s.World.Read(c.ICCID); ok {
		return &shown
	}
	return c
}

// pageSize is how many cards a page has. The request can't say it, and no client
// knows it: a GUESS, after the older platform, which has 50 a page.
const pageSize = 50

// list is a page of the cards that fit ([IOTOS]). It tells no total.
func (s *CMP) list(c *call) []object {
	number, _ := strconv.Atoi(c.params["pageIndex"])
	skip, rows := (number-1)*pageSize, []object{}
	for _, card := range s.candidates(c) {
		if !holds(&card, c.account) || card.Status == spec.Closed || !s.fits(c, &card) {
			continue
		}
		if skip--; skip < 0 && len(rows) < pageSize {
			rows = append(rows, s.row(&card))
		}
	}
	return rows
}

// candidates are the cards that a list may have: one, where it is filtered by what
// only one card has.
func (s *CMP) candidates(c *call) []carriersim.Card {
	if c.params["access_number"] == "" && c.params["iccid"] == "" {
		_, total := s.World.Page(0, 0)
		cards, _ := s.World.Page(0, total)
		return cards
	}
	if card, ok := s.World.Read(c.iccid); ok {
		return []carriersim.Card{card}
	}
	return nil
}

// fits reports whether a card fits each filter; of customers and groups the world
// has none, so these fit all.
func (s *CMP) fits(c *call, card *carriersim.Card) bool {
	code, _ := status(card)
	for name, is := range map[string]string{"iccid": string(card.ICCID), "access_number": s.number(card), "simStatus": code} {
		if wanted := c.params[name]; wanted != "" && wanted != is {
			return false
		}
	}
	return true
}

// row is a card on the list ([IOTOS] SynChannelCardInfoTaskMQ: accNumber, iccid, custId,
// activationTime, createTime, simStatus, which is a list).
func (s *CMP) row(c *carriersim.Card) object {
	code, _ := status(c)
	return object{
		"accNumber": s.number(c), "iccid": string(c.ICCID), "custId": "CUST001", "activationTime": "20260101", "createTime": "20260101", "simStatus": []string{code},
	}
}

// batch is the cards of the numbers that the account has ([NEST] TelecomQrySimInfoItemDto).
func (s *CMP) batch(c *call) []object {
	rows := []object{}
	for _, number := range c.numbers {
		card, ok := s.byNumber(number)
		if !ok || !holds(&card, c.account) {
			continue
		}
		code, _ := status(s.shown(&card))
		rows = append(rows, object{"accessNumber": number, "result": "0", "iccid": string(card.ICCID), "imsi": card.IMSI(), "simStatus": code})
	}
	return rows
}

// names are the status codes in words ([SIMCTL], and the older platform for 7).
var names = map[string]string{"1": "可激活", "2": "测试激活", "3": "测试去激活", "4": "在用", "5": "停机", "6": "运营商管理状态", "7": "拆机"}

// ownersStop is what the operator calls a stop that the owner asked for: LC002's name for it.
const ownersStop = "停机保号"

// status is a card's status code, and what the operator calls it.
func status(c *carriersim.Card) (code, operators string) {
	if c.Words != "" {
		code, operators, _ = strings.Cut(c.Words, " ")
		return code, operators
	}
	switch c.Status {
	case spec.Pending, spec.Inventory:
		code = "1"
	case spec.Testing:
		code = "2"
	case spec.SuspendedByOwner:
		return "5", ownersStop
	case spec.SuspendedByCarrier:
		code = "6"
	case spec.Closing, spec.Closed:
		code = "7"
	default:
		code = "4"
	}
	return code, names[code]
}

// status answers queryCardMainStatus. A card that was disconnected is told only to who asks for such.
func (s *CMP) status(c *call, card *carriersim.Card) carriersim.Outcome {
	code, operators := status(card)
	if code == "7" && c.params["queryDropCard"] != "true" {
		return c.refuse(s.World, noCard, noCardText)
	}
	block := "未断网"
	if card.More["cut"] != "" {
		block = "已断网"
	}
	return carriersim.Outcome{Answer: c.answer("0", "处理成功", object{
		"authStatus": "1", "netBlockStatusName": block,
		"productInfo": []object{{"productMainStatusCd": code, "productMainStatusName": names[code], "operatorDefinitionStatusName": operators}},
	})}
}

// online answers getOnlineStatus. The IMEI that it tells has 16 digits ([IOTOS]). How
// it answers of a card that isn't online is a GUESS.
func (s *CMP) online(c *call, card *carriersim.Card) carriersim.Outcome {
	device := string(card.Seen())
	if code, _ := status(card); device == "" || !slices.Contains([]string{"2", "4"}, code) || card.More["cut"] != "" {
		return c.refuse(s.World, "-1", "不在线")
	}
	if len(device) == 15 {
		device = device[:14] + "00" // the software's version in the check digit's place
	}
	return carriersim.Outcome{Answer: c.answer("0", "成功", object{"description": object{
		"imei": device, "imsi": card.IMSI(), "netModel": "LTE", "acctStatusType": "Start", "eventTimestamp": "2026-01-01 00:00:00", "apn": "ctnb", "rattype": "6",
	}})}
}
