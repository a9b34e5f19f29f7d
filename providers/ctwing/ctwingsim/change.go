package ctwingsim

import (
	"encoding/xml"
	"fmt"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// What refuses an order. Of 100008 [IOTOS] says once that it is a resume of a card
// that isn't activated yet, and once that the card may be so already. That any card
// whose status doesn't fit gets it is a GUESS.
const (
	notInThatState     = "100008"
	notInThatStateText = "卡状态不允许该操作"
	// ordered is what singleCutNet says of a card that is so already ([IOTOS]).
	ordered = "-9"
)

// order is what an answer of a change has besides: the order's number, by which the
// platform later tells a server of the customer's what became of it. Nobody can ask.
func (c *call) order(w *carriersim.World) object {
	if c.xml == nil {
		return nil
	}
	return object{"GROUP_TRANSACTIONID": fmt.Sprintf("10000002522026112%011d", w.Serial())}
}

// change makes a change, as an order that shows after the world's show delay.
func (s *CMP) change(c *call, iccid spec.ICCID) carriersim.Outcome {
	code, message := notInThatState, notInThatStateText
	_, err := s.World.Change(iccid, func(card *carriersim.Card) bool {
		if c.action == "singleCutNet" {
			code, message = cut(card, c.params["action"])
			return code == "0000"
		}
		if c.turn(card) {
			code, message = "0", "成功"
		}
		return code == "0"
	})
	switch {
	case err != nil:
		return c.refuse(s.World, "-99", "系统异常") // a GUESS: the change could not be kept
	case code != "0" && code != "0000":
		return c.refuse(s.World, code, message)
	}
	return carriersim.Outcome{Changed: true, Answer: c.answer(code, message, c.order(s.World))}
}

// turn changes the card's status as the order says, where it is in the one from
// which that leads: 19 在用 to 停机, 20 back, 21 测试激活 to 测试去激活, 22 back, and
// requestServActive from 可激活 to 在用.
func (c *call) turn(card *carriersim.Card) bool {
	from, operators := status(card)
	order := c.params["orderTypeId"]
	switch {
	case order == "19" && from == "4":
		card.Status, card.Words = spec.SuspendedByOwner, ""
	case order == "20" && from == "5" && operators == ownersStop:
		card.Status, card.Words = spec.Active, ""
	case order == "21" && from == "2":
		card.Status, card.Words = spec.SuspendedByOwner, "3 "+names["3"]
	case order == "22" && from == "3":
		card.Status, card.Words = spec.Testing, ""
	case c.action == "requestServActive" && from == "1":
		card.Status, card.Words = spec.Active, ""
	default:
		return false
	}
	return true
}

// cut cuts a card off the network, or lets it on again: ADD and DEL are of the
// product 取消/恢复上网, as [SIMCTL] uses them.
func cut(card *carriersim.Card, action string) (code, message string) {
	const crm = "物联网CRM系统返回异常==>"
	switch is := card.More["cut"] != ""; {
	case action == "ADD" && is:
		return ordered, crm + "已订购功能产品：产品ID：【381000646】，名称：【物联网基础业务-流量-取消/恢复上网】,不能重复订购"
	case action == "DEL" && !is:
		return ordered, crm + "功能产品实例标识不能为空或者0"
	case action == "ADD":
		card.Keep("cut", "true")
	default:
		card.Keep("cut", "")
	}
	return "0000", "成功"
}

// orderXML is an answer of LC002. [IOTOS] shows its names in lower case, and neither
// their spelling nor the root: GUESSES, after the older platform.
func orderXML(code, message string, more object) []byte {
	return document(struct {
		XMLName xml.Name `xml:"businessServiceResponse"`
		RspType string   `xml:"RspType"`
		Result  string   `xml:"result"`
		Message string   `xml:"resultMsg"`
		Order   any      `xml:"GROUP_TRANSACTIONID"`
	}{RspType: "1", Result: code, Message: message, Order: more["GROUP_TRANSACTIONID"]})
}

// serviceXML is an answer of MAPN002 ([SIMCTL]).
func serviceXML(code, message string, more object) []byte {
	type response struct {
		RspType, RspCode, RspDesc string
	}
	return document(struct {
		XMLName  xml.Name `xml:"SvcCont"`
		Response response
		Order    any `xml:"GROUP_TRANSACTIONID"`
	}{Response: response{"1", code, message}, Order: more["GROUP_TRANSACTIONID"]})
}

// document is the XML of an answer that was just made. It panics where that can't be.
func document(v any) []byte {
	data, err := xml.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append([]byte(xml.Header), data...)
}
