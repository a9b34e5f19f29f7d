package xuyusim

import (
	"net/http"
	"strconv"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// coded is a refusal with a code of S003 错误码表, with its name and description.
// That 404, 417, 422 and 500 are the HTTP status as well is a GUESS from their
// names, which are HTTP's; the others come with 200.
func coded(code string) *refusal {
	for _, c := range []struct {
		code              string
		status            int
		name, description string
	}{
		{"404", 404, "NotFound", "未找到内容"},
		{"417", 417, "ExpectationFailed", "服务器内部错误"},
		{"422", 422, "UnprocessableEntity", "请求实体错误"},
		{"500", 500, "InternalServerError", "接口内部错误"},
		{"10000", 200, "Transfer_ConsigneeIsNotExists", "接收人账户不存在"},
		{"10001", 200, "Transfer_CardIDCanNotBeLessThanOne", "卡号不能少于1个"},
		{"10002", 200, "Generate_ExptimeNeedGreaterThanNow", "到期时间必须大于当前时间"},
		{"10003", 200, "Generate_MaximumOf99999999CardsPerDay", "每天最多生成99,999,999张卡"},
	} {
		if c.code == code {
			n, _ := strconv.Atoi(code) // they are numbers
			return &refusal{c.status, body{"code": n, "name": c.name, "description": c.description}}
		}
	}
	return &refusal{http.StatusOK, body{"code": code, "name": code, "description": code}}
}

// status is a value of the operator's table in S003 卡状态表. Where the table has
// none for a card's state, it is the nearest: China Mobile's and Unicom's don't
// tell who stopped a card.
func status(c *carriersim.Card) string {
	if c.Words != "" {
		return c.Words
	}
	return map[string]map[spec.Lifecycle]string{
		"cmcc": {
			spec.Active: "0", spec.Testing: "0", spec.SuspendedByOwner: "2", spec.SuspendedByCarrier: "2", spec.Closing: "3",
			spec.Closed: "4", spec.Transferred: "5", spec.Dormant: "6", spec.Pending: "7", spec.Inventory: "7", spec.UnknownLifecycle: "8",
		},
		"ctcc": {
			spec.Active: "1", spec.Testing: "100001", spec.SuspendedByOwner: "2", spec.SuspendedByCarrier: "7", spec.Closing: "140000",
			spec.Closed: "3", spec.Transferred: "-1", spec.Dormant: "-1", spec.Pending: "19", spec.Inventory: "11", spec.UnknownLifecycle: "-1",
		},
		"cucc": {
			spec.Active: "1", spec.Testing: "3", spec.SuspendedByOwner: "2", spec.SuspendedByCarrier: "2", spec.Closing: "7",
			spec.Closed: "8", spec.Transferred: "9", spec.Dormant: "9", spec.Pending: "6", spec.Inventory: "4", spec.UnknownLifecycle: "9",
		},
	}[c.Network()][c.Status]
}
