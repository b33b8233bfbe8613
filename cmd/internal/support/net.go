package support

import (
	"regexp"
	"strconv"
	"strings"

	"baylight/kiosk"
)

// What stands in the place of what was masked.
const (
	maskedSecret = "[secret]"
	maskedVIN    = "[vin]"
	maskedPlate  = "[plate]"
	maskedPhone  = "[phone]"
	maskedBadge  = "[badge]"
)

// Shapes. A VIN has 17 letters and digits; escapes before it ("\n", a colour)
// may seem to lengthen it, so runs of up to longRun are taken. Epochs and hashes
// are longer, boot ids shorter.
const (
	vinRun   = 17
	longRun  = 24
	badgeRun = 12
)

const provinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

var (
	run   = regexp.MustCompile(`[0-9A-Za-z]+`)
	plate = regexp.MustCompile(`[` + provinces + `][A-Za-z][\s·.-]?[0-9A-Za-z]{4,6}[挂学警港澳领使]?`)
	phone = regexp.MustCompile(`(^|[^0-9])(?:\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}([^0-9]|$)`)
)

// Net masks what must not leave the shop. The zero Net knows shapes only.
type Net struct{ secrets *strings.Replacer }

// NewNet knows shapes and these secrets: keys, passwords, verifiers, badges,
// names. Secrets of fewer than two characters are no secrets.
func NewNet(secrets ...string) *Net {
	var pairs []string
	for _, s := range secrets {
		if len([]rune(s)) < 2 {
			continue
		}
		pairs = append(pairs, s, maskedSecret)
		if q := strconv.Quote(s); q[1:len(q)-1] != s {
			pairs = append(pairs, q[1:len(q)-1], maskedSecret)
		}
	}
	return &Net{strings.NewReplacer(pairs...)}
}

// Mask gives s without what the net knows. In JSON it stays JSON.
func (n *Net) Mask(s string) string {
	if n.secrets != nil {
		s = n.secrets.Replace(s)
	}
	if strings.ContainsAny(s, provinces) {
		s = plate.ReplaceAllString(s, maskedPlate)
	}
	for range 2 { // two numbers may share what stands between them
		s = maskPhones(s)
	}
	return run.ReplaceAllStringFunc(s, func(r string) string {
		if vinRun <= len(r) && len(r) <= longRun && strings.ContainsAny(r, "0123456789") {
			return maskedVIN
		}
		if len(r) == badgeRun && strings.Trim(r, "0123456789abcdef") != "" { // not the end of a uuid
			if c, err := kiosk.ParseCode(r); err == nil && c.Kind == kiosk.KindBadge {
				return maskedBadge
			}
		}
		return r
	})
}

// sizes are how many bytes a disk has, which may look like a telephone number:
// what stands before them, in JSON and in metrics.
var sizes = regexp.MustCompile(`bytes(?:": ?| )$`)

func maskPhones(s string) string {
	var b strings.Builder
	end := 0
	for _, m := range phone.FindAllStringSubmatchIndex(s, -1) {
		from, to := m[3], m[4] // between what stands before and after
		if sizes.MatchString(s[max(0, from-9):from]) {
			continue
		}
		b.WriteString(s[end:from])
		b.WriteString(maskedPhone)
		end = to
	}
	return b.String() + s[end:]
}
