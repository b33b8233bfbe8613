package words

// ticketWords are the texts of this room.
func ticketWords() map[Key]Pair {
	return map[Key]Pair{}
}
