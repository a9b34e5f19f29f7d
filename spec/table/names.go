package table

import (
	"strings"
	"sync"
	"unicode"
)

// The columns of a canonical table that have a meaning of their own.
const (
	ICCIDColumn  = "iccid"
	IMEIColumn   = "imei"
	MSISDNColumn = "msisdn"
	ActiveColumn = "active"
)

// sure and likely are how well a name tells what its column holds. A likely name
// counts only where no sure one stands beside it: 卡号 is the ICCID on one
// portal and the card's phone number on another.
const (
	likely = 1
	sure   = 2
)

// dictionary is what people call the columns, as [plainName] writes it. It holds
// no word for status and package: a carrier's stop is no wish.
func dictionary() map[string]map[string]int {
	return map[string]map[string]int{
		ICCIDColumn: {
			"iccid": sure, "iccid号": sure, "iccid号码": sure, "iccid卡号": sure, "iccid码": sure, "iccidno": sure, "iccidnumber": sure,
			"simiccid": sure, "sim卡iccid": sure, "卡iccid": sure, "卡号iccid": sure, "物联卡iccid": sure, "物联网卡iccid": sure, "eiccid": sure,
			"集成电路卡识别码": sure, "集成电路卡识别号": sure, "iccnumber": sure, "simserialnumber": sure, "ccid": sure,
			"卡号": likely, "sim卡号": likely, "物联卡号": likely, "物联网卡号": likely, "卡片号": likely,
			"simnumber": likely, "simno": likely, "cardno": likely, "cardnumber": likely, "cardid": likely,
		},
		IMEIColumn: {
			"imei": sure, "imei号": sure, "imei号码": sure, "imei码": sure, "设备imei": sure, "终端imei": sure, "模组imei": sure, "模块imei": sure,
			"设备imei号": sure, "设备imei码": sure, "终端imei号": sure, "绑定imei": sure, "绑定imei号": sure, "当前imei": sure, "机卡绑定imei": sure,
			"国际移动设备识别码": sure, "deviceimei": sure, "imeino": sure, "imeinumber": sure, "imeisv": sure, "boundimei": sure,
			"设备串号": likely, "串号": likely, "设备号": likely, "终端号": likely,
		},
		MSISDNColumn: {
			"msisdn": sure, "msisdn号": sure, "msisdn号码": sure, "手机号": sure, "手机号码": sure, "电话号码": sure, "接入号": sure, "接入号码": sure,
			"业务号码": likely, "物联网号码": sure, "物联卡号码": sure, "卡号码": likely, "号码": likely, "phone": likely, "phonenumber": sure, "mobile": likely,
		},
		ActiveColumn: {"active": sure},
	}
}

// words is the dictionary, made when it is first asked.
var words = sync.OnceValue(dictionary)

// meaning is the column of ours that a name of theirs stands for, and how surely;
// "" for none.
func meaning(name string) (column string, rank int) {
	plain := plainName(name)
	if plain == "" {
		return "", 0
	}
	for _, column := range [...]string{ICCIDColumn, IMEIColumn, MSISDNColumn, ActiveColumn} {
		if rank := words()[column][plain]; rank > 0 {
			return column, rank
		}
	}
	return "", 0
}

// Meaning is the column of ours that a name of theirs stands for; "" for none.
func Meaning(name string) string {
	column, _ := meaning(name)
	return column
}

// plainName is a name without what differs from portal to portal: case, full
// width, white space, brackets and what is between them at the end, marks.
func plainName(name string) string {
	name = narrow(name)
	if i := strings.IndexAny(name, "(（["); i > 0 {
		inside := name[i:]
		name = name[:i]
		if plain := plainName(name); !known(plain) && known(plainName(strings.Trim(inside, "()（）[]"))) {
			name = strings.Trim(inside, "()（）[]") // 集成卡(ICCID)
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

func known(plain string) bool {
	for _, names := range words() {
		if names[plain] > 0 {
			return true
		}
	}
	return false
}

// narrow writes full-width forms as ASCII.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '\u3000':
			return ' '
		}
		return r
	}, s)
}
