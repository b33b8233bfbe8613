package words

// commandWords are the texts of this room.
func commandWords() map[Key]Pair {
	return map[Key]Pair{}
}
