package screen

// Style is the style sheet of all pages (CSS), for pages that other rooms draw:
// a board looks the same before and after it is set up.
func Style() []byte {
	b, err := web.ReadFile("web/app.css")
	if err != nil {
		panic(err) // embedded: it is there or the program was not built
	}
	return b
}
