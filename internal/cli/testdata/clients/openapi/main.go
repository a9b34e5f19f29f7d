// Command openapi holds conversations with simulated carriers to those carriers'
// public OpenAPI documents, by kin-openapi v0.153.0:
//
//	openapi DOCUMENTS < calls.json
//
// DOCUMENTS is the folder that has them. It reads a list of calls from its input, makes
// each in order, and prints of each what status came, and what of the request and of the
// answer the document of the call doesn't have.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// call is one call, of which Body is JSON text. Where Keep is set, the answer's member
// of that name stands for $Keep in the headers of later calls.
type call struct {
	Name, Document, Base, Method, Path, Body, Keep string
	Headers                                        map[string]string
}

// result is what became of a call. What fits is "".
type result struct {
	Status   int             `json:"status"`
	Request  string          `json:"request"`
	Response string          `json:"response"`
	Body     json.RawMessage `json:"body,omitempty"`
}

func main() {
	var calls []call
	check(json.NewDecoder(os.Stdin).Decode(&calls))
	results := map[string]map[string]result{}
	kept := map[string]string{}
	open := map[string]routers.Router{}
	for _, c := range calls {
		key := c.Document + " " + c.Base
		if open[key] == nil {
			open[key] = load(filepath.Join(os.Args[1], c.Document), c.Base)
		}
		results[c.Name] = map[string]result{"answer": made(open[key], &c, kept)}
	}
	check(json.NewEncoder(os.Stdout).Encode(results))
}

// load reads a document as one of the server at base. Objects have what they declare
// and nothing else, so that a name that no document has shows.
func load(file, base string) routers.Router {
	document, err := openapi3.NewLoader().LoadFromFile(file)
	check(err)
	document.Servers = openapi3.Servers{{URL: base}}
	seen := map[*openapi3.Schema]bool{}
	for _, schema := range document.Components.Schemas {
		narrow(schema, seen)
	}
	for _, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			narrowOperation(operation, seen)
		}
	}
	router, err := gorillamux.NewRouter(document)
	check(err)
	return router
}

func narrowOperation(o *openapi3.Operation, seen map[*openapi3.Schema]bool) {
	bodies := []openapi3.Content{}
	if o.RequestBody != nil {
		bodies = append(bodies, o.RequestBody.Value.Content)
	}
	for _, response := range o.Responses.Map() {
		bodies = append(bodies, response.Value.Content)
	}
	for _, content := range bodies {
		for _, media := range content {
			narrow(media.Schema, seen)
		}
	}
}

func narrow(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	schema := ref.Value
	seen[schema] = true
	if len(schema.Properties) > 0 && schema.AdditionalProperties.Has == nil && schema.AdditionalProperties.Schema == nil {
		none := false
		schema.AdditionalProperties.Has = &none
	}
	for _, property := range schema.Properties {
		narrow(property, seen)
	}
	narrow(schema.Items, seen)
}

// made makes a call, and looks at it.
func made(router routers.Router, c *call, kept map[string]string) result {
	request, err := http.NewRequest(c.Method, c.Base+c.Path, strings.NewReader(c.Body))
	check(err)
	for name, value := range c.Headers {
		for k, v := range kept {
			value = strings.ReplaceAll(value, "$"+k, v)
		}
		request.Header.Set(name, value)
	}
	if c.Body != "" {
		request.Header.Set("Content-Type", cmp.Or(c.Headers["Content-Type"], "application/json"))
	}
	input, problem := looked(router, request)
	request.Body, request.ContentLength = io.NopCloser(strings.NewReader(c.Body)), int64(len(c.Body))
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(err)
	if c.Keep != "" {
		var members map[string]any
		check(json.Unmarshal(body, &members))
		kept[c.Keep] = fmt.Sprint(members[c.Keep])
	}
	out := result{Status: response.StatusCode, Request: problem}
	if json.Valid(body) {
		out.Body = body
	}
	if input != nil {
		out.Response = fits(input, response, body)
	}
	return out
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, MultiError: true,
	}
}

// looked is what is wrong with a request.
func looked(router routers.Router, request *http.Request) (*openapi3filter.RequestValidationInput, string) {
	route, params, err := router.FindRoute(request)
	if err != nil {
		return nil, "no such call: " + err.Error()
	}
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route, Options: options()}
	return input, short(openapi3filter.ValidateRequest(context.Background(), input))
}

// fits is what is wrong with an answer.
func fits(input *openapi3filter.RequestValidationInput, response *http.Response, body []byte) string {
	return short(openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Body: io.NopCloser(bytes.NewReader(body)), Options: options(),
	}))
}

// short is an error without the schema that it prints.
func short(err error) string {
	if err == nil {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), "\nSchema:")
	return text
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
