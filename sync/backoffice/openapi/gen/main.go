// Command gen writes the OpenAPI document of the back office. Shapes of figures,
// people and imports come from their Go types, the rest stands in answers.go and
// paths.go; a test compares all of it with the answers of a real office.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	out := flag.String("out", "", "file to write")
	flag.Parse()
	b, err := encode(document())
	if err == nil {
		err = os.WriteFile(*out, b, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// object is a JSON object.
type object = map[string]any

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func document() object {
	return object{
		"openapi":           "3.1.0",
		"jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
		"info": object{"title": "Baylight back office", "version": "1.0.0", "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "Figures of a service department, the orders and raw scans behind them, and what people record. " +
				"Additive within v1: more members may come. Wrong input is answered with RFC 9457 problem details that name the parameter."},
		"servers":    []object{{"url": "/", "description": "the back office that serves this document"}},
		"security":   []object{{"token": []string{}}, {"session": []string{}}},
		"paths":      paths(),
		"components": object{"schemas": schemas(), "parameters": parameters(), "responses": responses(), "securitySchemes": security()},
	}
}

func security() object {
	return object{
		"token":   object{"type": "http", "scheme": "bearer", "description": "the token of the office's configuration; without one, this machine may read"},
		"session": object{"type": "apiKey", "in": "cookie", "name": "baylight", "description": "of somebody who signed in with badge and PIN; POST needs the same origin too"},
	}
}
