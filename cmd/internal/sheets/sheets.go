// Package sheets draws what a store laminates: badges of its staff and its
// action cards, each with the code that scanners read, on A4 pages to be cut.
//
//	Badges, Actions ──▶ []Card ──▶ Draw ──▶ A4 pages ──▶ WritePDF, WritePNG
//
// A card has the size of a bank card, 85.6 × 54 mm, ten to a page. Units are
// dots of a ticket printer's head, 8 a millimetre (203 dpi): the cards are drawn
// as tickets are, by the same font and the same bar codes, so that what scans on
// a ticket scans here. Both kinds of file say how large they are; print them at
// 100 %.
//
// Badges name people: the files are for the store only. The package starts no
// goroutines and reads no clock.
package sheets

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"baylight/cmd/internal/settings"
	"baylight/device/printer"
	"baylight/device/printer/paper"
	"baylight/kiosk"
	"baylight/kiosk/words"
)

// Card is one card.
type Card struct {
	Head  string // the store
	Title string // large: a name, or what the card does
	Sub   string // below it
	Code  string // twelve characters, see kiosk.Code
}

// Badges are the badges of everybody who has one, in the order of the staff file.
func Badges(s *settings.Kiosk) (cards []Card) {
	for _, p := range s.Staff {
		if p.Badge == "" {
			continue
		}
		sub := p.ID
		for _, r := range p.Roles {
			if key := words.Key("role." + string(r)); words.Text(words.ZH, key) != string(key) {
				sub += "  " + words.Text(words.ZH, key)
			}
		}
		cards = append(cards, Card{Head: s.Store.Title, Title: p.Name, Sub: sub, Code: kiosk.MakeCode(kiosk.KindBadge, p.Badge)})
	}
	return cards
}

// Actions are the store's action cards.
func Actions(s *settings.Kiosk) (cards []Card) {
	for _, a := range kiosk.Actions() {
		key := words.Key("action." + string(a))
		cards = append(cards, Card{Head: s.Store.Title, Title: words.Text(words.ZH, key), Sub: words.Text(words.EN, key), Code: kiosk.ActionCode(s.Store.Tag, a)})
	}
	return cards
}

// Sizes in dots.
const (
	dotsPerMM   = 8
	pageWide    = 210 * dotsPerMM
	pageHigh    = 297 * dotsPerMM
	cardWide    = 685 // 85.6 mm
	cardHigh    = 432 // 54 mm
	across      = 2
	down        = 5
	perPage     = across * down
	left        = (pageWide - across*cardWide) / 2
	top         = (pageHigh - down*cardHigh) / 2
	titleFactor = 4
	subFactor   = 2
)

// ErrNoCards says that there is nothing to draw.
var ErrNoCards = errors.New("no cards to draw: nobody in the staff file has a badge")

// Draw draws the cards on as many pages as they take.
func Draw(cards []Card) (pages []*image.Gray, err error) {
	if len(cards) == 0 {
		return nil, ErrNoCards
	}
	for i, c := range cards {
		n := i % perPage
		if n == 0 {
			page := image.NewGray(image.Rect(0, 0, pageWide, pageHigh))
			draw.Draw(page, page.Bounds(), image.White, image.Point{}, draw.Src)
			pages = append(pages, page)
		}
		at := image.Pt(left+n%across*cardWide, top+n/across*cardHigh)
		if err := c.draw(pages[len(pages)-1], at); err != nil {
			return nil, fmt.Errorf("draw card %q: %w", c.Title, err)
		}
	}
	return pages, nil
}

// draw draws one card and the line along which it is cut.
func (c Card) draw(page *image.Gray, at image.Point) error {
	p := printer.NewPaper(printer.Width80)
	p.Align(1)
	p.Text(c.Head)
	p.Bold(true)
	line := func(s string, most int) {
		factor := max(1, min(most, p.Columns()/max(1, columns(s))))
		p.Size(factor, factor)
		p.Text(s)
	}
	line(c.Title, titleFactor)
	p.Bold(false)
	line(c.Sub, subFactor)
	p.Size(1, 1)
	p.Feed(1)
	p.Code128(c.Code)
	img, err := paper.Render(p.Bytes(), printer.Width80)
	if err != nil {
		return err
	}
	size := img.Bounds().Size()
	if size.X > cardWide || size.Y > cardHigh {
		return fmt.Errorf("it takes %d×%d dots of %d×%d; shorten its texts", size.X, size.Y, cardWide, cardHigh)
	}
	in := at.Add(image.Pt((cardWide-size.X)/2, (cardHigh-size.Y)/2))
	draw.Draw(page, image.Rectangle{Min: in, Max: in.Add(size)}, img, img.Bounds().Min, draw.Src)
	frame(page, image.Rectangle{Min: at, Max: at.Add(image.Pt(cardWide, cardHigh))})
	return nil
}

// frame draws a thin grey line.
func frame(page *image.Gray, r image.Rectangle) {
	grey := color.Gray{Y: 190}
	for x := r.Min.X; x <= r.Max.X; x++ {
		page.SetGray(x, r.Min.Y, grey)
		page.SetGray(x, r.Max.Y, grey)
	}
	for y := r.Min.Y; y <= r.Max.Y; y++ {
		page.SetGray(r.Min.X, y, grey)
		page.SetGray(r.Max.X, y, grey)
	}
}

// columns is the width of a text in half-width characters.
func columns(s string) (n int) {
	for _, r := range s {
		n++
		if r >= 0x80 {
			n++
		}
	}
	return n
}
