package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestChecked holds that the document that is checked in is what gen makes.
func TestChecked(t *testing.T) {
	want, err := encode(document())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("openapi.json is not what gen makes: go generate ./sync/backoffice/openapi")
	}
}

// TestSound holds that every reference leads somewhere, every schema compiles,
// parameters of paths are named, and no two operations have one id.
func TestSound(t *testing.T) {
	b, err := encode(document())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	walk(doc, func(at object) {
		r, ok := at["$ref"].(string)
		if !ok {
			return
		}
		here := doc
		for part := range strings.SplitSeq(strings.TrimPrefix(r, "#/"), "/") {
			m, _ := here.(object)
			here = m[part]
		}
		if here == nil {
			t.Errorf("%s leads nowhere", r)
		}
	})
	c := jsonschema.NewCompiler()
	if err := c.AddResource("doc", doc); err != nil {
		t.Fatal(err)
	}
	for name := range schemas() {
		if _, err := c.Compile("doc#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	ids := map[string]bool{}
	for route, op := range operations() {
		if ids[op.id] {
			t.Errorf("two operations are called %s", op.id)
		}
		ids[op.id] = true
		for name := range parameters() {
			in := parameters()[name].(object)
			if in["in"] == "path" && strings.Contains(route, "{"+in["name"].(string)+"}") != strings.Contains(" "+op.params+" ", " "+name+" ") {
				t.Errorf("%s: the parameter %s of the path is not named, or not there", route, name)
			}
		}
	}
	var again any
	if err := json.Unmarshal(b, &again); err != nil {
		t.Error(err)
	}
}

func walk(v any, f func(object)) {
	switch v := v.(type) {
	case object:
		f(v)
		for _, x := range v {
			walk(x, f)
		}
	case []any:
		for _, x := range v {
			walk(x, f)
		}
	}
}
