package vin

import "strings"

// Bounds of a search: a QR code holds less than 4 KiB, and a label that names
// more than eight vehicles names none.
const (
	maxSearch     = 4096 // bytes
	maxCandidates = 8
)

// Candidates are the VINs inside a longer text, such as a QR code with a URL or
// with several fields, in the order they appear, each once. A VIN stands alone
// between characters that are neither letters nor digits; percent escapes
// (%3D) count as what they stand for. Seventeen digits without a letter are a
// time stamp or an order number and are left out. A text longer than 4 KiB has
// none.
func Candidates(text string) []VIN {
	if len(text) > maxSearch {
		return nil
	}
	var out []VIN
	seen := map[VIN]bool{}
	for _, run := range strings.FieldsFunc(fold(unescape(text)), notAlnum) {
		run = strings.TrimPrefix(run, "VIN")
		if strings.Trim(run, "0123456789") == "" {
			continue
		}
		v, _, err := Parse(run)
		if err != nil || seen[v] {
			continue
		}
		seen[v] = true
		if out = append(out, v); len(out) == maxCandidates {
			break
		}
	}
	return out
}

func notAlnum(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}

// unescape replaces each percent escape by its byte; what is no escape stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := hex(s[i+1]), hex(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// hex is the value of a hexadecimal digit, or -1.
func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
