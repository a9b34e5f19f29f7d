package plan

import "fmt"

// The statuses of a privacy number (Dyplsapi QueryCallStatus, "出参列表").
const (
	numberNormal     = 1
	numberReplaced   = 2
	numberDegraded   = 3
	numberExpired    = 4
	numberNeverAsked = 0
)

// numbers compares the privacy numbers, which are watched and never changed.
func (d *Draft) numbers() {
	for i := range d.in.Fleet.Numbers {
		if i >= len(d.in.Numbers) {
			return
		}
		want, live := &d.in.Fleet.Numbers[i], d.in.Numbers[i]
		if d.in.Select.Retry != "" || !d.selects.has(want.Address(), "", nil) {
			continue
		}
		n := Number{
			Address: want.Address(), Provider: want.Provider, PoolKey: want.PoolKey, SubsID: want.SubsID,
			Expected: want.Number, Number: live.Number, Status: live.Status,
		}
		if live.Unread != "" {
			n.Attention = []Note{{"Privacy number could not be read", live.Unread + "."}}
		} else {
			n.Attention = numberAttention(want.Number, live.Number, live.Status)
		}
		if len(n.Attention) > 0 {
			d.head.Numbers = append(d.head.Numbers, n)
		}
	}
}

func numberAttention(expected, number string, status int) []Note {
	switch status {
	case numberNeverAsked:
		return nil
	case numberNormal:
		if expected == "" || expected == number {
			return nil
		}
		return []Note{{"Privacy number differs", fmt.Sprintf("The X number is %s, the configuration expects %s.", number, expected)}}
	case numberReplaced:
		return []Note{{"Privacy number was replaced for now", fmt.Sprintf("Calls through the bound number fail, and the carrier gave the temporary X number %s instead%s.", number, expects(expected))}}
	case numberDegraded:
		return []Note{{"Privacy number fails", "Calls through the bound number fail, and the carrier has no other X number to give: callers have to be given the real number meanwhile."}}
	case numberExpired:
		return []Note{{"Privacy number has expired", "The binding has expired. Bind the numbers anew, then write the new subs_id."}}
	default:
		return []Note{{"Unknown privacy number status", fmt.Sprintf("The carrier reports status %d, which this version doesn't know.", status)}}
	}
}

func expects(number string) string {
	if number == "" {
		return ""
	}
	return fmt.Sprintf(" (the configuration expects %s)", number)
}
