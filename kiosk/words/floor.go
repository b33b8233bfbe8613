package words

// floorWords are the texts of this room.
func floorWords() map[Key]Pair {
	return map[Key]Pair{}
}
