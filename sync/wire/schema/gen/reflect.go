package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()

	probabilityType = reflect.TypeFor[wire.Probability]()
)

// of makes the schema of a struct as encoding/json writes it. t is the type of
// the event or message, by which some rules go.
func (src *source) of(v any, t kiosk.Type) (object, error) {
	st := reflect.TypeOf(v)
	if st.Kind() == reflect.Pointer {
		st = st.Elem()
	}
	s, err := src.object(st, t)
	if err != nil {
		return nil, err
	}
	if doc := src.docs[st.Name()]; doc != "" {
		s["description"] = doc
	}
	return s, nil
}

func (src *source) object(st reflect.Type, t kiosk.Type) (object, error) {
	properties, required := object{}, []string{}
	if err := src.fields(st, t, properties, &required); err != nil {
		return nil, err
	}
	s := object{"type": "object", "additionalProperties": true, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s, nil
}

// fields adds the fields of a struct, those of embedded structs included.
func (src *source) fields(st reflect.Type, t kiosk.Type, properties object, required *[]string) error {
	for f := range st.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			if err := src.fields(f.Type, t, properties, required); err != nil {
				return err
			}
			continue
		case name == "-":
			continue
		case name == "":
			return fmt.Errorf("%s.%s has no json name", st.Name(), f.Name)
		}
		s, err := src.value(f.Type, t)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", st.Name(), f.Name, err)
		}
		if doc := src.docs[st.Name()+"."+f.Name]; doc != "" {
			s["description"] = doc
		}
		rule(s, st.Name()+"."+f.Name, t)
		properties[name] = s
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
		}
	}
	return nil
}

// value makes the schema of one value.
func (src *source) value(vt reflect.Type, t kiosk.Type) (object, error) {
	switch vt {
	case probabilityType:
		return object{"type": "number", "minimum": 0, "maximum": 1}, nil
	case timeType:
		return object{"type": "string", "format": "date-time"}, nil
	case rawType:
		return object{"type": "object"}, nil
	}
	switch vt.Kind() {
	case reflect.Pointer:
		return src.value(vt.Elem(), t)
	case reflect.Struct:
		return src.object(vt, t)
	case reflect.Slice:
		items, err := src.value(vt.Elem(), t)
		return object{"type": "array", "items": items}, err
	case reflect.Map:
		values, err := src.value(vt.Elem(), t)
		return object{"type": "object", "additionalProperties": values}, err
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}, nil
	case reflect.Uint64:
		return object{"type": "integer", "minimum": 0}, nil
	case reflect.String:
		s := object{"type": "string"}
		if values := src.values[vt.Name()]; len(values) > 0 {
			s["enum"] = values
		}
		return s, nil
	}
	return nil, fmt.Errorf("%s has no place in a message", vt)
}
