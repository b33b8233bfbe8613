package main

import (
	"context"
	"fmt"
	"strings"

	"baylight/kiosk"
)

// one is a case of the trial; the ones after a needed one make no sense without it.
type one struct {
	what   string
	needed bool
	try    func(context.Context) error
}

func (t *trial) cases() []one {
	return []one{
		{"the packages install", true, t.install},
		{"an unconfigured kiosk serves its set-up pages, an unconfigured back office waits", false, t.firstRun},
		{"a configured kiosk starts, and takes scans", true, t.configured},
		{"an upgrade keeps scans, configuration and what was switched off", true, func(ctx context.Context) error { return t.upgrade(ctx, "kioskd") }},
		{"it runs as nobody special, in its sandbox", false, func(ctx context.Context) error { return t.sandbox(ctx, "kioskd") }},
		{"the clock is trusted while chrony holds it, and only then", false, t.chrony},
		{"the doctor finds nothing wrong", false, func(ctx context.Context) error { return t.doctor(ctx, "service.ok", "broker.connected") }},
		{"the back office makes what Mosquitto reads, in its sandbox", true, t.office},
		{"the board enrols, and all that it kept is receipted", true, t.enrols},
		{"a revoked board is thrown out, goes on recording, and enrols anew without a restart", false, t.revoked},
		{"secrets passed as credentials are read by the daemons, and seen by nobody else", false, t.secrets},
		{"daemons that hang are started again by the watchdog", false, func(ctx context.Context) error { return t.again(ctx, "STOP") }},
		{"daemons that are killed are started again, and lamps are let go", false, t.killed},
		{"a power cut keeps every scan", true, t.cut},
		{"the nightly backups make checked copies, and clear up", false, t.backup},
		{"they restore: board and office go on from their copies", false, t.restore},
		{"a downgrade keeps scans and configuration", true, t.downgrade},
		{"an upgrade of all keeps scans and configuration", true, func(ctx context.Context) error { return t.upgrade(ctx, "kioskd", "backofficed") }},
		{"removing keeps every scan, and installing again finds them", false, t.removed},
		{"purging, asked for by name, deletes all but the backups", false, t.purged},
	}
}

func (t *trial) do(ctx context.Context, commands ...string) error {
	for _, c := range commands {
		ctx, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		if _, err := t.shell.do(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) firstRun(ctx context.Context) error {
	if err := t.await(ctx, "systemctl is-active -q kioskd"); err != nil {
		return err
	}
	return t.do(ctx, "journalctl -o cat -u kioskd | grep -q http://127.0.0.1:8080/", "test $(systemctl show -P ActiveState backofficed) = inactive", "test $(systemctl show -P NRestarts backofficed) = 0")
}

func (t *trial) configured(ctx context.Context) error {
	for name, content := range map[string]string{"kiosk.toml": fmt.Sprintf(config, t.processor.wire), "staff.toml": people, "store.key": storeKey} {
		if err := t.do(ctx, fmt.Sprintf("cat >/etc/baylight/%s <<'END'\n%s\nEND\nchown baylight: /etc/baylight/%s", name, strings.TrimSpace(content), name)); err != nil {
			return err
		}
	}
	if err := t.do(ctx, "sync", "systemctl restart kioskd", "systemctl is-active kioskd"); err != nil {
		return err
	}
	if err := t.scan(ctx, kiosk.MakeCode(kiosk.KindBadge, "0A7A000001")); err != nil {
		return err
	}
	return t.work(ctx)
}

func (t *trial) sandbox(ctx context.Context, unit string) error {
	status := "/proc/$(systemctl show -P MainPID " + unit + ")"
	return t.do(ctx, "test $(stat -c %U "+status+") = baylight",
		"grep -q '^CapEff:.0000000000000000' "+status+"/status", "grep -q '^NoNewPrivs:.1' "+status+"/status", "grep -q '^Seccomp:.2' "+status+"/status",
		"test $(stat -c %a /var/lib/baylight) = 700", "test $(stat -c %a /etc/baylight) = 750")
}

// office sets it up as README says, beside a Mosquitto that asks for certificates.
func (t *trial) office(ctx context.Context) error {
	if err := t.do(ctx, "sed '"+officeEdits+"' /usr/share/doc/baylight-backoffice/examples/backoffice.toml >/etc/baylight/backoffice.toml && chown baylight: /etc/baylight/backoffice.toml",
		"cp /usr/share/doc/baylight-backoffice/examples/mosquitto.conf /etc/mosquitto/conf.d/baylight.conf", "sync",
		"systemctl restart backofficed && systemctl restart mosquitto", "systemctl is-active backofficed mosquitto",
		"test $(stat -c %a:%U:%G /var/lib/baylight-broker) = 2750:baylight:mosquitto", "test $(stat -c %a:%G /var/lib/baylight-broker/acl) = 640:mosquitto"); err != nil {
		return err
	}
	return t.sandbox(ctx, "backofficed")
}

// enroll types at the board what the office tells to type.
const enroll = `baylight enroll $(runuser -u baylight -- backofficed enroll --kiosk k1 | sed -n "s/.*baylight enroll //p")`

func (t *trial) enrols(ctx context.Context) error {
	if err := t.do(ctx, enroll, "sed -i s,mqtt://127.0.0.1:1883,mqtts://127.0.0.1:8883, /etc/baylight/kiosk.toml", "sync", "systemctl restart kioskd",
		"runuser -u baylight -- backofficed boards | grep -q 'k1 .* good'"); err != nil {
		return err
	}
	if err := t.receipted(ctx); err != nil {
		return err
	}
	return t.doctor(ctx, "service.ok", "broker.connected", "certificate.ok")
}

// revoked: nobody but baylight-broker.path tells Mosquitto.
func (t *trial) revoked(ctx context.Context) error {
	if err := t.do(ctx, "systemctl show -P MainPID kioskd >/tmp/pid", "runuser -u baylight -- backofficed revoke --kiosk k1 --why stolen"); err != nil {
		return err
	}
	if err := t.await(ctx, "baylight outbox | grep -q '^broker connected: false'"); err != nil {
		return err
	}
	if err := t.work(ctx); err != nil {
		return err
	}
	if err := t.do(ctx, "! baylight outbox | grep -q '^waiting: 0'"); err != nil {
		return err
	}
	if err := t.doctor(ctx, "!broker.barred"); err != nil {
		return err
	}
	if err := t.do(ctx, enroll); err != nil {
		return err
	}
	if err := t.receipted(ctx); err != nil {
		return err
	}
	return t.do(ctx, `test "$(systemctl show -P MainPID kioskd)" = "$(cat /tmp/pid)"`)
}

func (t *trial) killed(ctx context.Context) error {
	if err := t.again(ctx, "KILL"); err != nil {
		return err
	}
	return t.do(ctx, "systemctl show -P ExecStopPost kioskd | grep -q 'lamps-off .*status=0'")
}

// again stops both daemons by a signal and finds others in their place.
func (t *trial) again(ctx context.Context, signal string) error {
	daemons := []string{"kioskd", "backofficed"}
	for _, d := range daemons {
		if err := t.do(ctx, "systemctl show -P MainPID "+d+" >/tmp/"+d, "kill -"+signal+" $(cat /tmp/"+d+")"); err != nil {
			return err
		}
	}
	for _, d := range daemons {
		if err := t.await(ctx, `! test "$(systemctl show -P MainPID `+d+`)" = "$(cat /tmp/`+d+`)" && systemctl is-active -q `+d); err != nil {
			return err
		}
	}
	if err := t.work(ctx); err != nil {
		return err
	}
	return t.receipted(ctx)
}

func (t *trial) cut(ctx context.Context) error {
	if err := t.scan(ctx, car(t.scans)); err != nil {
		return err
	}
	t.off()
	if err := t.boot(ctx); err != nil {
		return err
	}
	if err := t.await(ctx, "systemctl is-active -q kioskd && systemctl is-active -q backofficed"); err != nil {
		return err
	}
	if err := t.whole(ctx); err != nil {
		return err
	}
	if err := t.work(ctx); err != nil {
		return err
	}
	return t.receipted(ctx)
}

func (t *trial) backup(ctx context.Context) error {
	for unit, kind := range map[string]string{"kioskd": "kiosk", "backofficed": "office"} {
		if err := t.do(ctx, "touch -d '20 days ago' /var/backups/baylight/"+kind+"-old.db", "systemctl is-active "+unit+"-backup.timer",
			"systemctl start "+unit+"-backup.service", "test $(ls /var/backups/baylight/"+kind+"-2*.db | wc -l) = 1", "! test -e /var/backups/baylight/"+kind+"-old.db"); err != nil {
			return err
		}
	}
	return nil
}

// restore does what README says at both ends.
func (t *trial) restore(ctx context.Context) error {
	if err := t.do(ctx, "systemctl stop kioskd", "baylight restore /var/backups/baylight/kiosk-2*.db", "systemctl start kioskd",
		"systemctl stop backofficed", "mkdir /root/aside && mv /var/lib/baylight/ledger* /root/aside", "backofficed restore /var/backups/baylight/office-2*.db", "systemctl start backofficed"); err != nil {
		return err
	}
	if err := t.work(ctx); err != nil {
		return err
	}
	return t.receipted(ctx)
}

func (t *trial) removed(ctx context.Context) error {
	if err := t.do(ctx, "dpkg -r baylight-kiosk baylight-backoffice", "test -e /var/lib/baylight/journal.db", "test -e /var/lib/baylight/ledger.db", "test -e /etc/baylight/kiosk.toml",
		"! systemctl is-active -q kioskd", "! systemctl is-active -q backofficed", "! systemctl is-active -q baylight-broker.path baylight-broker.timer"); err != nil {
		return err
	}
	if err := t.await(ctx, "! systemctl is-active -q baylight-synced"); err != nil { // nothing needs it any more
		return err
	}
	if err := t.do(ctx, t.dpkg(newer, "baylight-kiosk", "baylight-backoffice")); err != nil {
		return err
	}
	if err := t.await(ctx, "systemctl is-active -q kioskd && systemctl is-active -q backofficed && systemctl is-active -q baylight-synced"); err != nil {
		return err
	}
	if err := t.work(ctx); err != nil {
		return err
	}
	return t.receipted(ctx)
}

func (t *trial) purged(ctx context.Context) error {
	return t.do(ctx, "dpkg -P baylight-kiosk", "! ls -d /var/lib/baylight/journal* /var/lib/baylight/identity.pem", "test -e /var/lib/baylight/ledger.db", "systemctl is-active backofficed",
		"dpkg -P baylight-backoffice", "! test -e /var/lib/baylight-broker", "dpkg -P baylight", "! ls -A /var/lib/baylight /etc/baylight", "ls /var/backups/baylight/*-2*.db",
		"! find /etc/systemd/system | grep -E 'kioskd|backofficed|baylight'")
}
