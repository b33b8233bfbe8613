package words

// screenWords are the texts of this room.
func screenWords() map[Key]Pair {
	return map[Key]Pair{}
}
