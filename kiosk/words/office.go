package words

// officeWords are the texts of this room.
func officeWords() map[Key]Pair {
	return map[Key]Pair{}
}
