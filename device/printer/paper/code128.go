package paper

import "strings"

// patterns are the widths of bars and spaces of symbols 0 to 106, a digit
// each (ISO/IEC 15417, table 1); 103 to 105 start sets A to C, 106 stops.
const patterns = "" +
	"212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 " +
	"221312 231212 112232 122132 122231 113222 123122 123221 223211 221132 " +
	"221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 " +
	"212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 " +
	"231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 " +
	"231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 " +
	"314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 " +
	"112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 " +
	"111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 " +
	"214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 " +
	"114131 311141 411131 211412 211214 211232 2331112"

const (
	startA = 103
	stop   = 106
	toC    = 99
	toB    = 100
	toA    = 101
)

// code128Modules reads the data of GS k 73 and returns its modules, true for black,
// and the text it stands for. It fails where a printer would print nothing.
func code128Modules(data []byte) (bars []bool, text string, ok bool) {
	values, text, ok := symbols(data)
	if !ok {
		return nil, "", false
	}
	sum := values[0]
	for i, v := range values {
		sum += i * v
	}
	values = append(values, sum%103, stop)
	widths := strings.Fields(patterns)
	for _, v := range values {
		black := true
		for _, w := range widths[v] {
			for range w - '0' {
				bars = append(bars, black)
			}
			black = !black
		}
	}
	return bars, text, true
}

// symbols turns data into symbol values, beginning with a start symbol.
func symbols(data []byte) (values []int, text string, ok bool) {
	var out strings.Builder
	set := byte(0)
	for i := 0; i < len(data); i++ {
		c := data[i]
		if c == '{' {
			i++
			if i == len(data) {
				return nil, "", false
			}
			c = data[i]
			if c >= 'A' && c <= 'C' && c != set {
				values = append(values, change(set, c))
				set = c
				continue
			}
			if c != '{' || set != 'B' {
				return nil, "", false
			}
		}
		switch {
		case set == 'B' && c >= ' ' && c <= '~':
			values = append(values, int(c)-' ')
			out.WriteByte(c)
		case set == 'A' && c >= ' ' && c <= '_':
			values = append(values, int(c)-' ')
			out.WriteByte(c)
		case set == 'C' && c <= 99:
			values = append(values, int(c))
			out.WriteByte('0' + c/10)
			out.WriteByte('0' + c%10)
		default:
			return nil, "", false
		}
	}
	return values, out.String(), out.Len() > 0
}

// change is the symbol that brings set, from is 0 at the start.
func change(from, set byte) int {
	if from == 0 {
		return startA + int(set-'A')
	}
	return map[byte]int{'A': toA, 'B': toB, 'C': toC}[set]
}
