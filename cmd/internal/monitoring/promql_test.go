package monitoring

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// use is one metric in an expression and the labels it is asked for.
type use struct {
	metric string
	labels []string
}

// parser reads the part of PromQL that the alerts and panels use: selectors with
// matchers and ranges, the functions and aggregations named below, arithmetic and
// comparisons.
type parser struct {
	tokens []string
	uses   []use
}

var token = regexp.MustCompile(`^(?:\s+|([a-zA-Z_:][a-zA-Z0-9_:]*|[0-9.]+(?:e[0-9]+)?|"(?:[^"\\]|\\.)*"|=~|!~|==|!=|>=|<=|\[[0-9]+[smhd]\]|[-+*/(){},=<>]))`)

var (
	functions  = []string{"rate", "increase", "delta", "changes", "histogram_quantile", "abs", "vector", "label_values"}
	aggregates = []string{"sum", "max", "min", "count", "avg"}
)

// parse reads a whole expression.
func parse(text string) ([]use, error) {
	p := &parser{}
	for rest := text; rest != ""; {
		m := token.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("read %q: %q is no token", text, rest)
		}
		if m[1] != "" {
			p.tokens = append(p.tokens, m[1])
		}
		rest = rest[len(m[0]):]
	}
	if err := p.expr(); err != nil {
		return nil, fmt.Errorf("read %q: %w", text, err)
	}
	if len(p.tokens) > 0 {
		return nil, fmt.Errorf("read %q: %v is left", text, p.tokens)
	}
	return p.uses, nil
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	p.tokens = p.tokens[min(1, len(p.tokens)):]
	return t
}

func (p *parser) want(t string) error {
	if got := p.next(); got != t {
		return fmt.Errorf("%q where %q should be", got, t)
	}
	return nil
}

// expr is operands between operators; which binds how does not matter here.
func (p *parser) expr() error {
	for {
		if err := p.operand(); err != nil {
			return err
		}
		if !slices.Contains([]string{"+", "-", "*", "/", "==", "!=", ">", "<", ">=", "<=", "or", "and", "unless"}, p.peek()) {
			return nil
		}
		p.next()
	}
}

func (p *parser) operand() error {
	t := p.next()
	switch {
	case t == "":
		return fmt.Errorf("it ends too early")
	case t[0] >= '0' && t[0] <= '9':
		return nil
	case t == "(":
		if err := p.expr(); err != nil {
			return err
		}
		return p.want(")")
	case slices.Contains(aggregates, t):
		return p.aggregate()
	case p.peek() == "(":
		return p.call(t)
	case t[0] < 'A':
		return fmt.Errorf("%q where a metric should be", t)
	}
	return p.selector(t)
}

func (p *parser) aggregate() error {
	var by []string
	if p.peek() == "by" {
		p.next()
		if err := p.want("("); err != nil {
			return err
		}
		for p.peek() != ")" && p.peek() != "" {
			by = append(by, p.next())
			if p.peek() == "," {
				p.next()
			}
		}
		p.next()
	}
	if err := p.want("("); err != nil {
		return err
	}
	before := len(p.uses)
	if err := p.expr(); err != nil {
		return err
	}
	for i := before; i < len(p.uses); i++ {
		p.uses[i].labels = append(p.uses[i].labels, by...)
	}
	return p.want(")")
}

func (p *parser) call(name string) error {
	if !slices.Contains(functions, name) {
		return fmt.Errorf("no function %s is known here", name)
	}
	p.next()
	for {
		if err := p.expr(); err != nil {
			return err
		}
		if p.peek() != "," {
			break
		}
		p.next()
		if name == "label_values" {
			p.uses[len(p.uses)-1].labels = append(p.uses[len(p.uses)-1].labels, p.next())
			break
		}
	}
	return p.want(")")
}

func (p *parser) selector(name string) error {
	u := use{metric: name}
	if p.peek() == "{" {
		p.next()
		for p.peek() != "}" {
			label, op, value := p.next(), p.next(), p.next()
			if !slices.Contains([]string{"=", "!=", "=~", "!~"}, op) || !strings.HasPrefix(value, `"`) {
				return fmt.Errorf("%s %s %s is no matcher", label, op, value)
			}
			u.labels = append(u.labels, label)
			if p.peek() == "," {
				p.next()
			} else if p.peek() != "}" {
				return fmt.Errorf("%q after a matcher", p.peek())
			}
		}
		p.next()
	}
	if strings.HasPrefix(p.peek(), "[") {
		p.next()
	}
	p.uses = append(p.uses, u)
	return nil
}

func TestParse(t *testing.T) {
	for _, good := range []string{`up{job="a"} == 0`, `histogram_quantile(0.99, sum by (instance, le) (rate(b_bucket[15m]))) > 0.5`, `count(a{x=~"$s"} == 2) or vector(0)`,
		`abs(a) > 0`, `a / b < 0.05`, `a{x="}\"",y!="1"} > 100e6`, `label_values(a, x)`} {
		if _, err := parse(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{``, `a >`, `a{x=1}`, `a{x="1" > 2`, `rate(a[5m]`, `nope(a)`, `sum by (le (a)`, `a b`, `a > > 1`, `a{x="1"}} > 1`, `rate(a)[5m]`, `a & b`, `a[5x]`} {
		if uses, err := parse(bad); err == nil {
			t.Errorf("%q is read as %v", bad, uses)
		}
	}
	uses, err := parse(`sum by (store) (a{state="lost"}) > 0`)
	if err != nil || len(uses) != 1 || uses[0].metric != "a" || strings.Join(uses[0].labels, " ") != "state store" {
		t.Errorf("%v, %v", uses, err)
	}
}
