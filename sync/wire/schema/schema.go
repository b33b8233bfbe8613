// Package schema holds the JSON Schemas (draft 2020-12) of everything that
// travels between a board and a back office, and an AsyncAPI 3 document of the
// topics it travels on.
//
// The files are made from the Go types of packages kiosk and wire by
// sync/wire/schema/gen; a test there fails if they are not what it makes. A
// schema forbids no further members, so that version 1 can grow.
//
//	v1/{type}.v1.json    data of an event, e.g. v1/job.started.v1.json
//	v1/envelope.v1.json  the event around its data
//	v1/person.v1.json    message with the person part of an event
//	v1/receipt.v1.json, v1/conn.v1.json, v1/office.v1.json, v1/health.v1.json
//	asyncapi.json        topics and messages, with all schemas inside
package schema

import (
	"embed"

	"baylight/kiosk"
)

//go:generate go run ./gen -root ../../.. -out .

// FS has the files of this folder as the package doc lists them.
//
//go:embed v1/*.json asyncapi.json
var FS embed.FS

// For is the schema of the data of an event of a type, nil if the type is not
// known. Events name it in their dataschema.
func For(t kiosk.Type) []byte {
	b, err := FS.ReadFile("v1/" + string(t) + ".v1.json")
	if err != nil || kiosk.NewPayload(t) == nil {
		return nil
	}
	return b
}

// AsyncAPI is the AsyncAPI document, in JSON.
func AsyncAPI() []byte {
	b, err := FS.ReadFile("asyncapi.json")
	if err != nil {
		panic(err) // go:embed does not build without the file
	}
	return b
}
