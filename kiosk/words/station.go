package words

// stationWords are the texts of a station that cannot do what was decided.
func stationWords() map[Key]Pair {
	return map[Key]Pair{
		"station.not_recorded": {"未能保存,请再扫一次;仍不行请叫主管", "Not saved. Scan again; if it fails again, call the supervisor"},
	}
}
