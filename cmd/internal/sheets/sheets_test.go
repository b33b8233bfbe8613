package sheets

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/staff"
)

func store(people int) *settings.Kiosk {
	s := &settings.Kiosk{Store: settings.Store{Title: "百利服务中心", Tag: "0A7"}}
	for n := range people {
		s.Staff = append(s.Staff, staff.Person{ID: fmt.Sprintf("t%02d", n), Name: "欧阳师傅", Badge: fmt.Sprintf("0A7000%04d", n),
			Roles: []staff.Role{staff.Technician, staff.Inspector}})
	}
	s.Staff = append(s.Staff, staff.Person{ID: "m01", Name: "不佩工牌", Roles: []staff.Role{staff.Viewer}})
	return s
}

// scanned reads the codes off files with a program that is not ours.
func scanned(t *testing.T, files ...string) (codes []string) {
	t.Helper()
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		const missing = "no zbarimg: the codes are not read back. Install with: apt-get install -y zbar-tools"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	for _, f := range files {
		out, err := exec.Command(zbar, "-q", "--raw", "-Sdisable", "-Scode128.enable", f).Output()
		if err != nil {
			t.Fatalf("zbarimg %s: %v", f, err)
		}
		codes = append(codes, strings.Fields(string(out))...)
	}
	slices.Sort(codes)
	return codes
}

func TestCardsScan(t *testing.T) {
	for name, cards := range map[string][]Card{"badges": Badges(store(23)), "actions": Actions(store(0))} {
		t.Run(name, func(t *testing.T) {
			pages, err := Draw(cards)
			if err != nil {
				t.Fatal(err)
			}
			if want := (len(cards) + 9) / 10; len(pages) != want {
				t.Errorf("%d cards take %d pages, want %d", len(cards), len(pages), want)
			}
			files, err := Save(filepath.Join(t.TempDir(), "sheet.png"), pages)
			if err != nil || len(files) != len(pages) {
				t.Fatalf("saved %v, %v", files, err)
			}
			if dir := os.Getenv("BAYLIGHT_SHOTS"); dir != "" {
				if _, err := Save(filepath.Join(dir, "sheet-"+name+".png"), pages); err != nil {
					t.Error(err)
				}
			}
			var want []string
			for _, c := range cards {
				want = append(want, c.Code)
			}
			slices.Sort(want)
			if got := scanned(t, files...); !slices.Equal(got, want) {
				t.Errorf("scanned %v, want %v", got, want)
			}
		})
	}
}

func TestCodesMeanWhatTheCardsSay(t *testing.T) {
	for _, c := range Badges(store(3)) {
		if code, err := kiosk.ParseCode(c.Code); err != nil || code.Kind != kiosk.KindBadge || !strings.Contains(c.Sub, "技师") {
			t.Errorf("badge %+v: %v", c, err)
		}
	}
	for i, c := range Actions(store(0)) {
		if code, err := kiosk.ParseCode(c.Code); err != nil || code.Action() != kiosk.Actions()[i] || code.Store != "0A7" {
			t.Errorf("card %+v means %q of %q, %v", c, code.Action(), code.Store, err)
		}
	}
}

func TestFiles(t *testing.T) {
	pages, err := Draw(Badges(store(11)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WritePNG(&b, pages[0]); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b.Bytes(), []byte("pHYs\x00\x00\x1f\x40\x00\x00\x1f\x40\x01")) {
		t.Error("the PNG does not say its size")
	}
	if img, err := png.Decode(&b); err != nil || img.Bounds() != pages[0].Bounds() {
		t.Errorf("decoded: %v", err)
	}
	path := filepath.Join(t.TempDir(), "badges.pdf")
	if _, err := Save(path, pages); err != nil {
		t.Fatal(err)
	}
	pdf, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n, at := range xref(t, pdf) {
		if want := fmt.Sprintf("%d 0 obj\n", n+1); !bytes.HasPrefix(pdf[at:], []byte(want)) {
			t.Errorf("object %d is not at %d", n+1, at)
		}
	}
	if !bytes.Contains(pdf, []byte("/Count 2")) {
		t.Error("the PDF has not two pages")
	}
	if _, err := Save("badges.txt", pages); err == nil {
		t.Error("a .txt was written")
	}
}

// xref are the places of a PDF's objects.
func xref(t *testing.T, pdf []byte) (at []int) {
	t.Helper()
	var start int
	i := bytes.LastIndex(pdf, []byte("startxref\n"))
	if _, err := fmt.Sscanf(string(pdf[i:]), "startxref\n%d", &start); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(pdf[start:i]), "\n")[3:] {
		var offset, generation int
		if _, err := fmt.Sscanf(line, "%d %d n", &offset, &generation); err != nil {
			break
		}
		at = append(at, offset)
	}
	if len(at) != 8 {
		t.Errorf("%d objects, want 8", len(at))
	}
	return at
}

func TestBadCards(t *testing.T) {
	if _, err := Draw(Badges(store(0))); !errors.Is(err, ErrNoCards) {
		t.Errorf("nobody has a badge: %v", err)
	}
	long := Card{Head: strings.Repeat("店", 400), Title: "x", Code: "C0A7000FNSHX"}
	if _, err := Draw([]Card{long}); err == nil || !strings.Contains(err.Error(), "shorten") {
		t.Errorf("a name of 400 characters: %v", err)
	}
	hostile := Card{Head: "\x1b@", Title: "\x1dV\x00<b>", Sub: "{{.}}", Code: kiosk.ActionCode("0A7", kiosk.Help)}
	if _, err := Draw([]Card{hostile}); err != nil {
		t.Errorf("control bytes in a name: %v", err)
	}
}
