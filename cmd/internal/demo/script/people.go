package script

import (
	"fmt"
	"math/rand/v2"
)

// The shop of the demo: eight bays (the last one washes), and its people.
const (
	WorkBays   = 7
	WashBay    = "b8"
	Supervisor = "s01"
	Manager    = "m01"
	Washer     = "t12"
	Dual       = "q02" // technician and inspector
)

// BayID is the id of bay n, from 1.
func BayID(n int) string { return fmt.Sprintf("b%d", n) }

// Advisers, Technicians and Inspectors by id.
func Advisers() []string { return []string{"a01", "a02", "a03"} }

// Technicians are those who repair.
func Technicians() []string {
	return []string{"t01", "t02", "t03", "t04", "t05", "t06", "t07", "t08", "t09", "t10"}
}

// Inspectors are those who inspect; the second also repairs elsewhere.
func Inspectors() []string { return []string{"q01", Dual} }

// Menu is the service menu.
func Menu() []Item {
	return []Item{
		{"M05", "5000公里首保", "free_maintenance", "manufacturer", 30},
		{"M10", "10000公里保养", "maintenance", "customer", 40},
		{"M40", "40000公里大保养", "maintenance", "customer", 70},
		{"W05", "车机升级（保修）", "warranty", "manufacturer", 25},
		{"W12", "更换氧传感器（保修）", "warranty", "manufacturer", 35},
		{"R21", "更换前刹车片", "minor", "customer", 35},
		{"R33", "更换雨刮电机", "minor", "customer", 30},
		{"R80", "变速箱维修", "major", "customer", 130},
		{"A02", "前保险杠喷漆", "accident", "customer", 90},
		{"X01", "返工复检", "rework", "store", 25},
	}
}

func vin(r *rand.Rand) string {
	const letters = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
	b := []byte("LSV")
	for len(b) < 12 {
		b = append(b, letters[r.IntN(len(letters))])
	}
	for len(b) < 17 {
		b = append(b, byte('0'+r.IntN(10)))
	}
	b[8] = checkDigit(b)
	return string(b)
}

// checkDigit is position 9 of GB 16735: the weighted sum of the others mod 11.
func checkDigit(b []byte) byte {
	values := map[byte]int{'A': 1, 'B': 2, 'C': 3, 'D': 4, 'E': 5, 'F': 6, 'G': 7, 'H': 8, 'J': 1, 'K': 2, 'L': 3,
		'M': 4, 'N': 5, 'P': 7, 'R': 9, 'S': 2, 'T': 3, 'U': 4, 'V': 5, 'W': 6, 'X': 7, 'Y': 8, 'Z': 9}
	weights := [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}
	sum := 0
	for i, c := range b {
		v, letter := values[c]
		if !letter {
			v = int(c - '0')
		}
		sum += v * weights[i]
	}
	return "0123456789X"[sum%11]
}

func plate(r *rand.Rand) string {
	const tail = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
	p := []rune("沪粤苏浙京")[r.IntN(5)]
	b := []byte{"ABCDEFG"[r.IntN(7)]}
	for len(b) < 6 {
		b = append(b, tail[r.IntN(len(tail))])
	}
	b[1+r.IntN(5)] = byte('0' + r.IntN(10))
	return string(p) + string(b)
}
