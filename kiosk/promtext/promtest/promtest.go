// Package promtest reads Prometheus' text format in tests, as a scraper does:
// every sample belongs to the family announced last, none comes twice, values are
// numbers, counters end in _total.
package promtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	line  = regexp.MustCompile(`^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)+)\})? (\S+)$`)
	label = regexp.MustCompile(`([a-z]+)="`)
)

// Scrape is what a scraper takes from one answer.
type Scrape struct {
	Samples map[string]float64  // name{labels} → value
	Kinds   map[string]string   // family → counter, gauge or histogram
	Labels  map[string][]string // family → names of the labels of its last sample
	Help    map[string]string   // family → what it says of itself
}

// Parse reads an answer. The error names every line that is wrong.
func Parse(text string) (Scrape, error) {
	s := Scrape{map[string]float64{}, map[string]string{}, map[string][]string{}, map[string]string{}}
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	family := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if rest, ok := strings.CutPrefix(l, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			if s.Help[name] != "" || help == "" {
				bad("help twice, or none: %s", l)
			}
			family, s.Help[name] = name, help
			continue
		}
		if rest, ok := strings.CutPrefix(l, "# TYPE "+family+" "); ok && s.Kinds[family] == "" {
			s.Kinds[family] = rest
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			bad("no line of the format: %q", l)
			continue
		}
		base, kind := m[1], s.Kinds[family]
		if kind == "histogram" {
			base = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, "_bucket"), "_sum"), "_count")
		}
		if base != family || kind == "" || (kind == "counter") != strings.HasSuffix(base, "_total") {
			bad("%s stands under %s %s", m[1], kind, family)
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			bad("%s: %v", l, err)
		}
		key := m[1]
		if m[2] != "" {
			key += "{" + m[2] + "}"
		}
		if _, twice := s.Samples[key]; twice {
			bad("%s is there twice", key)
		}
		s.Samples[key] = v
		s.Labels[family] = nil
		for _, name := range label.FindAllStringSubmatch(m[2], -1) {
			if name[1] != "le" {
				s.Labels[family] = append(s.Labels[family], name[1])
			}
		}
	}
	if wrong != nil {
		return s, fmt.Errorf("read metrics: %s", strings.Join(wrong, "\n"))
	}
	return s, nil
}
