package printer

// code128 writes s for GS k 73, digits in pairs where that is shorter, and
// says how many modules wide the symbol is, without its white margins. It
// takes 1 to 64 printable ASCII characters.
func code128(s string) (data []byte, modules int, ok bool) {
	if len(s) == 0 || len(s) > 64 {
		return nil, 0, false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return nil, 0, false
		}
	}
	data, symbols := code128Sets(s, true)
	if realTime(data) {
		data, symbols = code128Sets(s, false)
	}
	return data, 11*(symbols+1) + 13, true // with check and stop symbol
}

// code128Sets counts the start symbol and the changes of set among the
// symbols.
func code128Sets(s string, pairs bool) (data []byte, symbols int) {
	set := byte(0)
	choose := func(c byte) {
		if set != c {
			data = append(data, '{', c)
			symbols++
			set = c
		}
	}
	for i := 0; i < len(s); {
		run := digits(s[i:])
		if pairs && worthPairs(run, i == 0, i+run == len(s)) {
			if run%2 == 1 && i > 0 { // keep the pairs at the end
				choose('B')
				data = append(data, s[i])
				symbols++
				i++
			}
			choose('C')
			for ; run >= 2; run -= 2 {
				data = append(data, (s[i]-'0')*10+s[i+1]-'0')
				symbols++
				i += 2
			}
			continue
		}
		choose('B')
		for range max(run, 1) {
			if s[i] == '{' {
				data = append(data, '{')
			}
			data = append(data, s[i])
			symbols++
			i++
		}
	}
	return data, symbols
}

// worthPairs: a run of digits is shorter in set C from four at an end of the
// text, from six in its middle (ISO/IEC 15417, annex E).
func worthPairs(run int, first, last bool) bool {
	return run >= 6 || (first || last) && run >= 4
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// realTime reports whether data holds what a printer obeys at once wherever
// it stands: DLE EOT, DLE ENQ or DLE DC4. In set C the digits 1604 are that.
func realTime(data []byte) bool {
	for i := 0; i+1 < len(data); i++ {
		if data[i] == dle && (data[i+1] == 0x04 || data[i+1] == 0x05 || data[i+1] == 0x14) {
			return true
		}
	}
	return false
}
