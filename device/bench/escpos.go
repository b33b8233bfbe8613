package bench

// command is one structural element of an ESC/POS stream.
type command uint8

const (
	cmdOther    command = iota // text, or a command that only prints or sets
	cmdStatus                  // DLE EOT n: asks for a status byte at once
	cmdCut                     // GS V: ends a ticket
	cmdFinished                // GS ( H function 48: asks to be told when all before it is printed
)

// Control bytes that begin commands.
const (
	dle = 0x10
	eot = 0x04
	esc = 0x1B
	fs  = 0x1C
	gs  = 0x1D
)

// Parameter bytes behind the two bytes of a command; commands not listed have
// none, or a length of their own (below).
var (
	escParams = map[byte]int{
		' ': 1, '!': 1, '$': 2, '%': 1, '-': 1, '3': 1, '=': 1, 'E': 1, 'G': 1, 'J': 1, 'M': 1, 'R': 1,
		'V': 1, '\\': 2, 'a': 1, 'c': 2, 'd': 1, 'e': 1, 'p': 3, 't': 1, '{': 1,
	}
	fsParams = map[byte]int{'!': 1, '-': 1, 'C': 1, 'S': 2, 'W': 1, 'p': 2}
	gsParams = map[byte]int{
		'!': 1, '$': 2, 'B': 1, 'H': 1, 'I': 1, 'L': 2, 'P': 2, 'T': 1, 'W': 2, '\\': 2, 'a': 1, 'b': 1,
		'f': 1, 'h': 1, 'r': 1, 'w': 1,
	}
)

// next gives the length of the first element of p and what it is; 0 means that
// more bytes are needed. A run of text is one element. Data inside a command
// belongs to it, whatever its bytes look like. A header may promise gigabytes;
// the caller bounds what it waits for.
func next(p []byte) (n int, c command) {
	switch p[0] {
	case dle:
		return realTime(p)
	case esc:
		return escLength(p), cmdOther
	case fs:
		if len(p) >= 2 && p[1] == '(' {
			return parenLength(p), cmdOther
		}
		return fixed(p, fsParams), cmdOther
	case gs:
		return gsCommand(p)
	}
	for n < len(p) && p[n] != dle && p[n] != esc && p[n] != fs && p[n] != gs {
		n++
	}
	return n, cmdOther
}

func realTime(p []byte) (int, command) {
	switch {
	case len(p) < 2:
		return 0, cmdOther
	case p[1] == eot && len(p) < 3:
		return 0, cmdStatus
	case p[1] == eot:
		return 3, cmdStatus
	case p[1] == 0x05: // DLE ENQ n
		return enough(p, 3), cmdOther
	case p[1] == 0x14: // DLE DC4 fn m t
		return enough(p, 5), cmdOther
	}
	return 1, cmdOther
}

func enough(p []byte, n int) int {
	if len(p) < n {
		return 0
	}
	return n
}

func fixed(p []byte, params map[byte]int) int {
	if len(p) < 2 {
		return 0
	}
	return enough(p, 2+params[p[1]])
}

func escLength(p []byte) int {
	switch {
	case len(p) >= 2 && p[1] == '*': // bit image: m nL nH, 1 or 3 bytes a column
		if len(p) < 5 {
			return 0
		}
		column := 1
		if p[2] >= 32 {
			column = 3
		}
		return enough(p, 5+column*word(p[3:]))
	case len(p) >= 2 && p[1] == 'D': // tab stops up to NUL
		return upToNUL(p, 2, 33)
	}
	return fixed(p, escParams)
}

func gsCommand(p []byte) (int, command) {
	if len(p) < 2 {
		return 0, cmdOther
	}
	switch p[1] {
	case '(':
		return gsParen(p)
	case 'V':
		return gsCut(p), cmdCut
	case 'k':
		return gsBarcode(p), cmdOther
	case 'v': // GS v 0 m xL xH yL yH and x×y bytes of raster
		if len(p) < 8 {
			return 0, cmdOther
		}
		return enough(p, 8+word(p[4:])*word(p[6:])), cmdOther
	}
	return fixed(p, gsParams), cmdOther
}

// gsParen: GS ( X pL pH and that many bytes, of which the first two are the
// function and a parameter.
func gsParen(p []byte) (int, command) {
	n := parenLength(p)
	if n >= 7 && p[2] == 'H' && p[5] == 48 && p[6] == 48 {
		return n, cmdFinished
	}
	return n, cmdOther
}

func parenLength(p []byte) int {
	if len(p) < 5 {
		return 0
	}
	return enough(p, 5+word(p[3:]))
}

func gsCut(p []byte) int {
	if len(p) < 3 {
		return 0
	}
	switch p[2] {
	case 65, 66, 97, 98, 103, 104: // with a feed
		return enough(p, 4)
	}
	return 3
}

// gsBarcode: GS k m and, for m from 65, a count and its bytes, else bytes up to NUL.
func gsBarcode(p []byte) int {
	switch {
	case len(p) < 4:
		return 0
	case p[2] >= 65:
		return enough(p, 4+int(p[3]))
	}
	return upToNUL(p, 3, 258)
}

// upToNUL gives the length up to the first NUL from p[from] on, at most limit.
func upToNUL(p []byte, from, limit int) int {
	for i := from; i < len(p) && i < limit; i++ {
		if p[i] == 0 {
			return i + 1
		}
	}
	return enough(p, limit)
}

func word(p []byte) int { return int(p[0]) | int(p[1])<<8 }
