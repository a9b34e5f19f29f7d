package cmiot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// pageSize is the most rows of a page (KNOWN*: TLINKS "不超过 50 条").
const pageSize = 50

// List implements [providers.Lister]. OneLink has no list of an account's
// cards, but one of its groups, and one of each group's members: a card that is
// in no group is not listed. The lists tell no status.
func (p *v5) List(ctx context.Context, yield func(spec.Reading) error) error {
	listed := map[spec.ICCID]bool{} // a card may be in several groups
	return p.pages(ctx, callGroups, nil, func(group listRow) error {
		if group.GroupID == "" {
			return odd(callGroups, "a row without groupId")
		}
		params := map[string]string{"groupId": string(group.GroupID)}
		return p.pages(ctx, callMembers, params, func(r listRow) error {
			iccid, err := spec.ParseICCID(string(r.ICCID))
			if err != nil {
				return odd(callMembers, "a row without an ICCID")
			}
			if listed[iccid] {
				return nil
			}
			listed[iccid] = true
			return yield(spec.Reading{ICCID: iccid, At: p.env.Now()})
		})
	})
}

// pages calls each with the rows of a list, once. A page that isn't full is the last.
func (p *v5) pages(ctx context.Context, name string, params map[string]string, each func(listRow) error) error {
	walk := providers.Walk[listRow]{Call: name, Size: pageSize, Key: listRow.key}
	walk.Page = func(ctx context.Context, number int) ([]listRow, int, error) {
		query := map[string]string{"pageSize": strconv.Itoa(pageSize), "startNum": strconv.Itoa(number)} // "开始页,从1开始" (IOTOS)
		maps.Copy(query, params)
		answer, err := read[listReply](ctx, p, name, "", query)
		return answer.Result, -1, err
	}
	return walk.Each(ctx, each)
}

func odd(call, what string) error {
	return &providers.Error{Call: call, Message: "the answer has " + what, Proof: providers.NeverSeen, Cause: providers.Refused}
}

// listReply is a page of group-info or group-member. Which name the list inside
// has is in no public document, so it is found by its form.
type listReply struct {
	envelope
	Result pageRows `json:"result"`
}

func (r *listReply) complete() error { return nil }

// listRow is a group or a member. GUESS: groupId and iccid, as elsewhere.
type listRow struct {
	GroupID text `json:"groupId"`
	ICCID   text `json:"iccid"`
}

func (r listRow) key() string { return string(r.GroupID) + " " + string(r.ICCID) }

// pageRows is the rows of a page: the result itself, or the lists inside the
// objects of it.
type pageRows []listRow

func (p *pageRows) UnmarshalJSON(data []byte) error {
	var elements list[map[string]json.RawMessage]
	if err := json.Unmarshal(data, &elements); err != nil {
		return err
	}
	*p = nil
	for _, element := range elements {
		inner, err := rowsOf(element)
		if err != nil {
			return err
		}
		*p = append(*p, inner...)
	}
	return nil
}

func rowsOf(element map[string]json.RawMessage) (pageRows, error) {
	for _, name := range []string{"groupId", "iccid"} {
		if _, ok := element[name]; ok {
			whole, err := json.Marshal(element)
			if err != nil {
				return nil, err
			}
			var row listRow
			err = json.Unmarshal(whole, &row)
			return pageRows{row}, err
		}
	}
	var inner pageRows
	for _, member := range element {
		if len(member) > 0 && member[0] == '[' {
			if inner != nil {
				return nil, fmt.Errorf("an object with several lists stands where a page should")
			}
			if err := json.Unmarshal(member, (*[]listRow)(&inner)); err != nil {
				return nil, err
			}
		}
	}
	return inner, nil
}
