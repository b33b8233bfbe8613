package main

import (
	"context"
	"fmt"
	"strings"
)

// The two versions of the packages that prepare makes.
const (
	older = "1.0.0"
	newer = "1.1.0"
)

// units of this revision's packages that are switched on by installing them.
const units = "kioskd.service kioskd-backup.timer backofficed.service backofficed-backup.timer baylight-broker.path baylight-broker.timer"

// enabled says which of some units is not.
func enabled(units string) string {
	return "for u in " + units + "; do systemctl is-enabled -q $u || { echo $u is not enabled; exit 1; }; done"
}

// dpkg installs packages of one version.
func (t *trial) dpkg(version string, names ...string) string {
	c := "dpkg -i"
	for _, n := range names {
		c += " /mnt/" + n + "_" + version + "_" + t.arch + ".deb"
	}
	return c
}

// install begins with the older version, which may be of a revision that had fewer units.
func (t *trial) install(ctx context.Context) error {
	return t.do(ctx, t.dpkg(older, "baylight", "baylight-kiosk", "baylight-backoffice"),
		"test -e /usr/share/man/man8/kioskd.8.gz", "id baylight | grep -q dialout",
		enabled("$(grep -l '^.Install' $(dpkg -L baylight-kiosk baylight-backoffice | grep '/systemd/system/.') | sed 's,.*/,,')"))
}

// to goes to another version. Nothing that people wrote is changed by that.
func (t *trial) to(ctx context.Context, version string) error {
	install := t.dpkg(version, "baylight", "baylight-kiosk", "baylight-backoffice")
	if version == older && t.old != "" { // it may leave dpkg in the middle where its daemon does not start
		install += " || echo going on"
	}
	return t.do(ctx, "sha256sum /etc/baylight/* >/tmp/before", install, "sha256sum --quiet -c /tmp/before",
		"test $(dpkg-query -W -f '${Version}' baylight-kiosk) = "+version, "test $(dpkg-query -W -f '${Version}' baylight-backoffice) = "+version)
}

// upgrade: what was switched off stays off, and a unit that the older version did not
// have is on.
func (t *trial) upgrade(ctx context.Context, running ...string) error {
	if err := t.do(ctx, "systemctl disable --now kioskd-backup.timer"); err != nil {
		return err
	}
	if err := t.to(ctx, newer); err != nil {
		return err
	}
	if err := t.do(ctx, "! systemctl is-enabled -q kioskd-backup.timer", "! systemctl is-active -q kioskd-backup.timer", "systemctl enable --now kioskd-backup.timer",
		enabled(units), "systemctl is-active baylight-broker.timer", "systemctl is-active baylight-broker.path"); err != nil {
		return err
	}
	for _, unit := range running {
		if err := t.await(ctx, "systemctl is-active -q "+unit); err != nil {
			return err
		}
	}
	if err := t.work(ctx); err != nil || len(running) == 1 {
		return err
	}
	return t.receipted(ctx)
}

// downgrade: packages of one revision run on. Those of an older one may not know the
// configuration or a database of today: then they have to say so and leave all as it is.
func (t *trial) downgrade(ctx context.Context) error {
	if err := t.to(ctx, older); err != nil {
		return err
	}
	board, err := t.serves(ctx, "kioskd", "baylight outbox")
	if err == nil && board {
		err = t.work(ctx)
	}
	if err != nil {
		return err
	}
	office, err := t.serves(ctx, "backofficed", "systemctl is-active -q backofficed")
	if err != nil || !board || !office {
		return err
	}
	if t.old == "" {
		return t.receipted(ctx)
	}
	out, status, err := t.shell.try(ctx, within(120, "baylight outbox | grep -q '^waiting: 0,'")+"; baylight outbox")
	fmt.Printf("     with %s, after two minutes at most: %s (%d)\n", t.old, strings.ReplaceAll(out, "\n", "; "), status)
	return err
}

// within tries a command for some seconds.
func within(seconds int, command string) string {
	return fmt.Sprintf("for i in $(seq %d); do %s >/dev/null 2>&1 && break; sleep 1; done", seconds, command)
}

// serves waits until an older daemon works. One of another revision may refuse to, if
// it names what it does not take.
func (t *trial) serves(ctx context.Context, unit, works string) (bool, error) {
	_, status, err := t.shell.try(ctx, within(60, works)+"; "+works)
	if err != nil || status == 0 {
		return status == 0, err
	}
	said, err := t.shell.do(ctx, "journalctl -o cat -n 12 -u "+unit)
	if err == nil && (t.old == "" || !strings.Contains(said, "/baylight/")) {
		err = fmt.Errorf("%s %s does not work: %s", unit, older, said)
	}
	if err != nil {
		return false, err
	}
	fmt.Printf("     %s of %s does not take today's files, and says:\n%s\n", unit, t.old, said)
	return false, nil
}
