package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// of is the schema of a Go type as encoding/json writes it. Members that are
// always written are required.
func of(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Pointer:
		return orNull(of(t.Elem()))
	case reflect.Slice:
		return object{"type": "array", "items": of(t.Elem())}
	case reflect.Array:
		return object{"type": "array", "items": of(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": of(t.Elem())}
	case reflect.Struct:
		properties, required := object{}, []string{}
		fields(t, properties, &required)
		return object{"type": "object", "properties": properties, "required": required}
	}
	panic(fmt.Sprintf("no schema for %s", t)) // found by the test of this package
}

func fields(t reflect.Type, properties object, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields(f.Type, properties, required)
		case name == "-" || !f.IsExported():
		default:
			if name == "" {
				name = f.Name
			}
			s := of(f.Type)
			if strings.Contains(options, "omitempty") {
				if f.Type.Kind() == reflect.Pointer { // left out rather than null
					s = of(f.Type.Elem())
				}
			} else {
				*required = append(*required, name)
			}
			properties[name] = s
		}
	}
}

func orNull(s object) object {
	if kind, ok := s["type"].(string); ok {
		s["type"] = []string{kind, "null"}
		return s
	}
	return object{"anyOf": []object{s, {"type": "null"}}}
}
