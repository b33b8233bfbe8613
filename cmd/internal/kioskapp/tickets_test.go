package kioskapp_test

import (
	"bytes"
	"flag"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/device/printer"
	"baylight/device/printer/paper"
	"baylight/kiosk"
	"baylight/kiosk/ticket"
)

var update = flag.Bool("update", false, "rewrite the pictures in testdata/tickets")

// story is a visit that leads to every kind of ticket.
func story() (events []kiosk.Event, v ticket.View) {
	zone := time.FixedZone("CST", 8*3600)
	at := time.Date(2026, 11, 21, 9, 31, 0, 0, zone)
	promise, moved := at.Add(4*time.Hour), at.Add(6*time.Hour)
	const visit = "0A7A9BPVGH"
	for i, d := range []kiosk.Payload{
		&kiosk.CheckedIn{Visit: visit, Ticket: "A017", Purpose: "maintenance", Waiting: true, Language: "zh-CN", Means: "keyed"},
		&kiosk.Signed{Visit: visit, Order: "o-1", Adviser: "a01", Promise: &promise, Items: []kiosk.Item{
			{No: 1, Code: "M10", Text: "10000公里保养", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 40},
			{No: 2, Code: "W05", Text: "车机升级（保修）", Category: kiosk.Warranty, Payer: "manufacturer", StandardMinutes: 25},
		}},
		&kiosk.PromiseRevised{Visit: visit, Promise: moved, Consent: true, ConsentHow: "phone", Meta: kiosk.Meta{Reason: "parts"}},
		&kiosk.Delivered{Visit: visit, Adviser: "a01"},
	} {
		t := at.Add(time.Duration(i) * 20 * time.Minute)
		events = append(events, kiosk.Event{Source: kiosk.KioskSource(store, "k1"), Epoch: "e", Seq: uint64(i + 1), Data: d,
			Moment: kiosk.Moment{Wall: t, Boot: "b", Up: t.Sub(at), Clock: kiosk.Synced}})
	}
	return events, ticket.View{Store: "浦东服务中心", Zone: zone, Board: "k1", KeyID: "k", Key: []byte(storeKey), Plate: "粤B12345",
		Visit: kiosk.Apply(events, kiosk.ShanghaiWeek(zone)), Events: events}
}

// TestTicketsAsPictures draws every kind of ticket on both papers as it would
// print, compares it with the picture kept (which README shows), and reads its
// codes back.
func TestTicketsAsPictures(t *testing.T) {
	t.Parallel()
	events, v := story()
	kinds := map[ticket.Kind]int{}
	for _, e := range events {
		for _, d := range ticket.For(e, v) {
			kinds[d.Kind]++
			name := string(d.Kind)
			if kinds[d.Kind] > 1 {
				name += "-revised"
			}
			for mm, width := range map[string]printer.Width{"58": printer.Width58, "80": printer.Width80} {
				b := printer.NewPaper(width)
				d.Draw(b)
				picture(t, filepath.Join("testdata", "tickets", name+"-"+mm+".png"), b.Bytes(), width)
			}
		}
	}
	if kinds[ticket.QueueTicket] != 1 || kinds[ticket.JobCard] != 1 || kinds[ticket.PromiseSlip] != 2 || kinds[ticket.DeliverySlip] != 1 {
		t.Errorf("the story printed %v", kinds)
	}
}

func picture(t *testing.T, path string, job []byte, width printer.Width) {
	t.Helper()
	got, err := paper.Render(job, width)
	must(t, err)
	if *update {
		var b bytes.Buffer
		must(t, png.Encode(&b, got))
		must(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	want, err := png.Decode(f)
	must(t, err)
	if !same(got, want) {
		t.Errorf("%s: the ticket looks different; see it with -update", path)
	}
	if strings.Contains(path, "delivery") {
		return // it has no code
	}
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("zbarimg is missing: apt-get install -y zbar-tools")
		}
		t.Log("codes are not read back: zbarimg is missing (apt-get install -y zbar-tools)")
		return
	}
	out, err := exec.Command(zbar, "--quiet", "--raw", path).Output()
	if err != nil || !bytes.Contains(out, []byte("0A7A9BPVGH")) {
		t.Errorf("%s: zbarimg reads %q, %v", path, out, err)
	}
}

func same(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			if ar != br || ag != bg || ab != bb {
				return false
			}
		}
	}
	return true
}
