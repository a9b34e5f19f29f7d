package alirpcsim

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"net/http"
	"slices"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// replies is how one call is answered: in JSON or in XML, with its own ids.
type replies struct {
	id, host string // RequestId and HostId
	action   string
	xml      bool
}

func (r *replies) contentType() string {
	if r.xml {
		return "text/xml;charset=utf-8"
	}
	return "application/json;charset=utf-8"
}

// success is an answer that is one. In XML its root has the action's name (公共
// 返回参数: 接口名称+Response).
func (r *replies) success(parts ...Answer) []byte {
	return r.encode(r.action+"Response", append([]Answer{{"RequestId": r.id}}, parts...)...)
}

// refuse sends an answer that is no success. Those with an HTTP status of 400
// and above have HostId, and in XML the root Error (公共返回参数: 返回错误时).
func (r *replies) refuse(no *Refusal) func(http.ResponseWriter) {
	head := Answer{"RequestId": r.id, "Code": no.Code}
	if no.Message != "" {
		head["Message"] = no.Message
	}
	root := r.action + "Response"
	if no.Status >= http.StatusBadRequest {
		head["HostId"], root = r.host, "Error"
	}
	body := r.encode(root, head, no.More)
	return func(rw http.ResponseWriter) { carriersim.Write(rw, no.Status, r.contentType(), body) }
}

func (r *replies) encode(root string, parts ...Answer) []byte {
	body := Answer{}
	for _, p := range parts {
		maps.Copy(body, p)
	}
	data := carriersim.JSON(body)
	if !r.xml {
		return data
	}
	var plain any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil {
		panic(err) // it was made above
	}
	out := bytes.NewBufferString(`<?xml version="1.0" encoding="UTF-8"?>`)
	element(out, root, plain)
	return out.Bytes()
}

// element writes a value as XML: members of an object by name, a list as one
// element for each of its own (GUESS: no document has a list without a name for
// what is in it), and nothing for null.
func element(out *bytes.Buffer, name string, value any) {
	list, isList := value.([]any)
	if isList {
		for _, v := range list {
			element(out, name, v)
		}
		return
	}
	if value == nil {
		return
	}
	out.WriteString("<" + name + ">")
	switch v := value.(type) {
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(v)) {
			element(out, member, v[member])
		}
	case bool:
		out.WriteString(map[bool]string{true: "true", false: "false"}[v])
	case json.Number:
		out.WriteString(v.String())
	case string:
		_ = xml.EscapeText(out, []byte(v)) // a buffer takes everything
	}
	out.WriteString("</" + name + ">")
}
