// Package openapi holds the documents that others read the back office by, and
// serves them: the OpenAPI 3.1 document of its HTTP API, and from package schema
// the AsyncAPI document of its topics and the JSON Schemas of what events say.
//
//	GET /api/v1/openapi.json   this package's openapi.json
//	GET /api/v1/asyncapi.json  topics and messages
//	GET /schemas/{name}        e.g. /schemas/job.started.v1.json: what an event's dataschema
//	                           urn:baylight:schema:job.started.v1 names
//
// openapi.json is made by openapi/gen; a test there fails if it is another one.
// Another holds every answer of a real office to it, and that no route is missing.
package openapi

import (
	_ "embed"
	"net/http"
	"strings"

	"baylight/sync/wire/schema"
)

//go:generate go run ./gen -out openapi.json

//go:embed openapi.json
var document []byte

// Document is the OpenAPI document, in JSON.
func Document() []byte { return document }

// Handler serves the documents by their paths. They are no secrets.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) { serve(w, "application/json", document) })
	mux.HandleFunc("GET /api/v1/asyncapi.json", func(w http.ResponseWriter, _ *http.Request) { serve(w, "application/json", schema.AsyncAPI()) })
	mux.HandleFunc("GET /schemas/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimSuffix(r.PathValue("name"), ".json")
		b, err := schema.FS.ReadFile("v1/" + name + ".json")
		if err != nil {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"type":"about:blank","title":"Not Found","status":404,"detail":"no such schema; one is /schemas/job.started.v1.json","parameter":"name"}` + "\n"))
			return
		}
		serve(w, "application/schema+json", b)
	})
	return mux
}

func serve(w http.ResponseWriter, kind string, b []byte) {
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b) // the reader may have gone
}
