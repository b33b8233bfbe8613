package doctor

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/lamp"
	"baylight/device/line"
	"baylight/device/scanner"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/kiosk/words"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// machine says what a test tells it to.
type machine struct {
	line, reach, broker, room, moment, unit, kernel error
	lamps                                           []error
	free                                            uint64
	clock                                           kiosk.Moment
	props                                           map[string]string
	log                                             []string
	opened                                          []string // lines that were opened
}

func (m *machine) Ask(context.Context, string) (*kioskapp.State, error) {
	return nil, errors.New("none")
}
func (m *machine) Line(device string) error {
	m.opened = append(m.opened, device)
	return m.line
}
func (m *machine) Reach(context.Context, string) error { return m.reach }
func (m *machine) Lamps(*settings.Kiosk) []error {
	m.opened = append(m.opened, "lamps")
	return m.lamps
}
func (m *machine) Broker(context.Context, *settings.Kiosk) error { return m.broker }
func (m *machine) Room(string) (free, size uint64, err error)    { return m.free, 16 << 30, m.room }
func (m *machine) Moment() (kiosk.Moment, error)                 { return m.clock, m.moment }
func (m *machine) Unit(context.Context, string) (map[string]string, error) {
	return m.props, m.unit
}
func (m *machine) Kernel() ([]string, error) { return m.log, m.kernel }

// owned is a file of a user and group.
func owned(mode fs.FileMode, uid, gid uint32, text string) *fstest.MapFile {
	return &fstest.MapFile{Mode: mode, Sys: &syscall.Stat_t{Uid: uid, Gid: gid}, Data: []byte(text)}
}

// journalFile is the head of a SQLite file.
func journalFile(application, version uint32) string {
	b := make([]byte, 100)
	copy(b, "SQLite format 3\x00")
	binary.BigEndian.PutUint32(b[60:], version)
	binary.BigEndian.PutUint32(b[68:], application)
	return string(b)
}

// enrolled is a file of a key and a certificate, that of another key if torn.
func enrolled(from, until time.Time, torn bool) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "s/k1"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err == nil && torn {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// board is a Raspberry Pi with a kiosk that runs and is well.
type board struct {
	*Facts
	m     *machine
	files fstest.MapFS
	state *kioskapp.State
}

func well() *board {
	files := fstest.MapFS{
		"etc/passwd":                                    {Data: []byte("root:x:0:0::/root:/bin/sh\nbaylight:x:990:990::/:/sbin/nologin\n"), Mode: 0o644},
		"etc/group":                                     {Data: []byte("root:x:0:\ndialout:x:20:baylight\ngpio:x:30:pi,baylight\ni2c:x:31:baylight\nlp:x:7:baylight\nbaylight:x:990:\n"), Mode: 0o644},
		"etc/baylight":                                  owned(fs.ModeDir|0o755, 0, 0, ""),
		"etc/baylight/store.key":                        owned(0o640, 0, 990, "k"),
		"dev/baylight/front":                            {Data: []byte("../ttyUSB0"), Mode: fs.ModeSymlink | 0o777},
		"dev/ttyUSB0":                                   owned(0o660, 0, 20, ""),
		"dev/usb/lp0":                                   owned(0o660, 0, 7, ""),
		"dev/gpiochip0":                                 owned(0o660, 0, 30, ""),
		"dev/i2c-1":                                     owned(0o660, 0, 31, ""),
		"var/lib/baylight":                              owned(fs.ModeDir|0o700, 990, 990, ""),
		"var/lib/baylight/journal.db":                   owned(0o600, 990, 990, journalFile(applicationID, journalVersion)),
		"var/lib/baylight/journal.db.ballast":           owned(0o600, 990, 990, ""),
		"var/lib/baylight/identity.pem":                 owned(0o600, 990, 990, enrolled(noon.AddDate(0, -1, 0), noon.AddDate(0, 6, 0), false)),
		"proc/mounts":                                   {Data: []byte("/dev/mmcblk0p2 / ext4 ro,relatime 0 0\n/dev/mmcblk0p3 /var/lib/baylight ext4 rw,noatime 0 0\ntmpfs /var/lib/bay tmpfs rw 0 0\n")},
		"proc/device-tree/model":                        {Data: []byte("Raspberry Pi 4 Model B Rev 1.5\x00")},
		"proc/77/comm":                                  {Data: []byte("kioskd\n")},
		"proc/77/cmdline":                               {Data: []byte("/usr/bin/kioskd\x00run\x00--config\x00/etc/baylight/kiosk.toml\x00")},
		"sys/fs/ext4/mmcblk0p3/errors_count":            {Data: []byte("0\n")},
		"sys/class/rtc/rtc0/since_epoch":                {Data: fmt.Appendf(nil, "%d\n", noon.Unix()-3)},
		"sys/class/rtc/rtc0/name":                       {Data: []byte("rtc-ds1307\n")},
		"sys/block/mmcblk0/device/life_time":            {Data: []byte("0x02 0x01\n")},
		"sys/block/mmcblk0/device/pre_eol_info":         {Data: []byte("0x01\n")},
		"sys/class/hwmon/hwmon1/name":                   {Data: []byte("rpi_volt\n")},
		"sys/class/hwmon/hwmon1/in0_lcrit_alarm":        {Data: []byte("0\n")},
		"sys/class/thermal/thermal_zone0/temp":          {Data: []byte("48312\n")},
		"usr/lib/systemd/system/kioskd.service":         {Data: []byte("[Service]\nWatchdogSec=60s\n")},
		"sys/devices/platform/soc/soc:firmware/unbound": {Data: []byte("")},
	}
	set := &settings.Kiosk{Store: settings.Store{Name: "s"}, Name: "k1", Data: "/var/lib/baylight", Socket: "/run/baylight/kiosk.sock", MQTT: settings.MQTT{URL: "mqtts://hub:8883", Identity: "/var/lib/baylight/identity.pem"},
		Scanners: []settings.Scanner{{Config: scanner.Config{Name: "front", Line: line.Config{Device: "/dev/baylight/front"}}}},
		Printer:  &settings.Printer{Name: "ticket", USB: "/dev/usb/lp0"},
		Bays: []settings.Bay{{Bay: floor.Bay{ID: "b1"}, Pins: map[string]string{"green": "GPIO5", "red": "gpiochip0:6"}},
			{Bay: floor.Bay{ID: "b2"}, Pins: map[string]string{"green": "mcp23017:1:0x20:A3"}}, {Bay: floor.Bay{ID: "b3"}}}}
	state := &kioskapp.State{Version: "1.2", Running: 60, Printer: "ok", Level: health.OK,
		Devices: []kioskapp.StateDevice{{Name: "front", Kind: "scanner", Up: true, Last: "2026-11-22T11:59:00Z"}, {Name: "ticket", Kind: "printer", Up: true},
			{Name: "lamp b1", Kind: "lamp", Up: true}, {Name: "lamp b2", Kind: "lamp", Up: true}},
		Uplink: kioskapp.StateUplink{Connected: true, Office: true, Depth: 2, Oldest: 1}, Clock: kioskapp.StateClock{Quality: "synced", Source: "system", Error: 0.004, Boot: 3600}}
	m := &machine{free: 8 << 30, clock: kiosk.Moment{Clock: kiosk.Synced, Up: time.Hour},
		props: map[string]string{"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0", "WatchdogUSec": "1min"}}
	return &board{&Facts{Config: DefaultConfig, Settings: set, Files: files, State: state, Running: true, Version: "1.2", Built: noon.AddDate(0, -1, 0),
		SQLite: "go-sqlite3 v1", Now: noon, Machine: m}, m, files, state}
}

// stopped is the same board with its kiosk stopped.
func (b *board) stopped() {
	b.State, b.Running, b.Deaf = nil, false, fs.ErrNotExist
	delete(b.files, "proc/77/comm")
}

func (b *board) put(name, text string) { b.files[name] = &fstest.MapFile{Data: []byte(text)} }

func (b *board) unlink(names ...string) {
	for _, n := range names {
		delete(b.files, n)
	}
}

type testCase struct {
	change func(b *board)
	want   string // codes that are not OK, in order, with their level; "ok" codes that must be there after a +
}

func cases() map[string]testCase {
	all := map[string]testCase{}
	for _, some := range []map[string]testCase{kioskCases(), deviceCases(), machineCases(), networkCases()} {
		maps.Copy(all, some)
	}
	return all
}

func kioskCases() map[string]testCase {
	return map[string]testCase{
		"all is well": {func(*board) {}, "+config.ok +kiosk.ok +scanner.ok +printer.ok +lamp.ok +permissions.groups +permissions.data +clock.synced +clock.rtc +disk.room +disk.wear " +
			"+disk.quiet +power.ok +broker.connected +broker.outbox +certificate.ok +version.ok +version.sqlite +version.journal +service.ok"},
		"stopped": {(*board).stopped, "wrong kiosk.stopped +scanner.there +printer.there +lamp.ok +clock.system +broker.ok +unseen +version.tool"},
		"runs and does not answer": {func(b *board) { b.State, b.Deaf = nil, errors.New("connection refused") },
			"wrong kiosk.deaf +unseen"},
		"runs and is not for us": {func(b *board) { b.State, b.Deaf = nil, fs.ErrPermission }, "look kiosk.closed +unseen"},
		"says what is wrong": {func(b *board) {
			b.state.Reasons = []kioskapp.StateReason{{Level: "losing", Code: "journal.refused", ZH: "中", EN: "refused"}, {Level: "degraded", Code: "office.says", EN: "x"},
				{Level: "degraded", Code: "printer.paper"}, {Level: "degraded", Code: "clock"}}
		}, "wrong kiosk.journal.refused look kiosk.office.says"},
		"no configuration":      {func(b *board) { b.Settings, b.Bad, b.State = nil, fs.ErrNotExist, nil }, "wrong config.missing"},
		"hidden configuration":  {func(b *board) { b.Settings, b.Bad = nil, &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES} }, "look config.hidden"},
		"a secret is missing":   {func(b *board) { b.Bad = fs.ErrNotExist }, "wrong config.bad"},
		"broken configuration":  {func(b *board) { b.Settings, b.Bad = nil, errors.New("line 3: x\n^") }, "wrong config.bad"},
		"another version":       {func(b *board) { b.Version = "1.3" }, "look version.differs"},
		"journal of the future": {func(b *board) { b.put("var/lib/baylight/journal.db", journalFile(applicationID, 9)) }, "look version.newer"},
		"not a journal":         {func(b *board) { b.put("var/lib/baylight/journal.db", strings.Repeat("shopping ", 20)) }, "wrong version.notjournal"},
		"a short file":          {func(b *board) { b.put("var/lib/baylight/journal.db", "x") }, "wrong version.notjournal"},
		"no journal yet":        {func(b *board) { b.unlink("var/lib/baylight/journal.db", "var/lib/baylight/journal.db.ballast") }, "+version.nojournal"},
		"no unit":               {func(b *board) { b.m.props = map[string]string{"LoadState": "not-found"} }, "look service.missing"},
		"disabled unit":         {func(b *board) { b.m.props["UnitFileState"] = "disabled" }, "look service.disabled"},
		"no watchdog":           {func(b *board) { b.m.props["WatchdogUSec"] = "infinity" }, "look service.watchdog"},
		"failed":                {func(b *board) { b.m.props["ActiveState"], b.m.props["Result"] = "failed", "watchdog" }, "wrong service.failed"},
		"restarts":              {func(b *board) { b.m.props["NRestarts"] = "7" }, "look service.restarts"},
		"no systemd":            {func(b *board) { b.m.unit = errors.New("no bus"); b.unlink("usr/lib/systemd/system/kioskd.service") }, "+unseen"},
		"files of a unit":       {func(b *board) { b.m.unit = errors.New("no bus") }, "look service.disabled"},
		"file without watchdog": {func(b *board) {
			b.m.unit = errors.New("no bus")
			b.put("etc/systemd/system/kioskd.service", "[Service]\n")
		}, "look service.watchdog"},
		"files of an enabled unit": {func(b *board) {
			b.m.unit = errors.New("no bus")
			b.files["etc/systemd/system/multi-user.target.wants/kioskd.service"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../x")}
		}, "+service.files +unseen"},
	}
}

func deviceCases() map[string]testCase {
	return map[string]testCase{
		"no scanner":           {func(b *board) { b.Settings.Scanners = nil }, "look scanner.none"},
		"scanner down":         {func(b *board) { b.state.Devices[0] = kioskapp.StateDevice{Name: "front", Reason: "unplugged"} }, "wrong scanner.down"},
		"scanner unknown":      {func(b *board) { b.state.Devices = b.state.Devices[1:] }, "wrong scanner.down"},
		"nothing scanned yet":  {func(b *board) { b.state.Devices[0].Last = "" }, "+scanner.quiet"},
		"stopped, not there":   {func(b *board) { b.stopped(); b.unlink("dev/baylight/front") }, "wrong kiosk.stopped wrong scanner.down"},
		"stopped, not to open": {func(b *board) { b.stopped(); b.m.line = errors.New("no permission\x1b[2J") }, "wrong kiosk.stopped wrong scanner.down"},
		"an unstable name":     {func(b *board) { b.Settings.Scanners[0].Line.Device = "/dev/ttyUSB0" }, "look scanner.unstable"},
		"an unstable name without a better": {func(b *board) {
			b.Settings.Scanners[0].Line.Device = "/dev/ttyACM0"
			b.files["dev/ttyACM0"] = b.files["dev/ttyUSB0"]
		}, "look scanner.unstable"},
		"no printer":          {func(b *board) { b.Settings.Printer = nil }, "+printer.none"},
		"paper low":           {func(b *board) { b.state.Printer = "paper_low" }, "look printer.low"},
		"no paper":            {func(b *board) { b.state.Printer = "paper_out" }, "look printer.paper"},
		"cover":               {func(b *board) { b.state.Printer = "cover_open" }, "look printer.cover"},
		"printer down":        {func(b *board) { b.state.Printer = "down" }, "wrong printer.down"},
		"stopped, no printer": {func(b *board) { b.stopped(); b.unlink("dev/usb/lp0") }, "wrong kiosk.stopped wrong printer.down"},
		"stopped, no network printer": {func(b *board) {
			b.stopped()
			b.Settings.Printer = &settings.Printer{Name: "t", TCP: "192.0.2.7:9100"}
			b.m.reach = errors.New("timeout")
		}, "wrong kiosk.stopped wrong printer.down"},
		"stopped, serial printer": {func(b *board) {
			b.stopped()
			b.Settings.Printer = &settings.Printer{Name: "t", Line: line.Config{Device: "/dev/ttyS0"}}
		}, "wrong kiosk.stopped +printer.there"},
		"lamp down": {func(b *board) { b.state.Devices[2].Up = false }, "wrong lamp.down"},
		"no lamps":  {func(b *board) { b.Settings.Bays = b.Settings.Bays[2:] }, "+lamp.none"},
		"no bus":    {func(b *board) { b.unlink("dev/i2c-1") }, "wrong lamp.bus"},
		"pin busy":  {func(b *board) { b.stopped(); b.m.lamps = []error{errors.New("GPIO5: busy")} }, "wrong kiosk.stopped wrong lamp.pin"},
		"no pins":   {func(b *board) { b.stopped(); b.m.lamps = []error{lamp.ErrNoGPIO} }, "wrong kiosk.stopped look lamp.nogpio"},
		"no user":   {func(b *board) { b.put("etc/passwd", "root:x:0:0::/:/bin/sh\n") }, "look permissions.user"},
		"not in a group": {func(b *board) {
			b.put("etc/group", "dialout:x:20:pi\ngpio:x:30:baylight\ni2c:x:31:baylight\nlp:x:7:baylight\n")
		}, "wrong permissions.group"},
		"mode of a line": {func(b *board) { b.files["dev/ttyUSB0"] = owned(0o600, 0, 20, "") }, "wrong permissions.device"},
		"root's line":    {func(b *board) { b.files["dev/ttyUSB0"] = owned(0o660, 0, 0, "") }, "wrong permissions.device"},
		"no data folder": {func(b *board) { b.Settings.Data = "/srv/none" }, "look permissions.nodata wrong disk.readonly"},
		"no folder":      {func(b *board) { b.files["var/lib/baylight"] = owned(0o600, 990, 990, "x") }, "wrong permissions.nofolder"},
		"open folder":    {func(b *board) { b.files["var/lib/baylight"] = owned(fs.ModeDir|0o755, 990, 990, "") }, "wrong permissions.open"},
		"another's":      {func(b *board) { b.files["var/lib/baylight"] = owned(fs.ModeDir|0o700, 0, 0, "") }, "wrong permissions.owner"},
		"open key":       {func(b *board) { b.files["etc/baylight/store.key"] = owned(0o644, 0, 0, "") }, "wrong permissions.secret"},
		"a closed folder": {func(b *board) {
			b.files["etc/baylight/store.key"] = owned(0o644, 0, 0, "")
			b.files["etc/baylight"] = owned(fs.ModeDir|0o750, 0, 0, "")
		}, ""},
	}
}

func machineCases() map[string]testCase {
	return map[string]testCase{
		"before it was built": {func(b *board) { b.Now = time.Unix(1000, 0); b.put("sys/class/rtc/rtc0/since_epoch", "1001") }, "wrong clock.past wrong certificate.early"},
		"jump":                {func(b *board) { b.state.Clock.Jump = 3600 }, "look clock.jump"},
		"lost":                {func(b *board) { b.state.Clock.Quality, b.state.Clock.Age = "holdover", 90000 }, "look clock.lost"},
		"holdover":            {func(b *board) { b.state.Clock.Quality = "holdover" }, "look clock.holdover"},
		"unset":               {func(b *board) { b.state.Clock.Quality, b.state.Clock.Source = "unset", "" }, "wrong clock.unset"},
		"just booted":         {func(b *board) { b.state.Clock = kioskapp.StateClock{Quality: "unset", Boot: 30} }, "look clock.early"},
		"stopped, no clock":   {func(b *board) { b.stopped(); b.m.moment = errors.New("x") }, "wrong kiosk.stopped +unseen"},
		"no battery clock":    {func(b *board) { b.unlink("sys/class/rtc/rtc0/since_epoch", "sys/class/rtc/rtc0/name") }, "look clock.nortc"},
		"empty battery":       {func(b *board) { b.put("sys/class/rtc/rtc0/since_epoch", "946684800") }, "look clock.rtcoff"},
		"mute battery clock":  {func(b *board) { b.put("sys/class/rtc/rtc0/since_epoch", "") }, "+unseen"},
		"disk full":           {func(b *board) { b.m.free = 1 << 20 }, "wrong disk.full"},
		"disk low":            {func(b *board) { b.m.free = 200 << 20 }, "look disk.low"},
		"no disk":             {func(b *board) { b.m.room = errors.New("gone") }, "+unseen"},
		"no reserve":          {func(b *board) { b.unlink("var/lib/baylight/journal.db.ballast") }, "look disk.reserve"},
		"in memory":           {func(b *board) { b.put("proc/mounts", "/dev/x / ext4 rw 0 0\ntmpfs /var tmpfs rw 0 0\n") }, "wrong disk.memory"},
		"read-only":           {func(b *board) { b.put("proc/mounts", "broken\n/dev/x / ext4 ro,noatime 0 0\n") }, "wrong disk.readonly"},
		"errors on disk":      {func(b *board) { b.put("sys/fs/ext4/mmcblk0p3/errors_count", "12") }, "wrong disk.errors"},
		"errors in the log": {func(b *board) {
			b.m.log = []string{"usb 1-1: new device", "mmcblk0: recovery failed!", "blk_update_request: I/O error, dev mmcblk0"}
		}, "wrong disk.kernel"},
		"log is hidden":     {func(b *board) { b.m.kernel = fs.ErrPermission }, "+unseen"},
		"worn":              {func(b *board) { b.put("sys/block/mmcblk0/device/life_time", "0x01 0x0b") }, "wrong disk.worn"},
		"reserve of a card": {func(b *board) { b.put("sys/block/mmcblk0/device/pre_eol_info", "0x03") }, "wrong disk.worn"},
		"old":               {func(b *board) { b.put("sys/block/mmcblk0/device/life_time", "0x09 0x02") }, "look disk.old"},
		"a card that is mute": {func(b *board) {
			b.unlink("sys/block/mmcblk0/device/life_time")
			b.put("sys/block/mmcblk0/device/name", "SC16G")
		}, "+disk.sd"},
		"nonsense of a card": {func(b *board) { b.put("sys/block/mmcblk0/device/life_time", "yes no") }, "+disk.wear"},
		"low now":            {func(b *board) { b.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1") }, "wrong power.low"},
		"low now, firmware": {func(b *board) {
			b.put("sys/devices/platform/soc/soc:firmware/get_throttled", "50005")
			b.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
		}, "wrong power.low"},
		"low before":  {func(b *board) { b.put("sys/devices/platform/soc/soc:firmware/get_throttled", "50000") }, "look power.waslow"},
		"slowed down": {func(b *board) { b.put("sys/devices/platform/soc/soc:firmware/get_throttled", "80008") }, "look power.slow"},
		"hot":         {func(b *board) { b.put("sys/class/thermal/thermal_zone0/temp", "81000") }, "look power.hot"},
		"mute Pi":     {func(b *board) { b.unlink("sys/class/hwmon/hwmon1/name") }, "+unseen"},
		"no Pi":       {func(b *board) { b.unlink("sys/class/hwmon/hwmon1/name", "proc/device-tree/model") }, "+power.other"},
	}
}

func networkCases() map[string]testCase {
	away := func(err error) func(*board) {
		return func(b *board) { b.state.Uplink.Connected = false; b.m.broker = err }
	}
	return map[string]testCase{
		"plain":             {func(b *board) { b.Settings.MQTT.URL = "mqtt://192.0.2.1" }, "look broker.plain +certificate.none"},
		"plain on loopback": {func(b *board) { b.Settings.MQTT.URL = "mqtt://127.0.0.1:1883" }, "+certificate.none"},
		"no address":        {func(b *board) { b.Settings.MQTT.URL = "mqtts://a b%zz" }, "wrong broker.closed"},
		"no name":           {away(fmt.Errorf("%w: hub", errName)), "wrong broker.name"},
		"nobody there":      {away(fmt.Errorf("%w: refused", errClosed)), "wrong broker.closed"},
		"no TLS":            {away(fmt.Errorf("%w: x509", errTLS)), "wrong broker.tls"},
		"refused":           {away(errRefusal(5)), "wrong broker.refused"},
		"a web server":      {away(fmt.Errorf("%w: HTTP", errMute)), "wrong broker.mute"},
		"revoked":           {away(barred(fmt.Errorf("%w: %w", errMute, &net.OpError{Op: "remote error", Err: tls.AlertError(44)}))), "wrong broker.barred"},
		"it would work":     {away(nil), "+broker.ok"},
		"no office":         {func(b *board) { b.state.Uplink.Office = false }, "look broker.office"},
		"no office wanted":  {func(b *board) { b.state.Uplink.Office, b.Settings.MQTT.Broker = false, true }, "+broker.outbox"},
		"nothing moves":     {func(b *board) { b.state.Uplink.Oldest = 301 }, "look broker.waiting"},
		"not enrolled":      {func(b *board) { b.unlink("var/lib/baylight/identity.pem") }, "wrong certificate.missing"},
		"by password":       {func(b *board) { b.unlink("var/lib/baylight/identity.pem"); b.Settings.MQTT.User = "k1" }, "+certificate.server"},
		"open certificate":  {func(b *board) { b.files["var/lib/baylight/identity.pem"].Mode = 0o640 }, "wrong certificate.open"},
		"no certificate":    {func(b *board) { b.files["var/lib/baylight/identity.pem"].Data = []byte("x") }, "wrong certificate.bad"},
		"torn certificate": {func(b *board) {
			b.files["var/lib/baylight/identity.pem"].Data = []byte(enrolled(noon, noon.AddDate(1, 0, 0), true))
		}, "wrong certificate.bad"},
		"expired": {func(b *board) {
			b.files["var/lib/baylight/identity.pem"].Data = []byte(enrolled(noon.AddDate(-1, 0, 0), noon, false))
		}, "wrong certificate.expired"},
		"another's certificate": {func(b *board) { b.Settings.Name = "k2" }, "wrong certificate.other"},
		"ends soon": {func(b *board) {
			b.files["var/lib/baylight/identity.pem"].Data = []byte(enrolled(noon.AddDate(-1, 0, 0), noon.AddDate(0, 0, 9), false))
		}, "look certificate.soon"},
		"begins too late": {func(b *board) {
			b.files["var/lib/baylight/identity.pem"].Data = []byte(enrolled(noon.Add(time.Hour), noon.AddDate(1, 0, 0), false))
		}, "wrong certificate.early"},
		"broken certificate": {func(b *board) {
			b.files["var/lib/baylight/identity.pem"].Data = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
		}, "wrong certificate.bad"},
	}
}

// Each case finds what it should, nothing else that is not well, in both
// languages, with a reason and a next step; and every text has a case.
func TestFindings(t *testing.T) {
	seen := map[string]bool{}
	for name, c := range cases() {
		b := well()
		c.change(b)
		r := Examine(t.Context(), b.Facts)
		var got []string
		for _, f := range r.Findings {
			seen[f.Code] = true
			if f.Level != OK {
				got = append(got, string(f.Level)+" "+f.Code)
			}
			for _, text := range []Text{f.ZH, f.EN} {
				if text.What == "" && !strings.HasPrefix(f.Code, "kiosk.") || strings.ContainsAny(text.What+text.Why+text.Next, "{}\x1b\n") || strings.Contains(text.What, "doctor.") {
					t.Errorf("%s: %s says %+v", name, f.Code, text)
				}
				if (f.Level != OK) != (text.Why != "" && text.Next != "") {
					t.Errorf("%s: %s has %+v", name, f.Code, text)
				}
			}
		}
		var want, there []string
		for _, w := range strings.Fields(c.want) {
			if code, ok := strings.CutPrefix(w, "+"); ok {
				there = append(there, code)
			} else {
				want = append(want, w)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: found %q, want %q", name, strings.Join(got, " "), strings.Join(want, " "))
		}
		for _, code := range there {
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code && f.Level == OK }) {
				t.Errorf("%s: %s is not found", name, code)
			}
		}
		if b.held() && len(b.m.opened) > 0 {
			t.Errorf("%s: %v were opened while the kiosk runs", name, b.m.opened)
		}
	}
	for key := range words.All() {
		code, ok := strings.CutPrefix(string(key), "doctor.")
		if !ok || strings.HasSuffix(code, ".why") || strings.HasSuffix(code, ".next") || code == "title" || code == "sum" || code == "kiosk.says" || seen[code] {
			continue
		}
		t.Errorf("no case finds %s", code)
	}
}

// An area that hangs holds up no other, and says so.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := well()
		b.state.Uplink.Connected = false
		release := make(chan struct{})
		defer close(release)
		b.Machine = &hanging{b.m, release}
		r := Examine(t.Context(), b.Facts)
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Area == "broker" && f.Unseen }) {
			t.Errorf("the hanging area says nothing: %+v", r.Findings)
		}
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == "service.ok" }) {
			t.Error("an area behind it is not there")
		}
	})
}

type hanging struct {
	*machine
	release chan struct{}
}

func (h *hanging) Broker(context.Context, *settings.Kiosk) error {
	<-h.release
	return nil
}

func TestRunningByCommandLine(t *testing.T) {
	for _, c := range []struct {
		cmdline, config string
		want            bool
	}{
		{"/usr/bin/kioskd\x00run\x00--config\x00/etc/baylight/kiosk.toml\x00", DefaultConfig, true},
		{"kioskd\x00run\x00--config=/etc/baylight/kiosk.toml", DefaultConfig, true},
		{"kioskd\x00run", DefaultConfig, true},
		{"kioskd\x00run\x00--config\x00kiosk.toml", "/srv/a/kiosk.toml", true},
		{"kioskd\x00run\x00--config\x00/srv/b/kiosk.toml", "/srv/a/kiosk.toml", false},
		{"kioskd\x00run\x00--config", "/srv/a/kiosk.toml", false},
	} {
		b := well()
		b.put("proc/77/cmdline", c.cmdline)
		b.Config = c.config
		if got := b.kioskRuns(); got != c.want {
			t.Errorf("%q for %s: %v", c.cmdline, c.config, got)
		}
	}
	b := well()
	b.put("proc/77/comm", "kioskd-other")
	if b.kioskRuns() {
		t.Error("another program counts")
	}
}

func TestPrint(t *testing.T) {
	b := well()
	b.m.free = 1 << 20
	b.m.kernel = errors.New("hidden\x1b[31m\u202e")
	var out bytes.Buffer
	r := Examine(t.Context(), b.Facts)
	if err := r.Print(&out, "s/k1", true, words.ZH, words.EN); err != nil {
		t.Fatal(err)
	}
	const want = `体检：s/k1
Board check: s/k1
✗ /var/lib/baylight 只剩 1 MB（共 16.0 GB）
    满了就不能保存扫码
    → sudo journalctl --vacuum-size=20M; sudo apt clean; du -xh /var/lib/baylight | sort -h | tail
  Only 1 MB of 16.0 GB are free at /var/lib/baylight
    Once it is full, scans are refused
? 看不到 the kernel's log：hidden [31m 
  the kernel's log could not be looked at: hidden [31m 
1 项有问题，0 项需留意，18 项正常，1 项看不到
1 wrong, 0 to look at, 18 well, 1 not seen
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if r.Level != Wrong || r.Level.Number() != 2 || Look.Number() != 1 || OK.Number() != 0 {
		t.Errorf("level %s", r.Level)
	}
}
