package main

import (
	"context"
	"fmt"
	"strings"

	"baylight/kiosk"
)

// a case of the trial; the ones after a needed one make no sense without it.
type one struct {
	what   string
	needed bool
	try    func(context.Context) error
}

func (t *trial) cases() []one {
	return []one{
		{"the packages install", true, t.install},
		{"an unconfigured kiosk serves its set-up pages", false, t.firstRun},
		{"a configured kiosk starts, and takes scans", true, t.configured},
		{"it runs as nobody special, in its sandbox", false, t.sandbox},
		{"a daemon that hangs is started again", false, t.hangs},
		{"a daemon that is killed is started again, and its lamps are let go", false, t.killed},
		{"the back office starts", false, t.office},
		{"a power cut keeps every scan", true, t.cut},
		{"an upgrade keeps scans and configuration", true, func(ctx context.Context) error { return t.change(ctx, "1.1.0") }},
		{"a downgrade keeps scans and configuration", true, func(ctx context.Context) error { return t.change(ctx, "1.0.0") }},
		{"the nightly backup makes a checked copy", false, t.backup},
		{"removing keeps every scan, and installing again finds them", false, t.removed},
		{"purging, asked for by name, deletes them", false, t.purged},
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

func (t *trial) install(ctx context.Context) error {
	return t.do(ctx, "dpkg -i /mnt/baylight_1.0.0_amd64.deb /mnt/baylight-kiosk_1.0.0_amd64.deb",
		"test -e /usr/share/man/man8/kioskd.8.gz", "id baylight | grep -q dialout", "systemctl is-enabled kioskd kioskd-backup.timer")
}

func (t *trial) firstRun(ctx context.Context) error {
	return t.await(ctx, "systemctl is-active -q kioskd")
}

func (t *trial) configured(ctx context.Context) error {
	for name, content := range map[string]string{"kiosk.toml": config, "staff.toml": people, "store.key": storeKey} {
		if err := t.do(ctx, fmt.Sprintf("cat >/etc/baylight/%s <<'END'\n%s\nEND\nchown baylight: /etc/baylight/%s", name, strings.TrimSpace(content), name)); err != nil {
			return err
		}
	}
	if err := t.do(ctx, "systemctl restart kioskd", "systemctl is-active kioskd"); err != nil {
		return err
	}
	if err := t.scan(ctx, kiosk.MakeCode(kiosk.KindBadge, "0A7A000001")); err != nil {
		return err
	}
	return t.work(ctx)
}

// work scans a car that was not there before, and finds every one in the journal.
func (t *trial) work(ctx context.Context) error {
	if err := t.scan(ctx, car(t.scans)); err != nil {
		return err
	}
	return t.whole(ctx)
}

func (t *trial) whole(ctx context.Context) error {
	got, err := t.recorded(ctx)
	if want := t.scans - 1; err == nil && got != want { // the first was a badge
		err = fmt.Errorf("%d jobs in the journal, %d were scanned", got, want)
	}
	return err
}

func (t *trial) sandbox(ctx context.Context) error {
	return t.do(ctx,
		`test "$(ps -o user= -p $(systemctl show -P MainPID kioskd))" = baylight || test "$(stat -c %U /proc/$(systemctl show -P MainPID kioskd))" = baylight`,
		"grep -q '^CapEff:.0000000000000000' /proc/$(systemctl show -P MainPID kioskd)/status",
		"grep -q '^NoNewPrivs:.1' /proc/$(systemctl show -P MainPID kioskd)/status",
		"grep -q '^Seccomp:.2' /proc/$(systemctl show -P MainPID kioskd)/status",
		"test $(stat -c %a /var/lib/baylight) = 700", "test $(stat -c %a /etc/baylight) = 750")
}

func (t *trial) hangs(ctx context.Context) error {
	return t.again(ctx, "STOP")
}

func (t *trial) killed(ctx context.Context) error {
	if err := t.again(ctx, "KILL"); err != nil {
		return err
	}
	return t.do(ctx, "journalctl -u kioskd --no-pager | grep -q lamps-off || systemctl show -P ExecStopPost kioskd | grep -q lamps-off")
}

// again stops the daemon by a signal and finds another in its place.
func (t *trial) again(ctx context.Context, signal string) error {
	if err := t.do(ctx, "systemctl show -P MainPID kioskd >/tmp/pid", "kill -"+signal+" $(cat /tmp/pid)"); err != nil {
		return err
	}
	if err := t.await(ctx, `! test "$(systemctl show -P MainPID kioskd)" = "$(cat /tmp/pid)" && systemctl is-active -q kioskd`); err != nil {
		return err
	}
	return t.work(ctx)
}

func (t *trial) office(ctx context.Context) error {
	return t.do(ctx, "dpkg -i /mnt/baylight-backoffice_1.0.0_amd64.deb",
		"sed 's/sh-pudong/sh-guest/' /usr/share/doc/baylight-backoffice/examples/backoffice.toml >/etc/baylight/backoffice.toml && chown baylight: /etc/baylight/backoffice.toml",
		"systemctl restart backofficed", "systemctl is-active backofficed", "grep -q '^CapEff:.0000000000000000' /proc/$(systemctl show -P MainPID backofficed)/status")
}

func (t *trial) cut(ctx context.Context) error {
	if err := t.scan(ctx, car(t.scans)); err != nil {
		return err
	}
	t.off()
	if err := t.boot(ctx); err != nil {
		return err
	}
	if err := t.await(ctx, "systemctl is-active -q kioskd"); err != nil {
		return err
	}
	if err := t.whole(ctx); err != nil {
		return err
	}
	return t.work(ctx)
}

func (t *trial) change(ctx context.Context, version string) error {
	if err := t.do(ctx, "sha256sum /etc/baylight/* >/tmp/before",
		"dpkg -i /mnt/baylight_"+version+"_amd64.deb /mnt/baylight-kiosk_"+version+"_amd64.deb /mnt/baylight-backoffice_"+version+"_amd64.deb",
		"sha256sum --quiet -c /tmp/before"); err != nil {
		return err
	}
	if err := t.await(ctx, "systemctl is-active -q kioskd && systemctl is-active -q backofficed"); err != nil {
		return err
	}
	return t.work(ctx)
}

func (t *trial) backup(ctx context.Context) error {
	return t.do(ctx, "systemctl start kioskd-backup.service", "ls /var/backups/baylight/kiosk-*.db", "systemctl start backofficed-backup.service", "ls /var/backups/baylight/office-*.db")
}

func (t *trial) removed(ctx context.Context) error {
	if err := t.do(ctx, "dpkg -r baylight-kiosk", "test -e /var/lib/baylight/journal.db", "! systemctl is-active -q kioskd",
		"dpkg -i /mnt/baylight-kiosk_1.0.0_amd64.deb"); err != nil {
		return err
	}
	if err := t.await(ctx, "systemctl is-active -q kioskd"); err != nil {
		return err
	}
	return t.work(ctx)
}

func (t *trial) purged(ctx context.Context) error {
	return t.do(ctx, "dpkg -P baylight-kiosk", "! test -e /var/lib/baylight/journal.db", "test -e /var/lib/baylight/ledger.db",
		"dpkg -P baylight-backoffice", "! test -e /var/lib/baylight/ledger.db", "dpkg -P baylight", "! test -e /etc/baylight")
}
