package figures

// SetChunk makes steps of folding small.
func (f *Folder) SetChunk(visits int) { f.chunk = visits }
