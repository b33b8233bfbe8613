package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/sync/link"
)

// shipped copies the examples the project ships beside a fresh key.
func shipped(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range []string{"kiosk.toml", "backoffice.toml", "staff.toml"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "..", "firmware-config", f))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, f), string(b))
	}
	write(t, filepath.Join(dir, "store.key"), strings.Repeat("k3y-", 8)+"\n")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestShippedKiosk(t *testing.T) {
	k, err := LoadKiosk(filepath.Join(shipped(t), "kiosk.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Scanners) != 3 || len(k.Bays) != 2 || len(k.Menu) != 3 || len(k.Staff) != 4 || k.Printer == nil {
		t.Errorf("read %d scanners, %d bays, %d menu items, %d people, printer %v", len(k.Scanners), len(k.Bays), len(k.Menu), len(k.Staff), k.Printer)
	}
	if !k.Bays[1].Wash || k.Letter != 'A' || len(k.Store.Key) != 32 {
		t.Errorf("wash %v, letter %c, key of %d bytes", k.Bays[1].Wash, k.Letter, len(k.Store.Key))
	}
	sunday := time.Date(2026, 11, 22, 12, 0, 0, 0, k.Store.Calendar.Zone)
	if got := k.Store.Calendar.Closing(sunday).Format("15:04"); got != "17:00" {
		t.Errorf("Sunday closes at %s, want 17:00", got)
	}
}

func TestShippedOffice(t *testing.T) {
	o, err := LoadOffice(filepath.Join(shipped(t), "backoffice.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Stores) != 1 || o.Stores[0].Name != "sh-pudong" || o.Stores[0].Title == "" {
		t.Errorf("stores = %+v", o.Stores)
	}
}

// TestBadConfiguration: each mistake is named with its place, and with what
// was meant or would be right.
func TestBadConfiguration(t *testing.T) {
	for _, c := range []struct {
		what, old, new string
		want           []string
	}{
		{"misspelt key", "beep = ", "beeep = ", []string{"kiosk.toml:48:1", `"scanner.beeep"`, `did you mean "beep"?`, "    beeep = \"honeywell\"", "\n    ^"}},
		{"misspelt table", "[printer]", "[prnter]", []string{`unknown key "prnter`, `did you mean "printer"?`}},
		{"broken TOML", "letter = \"A\"", "letter = A", []string{"kiosk.toml:27:"}},
		{"wrong type", "minutes = 60", `minutes = "60"`, []string{"kiosk.toml:", "minutes"}},
		{"reserved name", `name = "k1"`, `name = "backoffice"`, []string{"kiosk.name", "backoffice"}},
		{"no letter", `letter = "A"`, `letter = "O"`, []string{"kiosk.letter", `"O"`}},
		{"unknown place", `place = "b2"`, `place = "b9"`, []string{"scanner 3 (bay2) place", `"b9"`}},
		{"device twice", `"/dev/baylight/bay2"`, `"/dev/baylight/bay1"`, []string{"used twice"}},
		{"pin twice", `green = "GPIO16"`, `green = "GPIO6"`, []string{"GPIO6", "b1.green"}},
		{"unknown category", `category = "minor"`, `category = "small"`, []string{"menu 2 (R21) category", `"small"`, "minor"}},
		{"hours", `mon = "08:30-18:00"`, `mon = "18:00-08:30"`, []string{"hours.mon", "18:00-08:30"}},
		{"zone", `zone = "Asia/Shanghai"`, `zone = "Asia/Shangai"`, []string{"store.zone", "Shangai"}},
		{"calendar", `zone = "Asia/Shanghai"`, `calendar = "mars"`, []string{"store.calendar", "mars", "cn"}},
		{"open to the network", `listen = "127.0.0.1:8080"`, `listen = "0.0.0.0:8080"`, []string{"http.listen", "insecure_lan"}},
		{"broker", `url = "mqtt://`, `url = "tcp://`, []string{"mqtt.url", "mqtt://host:port"}},
		{"brokers", `# brokers = "nats"`, `brokers = "emqx"`, []string{"mqtt.brokers", `"emqx"`, `"nats"`}},
		{"terminator", `terminator = "crlf"`, `terminator = "enter"`, []string{"terminator", "enter"}},
		{"no key", `key_file = "store.key"`, `key_file = "other.key"`, []string{"store.key_file", "other.key"}},
		{"schema", "schema = 1", "schema = 2", []string{"schema = 2", "reads schema = 1"}},
		{"two ways to the printer", "width = 80", "width = 80\nusb = \"/dev/usb/lp0\"", []string{"printer", "exactly one"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			path := filepath.Join(shipped(t), "kiosk.toml")
			b, _ := os.ReadFile(path)
			if !strings.Contains(string(b), c.old) {
				t.Fatalf("the example has no %q", c.old)
			}
			write(t, path, strings.Replace(string(b), c.old, c.new, 1))
			_, err := LoadKiosk(path)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q:\n%v", w, err)
				}
			}
		})
	}
}

func TestBadOffice(t *testing.T) {
	dir := shipped(t)
	path := filepath.Join(dir, "backoffice.toml")
	b, _ := os.ReadFile(path)
	write(t, path, strings.Replace(string(b), `tag = "0A7"`, `tagg = "0A7"`, 1))
	if _, err := LoadOffice(path); err == nil || !strings.Contains(err.Error(), `did you mean "tag"?`) {
		t.Errorf("err = %v", err)
	}
	for wrong, more := range map[string]string{
		"targets: measure \"on_time\" is not": "[store.targets]\non_time = 95\n",
		"grows with the period":               "[store.targets]\norders = 95\n",
		"add up to 90, not to 100":            "[[store.appraisal]]\nfor = \"adviser\"\nfigure = \"on_time_percent\"\nkind = \"growth\"\nplan = 95\nweight = 90\n",
		"rework bands [5 3]":                  "[[store.appraisal]]\nfor = \"adviser\"\nfigure = \"on_time_percent\"\nkind = \"growth\"\nplan = 95\nweight = 100\n",
		`is for "bay"`:                        "[[store.appraisal]]\nfor = \"bay\"\nfigure = \"on_time_percent\"\nkind = \"growth\"\nplan = 95\nweight = 100\n",
	} {
		text := string(b) + "\n" + more
		if strings.Contains(wrong, "bands") {
			text = strings.Replace(text, `tag = "0A7"`, "tag = \"0A7\"\nrework_bands = [5, 3]", 1)
		}
		write(t, path, text)
		if _, err := LoadOffice(path); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("err = %v, want %q", err, wrong)
		}
	}
	write(t, path, strings.Split(string(b), "[[store]]")[0])
	if _, err := LoadOffice(path); err == nil || !strings.Contains(err.Error(), "[[store]]") {
		t.Errorf("err = %v", err)
	}
}

func TestBadStaff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "staff.toml")
	write(t, path, "schema = 1\n[[person]]\nid = \"T 7\"\nroles = [\"boss\"]\nbadge = \"0A7\"\n")
	_, err := Staff(path)
	for _, w := range []string{`"T 7"`, `"boss"`, `"0A7"`} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not name %s: %v", w, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("schema = 1\n[store]\nnmae = 'x'\n")
	f.Add("[[scanner]]\n\tbeeep = 1")
	f.Add("x = [1,")
	f.Fuzz(func(t *testing.T, text string) {
		var k kioskFile
		if err := decode("kiosk.toml", []byte(text), &k); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}

func TestHolidays(t *testing.T) {
	path := filepath.Join(shipped(t), "backoffice.toml")
	b, _ := os.ReadFile(path)
	write(t, path, strings.Replace(string(b), `# calendar = "cn"`, `calendar = "cn"`, 1))
	o, err := LoadOffice(path)
	if err != nil {
		t.Fatal(err)
	}
	c := o.Stores[0].Calendar
	if h := c.Days["2026-10-01"]; c.Holidays != "cn" || h.Close != 0 || c.Days["2026-09-20"].Close == 0 {
		t.Errorf("holidays of %q: 1 October %v, 20 September %v", c.Holidays, h, c.Days["2026-09-20"])
	}
}

// Without TLS a broker is on this machine, or somebody said that it may be elsewhere.
func TestPlainMQTT(t *testing.T) {
	for _, r := range []struct {
		url, more string
		good      bool
	}{
		{"mqtt://127.0.0.1:1883", "", true}, {"mqtt://localhost", "", true}, {"mqtt://[::1]:1883", "", true},
		{"mqtt://192.0.2.10:1883", "", false}, {"mqtt://broker", "", false}, {"mqtt://127.0.0.1.example.com", "", false}, {"mqtt://0.0.0.0:1883", "", false},
		{"mqtt://192.0.2.10:1883", "insecure_lan = true", true}, {"mqtts://192.0.2.10:8883", "", true}, {"mqtts://broker", "", true},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.toml")
		text := fmt.Sprintf("schema = 1\n[mqtt]\nurl = %q\n%s\n[[store]]\nname = \"s\"\ntag = \"0A7\"\nkey_file = \"store.key\"\n", r.url, r.more)
		for name, b := range map[string]string{path: text, filepath.Join(dir, "store.key"): "0123456789abcdef0123456789abcdef"} {
			if err := os.WriteFile(name, []byte(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := LoadOffice(path)
		if r.good && err != nil || !r.good && (err == nil || !strings.Contains(err.Error(), "is another machine")) {
			t.Errorf("%s %s: %v", r.url, r.more, err)
		}
	}
}

func TestTunedForNATS(t *testing.T) {
	path := filepath.Join(shipped(t), "kiosk.toml")
	b, _ := os.ReadFile(path)
	for _, nats := range []bool{false, true} {
		if nats {
			write(t, path, strings.Replace(string(b), `# brokers = "nats"`, `brokers = "nats"`, 1))
		}
		k, err := LoadKiosk(path)
		if err != nil {
			t.Fatal(err)
		}
		var c link.Config
		k.MQTT.Tune(&c)
		if c.QoS0 != nats || c.Renew > 0 != nats {
			t.Errorf("for NATS %v: subscribes at QoS 0 %v, renews after %v", nats, c.QoS0, c.Renew)
		}
	}
}

// How long personal data stays: for all stores, for one, or not a sensible time.
func TestPersonDays(t *testing.T) {
	path := filepath.Join(shipped(t), "backoffice.toml")
	b, _ := os.ReadFile(path)
	for _, c := range []struct {
		all, one string
		want     int // -1: it is refused
	}{{"", "", 0}, {"730", "", 730}, {"730", "90", 90}, {"730", "0", 0}, {"", "365", 365}, {"-1", "", -1}, {"", "36501", -1}, {`"x"`, "", -1}} {
		text := string(b)
		if c.all != "" {
			text = strings.Replace(text, "[[store]]", "[privacy]\nperson_days = "+c.all+"\n[[store]]", 1)
		}
		if c.one != "" {
			text = strings.Replace(text, `tag = "0A7"`, "tag = \"0A7\"\nperson_days = "+c.one, 1)
		}
		write(t, path, text)
		o, err := LoadOffice(path)
		switch {
		case c.want < 0 && (err == nil || !strings.Contains(err.Error(), "person_days")):
			t.Errorf("%+v: %v", c, err)
		case c.want >= 0 && (err != nil || o.Stores[0].PersonDays != c.want):
			t.Errorf("%+v: %+v, %v", c, o, err)
		}
	}
}
