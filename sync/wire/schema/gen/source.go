package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// source is what the text of the packages says beyond their types.
type source struct {
	docs   map[string]string   // "Type" and "Type.Field" → its comment
	values map[string][]string // name of a string type → its constants, in order
}

func readSource(dirs ...string) (*source, error) {
	src := &source{docs: make(map[string]string), values: make(map[string][]string)}
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("read source: no Go files in %s", dir)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, d := range f.Decls {
				if g, ok := d.(*ast.GenDecl); ok {
					src.declaration(g)
				}
			}
		}
	}
	return src, nil
}

func (src *source) declaration(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			doc := s.Doc
			if doc == nil && len(g.Specs) == 1 {
				doc = g.Doc
			}
			if st, ok := s.Type.(*ast.StructType); ok {
				src.docs[s.Name.Name] = line(doc)
				src.structure(s.Name.Name, st)
			}
		case *ast.ValueSpec:
			src.constant(g.Tok, s)
		}
	}
}

func (src *source) structure(name string, st *ast.StructType) {
	for _, f := range st.Fields.List {
		text := line(f.Doc)
		if text == "" {
			text = line(f.Comment)
		}
		for _, n := range f.Names {
			src.docs[name+"."+n.Name] = text
		}
	}
}

// constant notes a constant declared with a type and a text.
func (src *source) constant(tok token.Token, s *ast.ValueSpec) {
	typ, ok := s.Type.(*ast.Ident)
	if tok != token.CONST || !ok || len(s.Values) != 1 {
		return
	}
	if lit, ok := s.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			src.values[typ.Name] = append(src.values[typ.Name], text)
		}
	}
}

// line is a comment as one line.
func line(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	return strings.Join(strings.Fields(c.Text()), " ")
}
