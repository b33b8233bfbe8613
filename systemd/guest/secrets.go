package main

import "context"

// token is the API's of the guest's office, while it has one.
const token = "guest-token-d41d8cd98f00b204"

// secrets: what is passed as a credential is read by the daemons and seen by nobody
// else, in the clear and encrypted; afterwards all is in files again.
func (t *trial) secrets(ctx context.Context) error {
	for _, step := range []func(context.Context) error{t.handed, t.unseen, t.withheld, t.sealed, t.filed} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// anew starts both daemons and has them work together.
func (t *trial) anew(ctx context.Context) error {
	if err := t.do(ctx, "sync; systemctl daemon-reload; systemctl restart kioskd backofficed", "systemctl is-active kioskd", "systemctl is-active backofficed"); err != nil {
		return err
	}
	if err := t.work(ctx); err != nil {
		return err
	}
	return t.receipted(ctx)
}

// handed passes the store's key and the API's token as README says, and no file holds them.
func (t *trial) handed(ctx context.Context) error {
	if err := t.do(ctx, "install -d -m 700 /etc/credstore", "install -m 600 /etc/baylight/store.key /etc/credstore/baylight.store-key && rm /etc/baylight/store.key",
		"umask 077 && echo "+token+" >/etc/credstore/backofficed.api-token",
		"systemctl stop backofficed", "! backofficed check", "systemd-run -q --pipe --wait --uid=baylight -p LoadCredential=baylight.store-key backofficed check"); err != nil {
		return err
	}
	if err := t.anew(ctx); err != nil {
		return err
	}
	const report = "baylight report --from $(date +%F) --to $(date -d tomorrow +%F)"
	if err := t.do(ctx, report+" --token-file /etc/credstore/backofficed.api-token", "! "+report,
		"systemctl show -P ExecStopPost kioskd | grep -q 'lamps-off .*status=0'",
		"runuser -u baylight -- backofficed boards | grep -q 'k1 .* good'",
		"rm -f /var/backups/baylight/*.tgz; baylight support-bundle /var/backups/baylight/kiosk.tgz", "runuser -u baylight -- backofficed support-bundle /var/backups/baylight/office.tgz"); err != nil {
		return err
	}
	return t.doctor(ctx, "config.ok", "service.ok", "broker.connected")
}

// unseen looks where a secret must not be.
func (t *trial) unseen(ctx context.Context) error {
	const secrets = " -e " + storeKey + " -e " + token
	for _, unit := range []string{"kioskd", "backofficed"} {
		process, passed := "/proc/$(systemctl show -P MainPID "+unit+")", "/run/credentials/"+unit+".service"
		if err := t.do(ctx, "tr '\\0' '\\n' <"+process+"/environ | grep -qx CREDENTIALS_DIRECTORY="+passed,
			"! grep -qaF"+secrets+" "+process+"/environ "+process+"/cmdline", "! systemctl show "+unit+" | grep -F"+secrets,
			"test -s "+passed+"/baylight.store-key", `test -z "$(find `+passed+` -perm /007)"`, "runuser -u baylight -- test -r "+passed+"/baylight.store-key",
			"! runuser -u nobody -- cat "+passed+"/baylight.store-key", "! runuser -u nobody -- ls "+passed); err != nil {
			return err
		}
	}
	return t.do(ctx, "! journalctl -o cat -u kioskd -u backofficed | grep -F"+secrets, "! zcat /var/backups/baylight/kiosk.tgz | grep -aF"+secrets,
		"! zcat /var/backups/baylight/office.tgz | grep -aF"+secrets, "rm /var/backups/baylight/*.tgz", "! test -e /run/credentials/kioskd.service/backofficed.api-token")
}

// withheld: the unit of a board starts without, and its screen says what is missing.
func (t *trial) withheld(ctx context.Context) error {
	return t.do(ctx, "mv /etc/credstore/baylight.store-key /root/key", "systemctl restart kioskd", "systemctl is-active kioskd",
		"journalctl -o cat -n 20 -u kioskd | grep -q 'store.key_file: .*nor is there a credential .*baylight.store-key'", "mv /root/key /etc/credstore/baylight.store-key")
}

// sealed encrypts it for this machine alone: then it stands nowhere in the clear.
func (t *trial) sealed(ctx context.Context) error {
	if err := t.do(ctx, "install -d -m 700 /etc/credstore.encrypted",
		"systemd-creds encrypt --with-key=host /etc/credstore/baylight.store-key /etc/credstore.encrypted/baylight.store-key && rm /etc/credstore/baylight.store-key"); err != nil {
		return err
	}
	for _, unit := range []string{"kioskd", "backofficed"} {
		if err := t.do(ctx, "mkdir /etc/systemd/system/"+unit+".service.d && printf '[Service]\\nLoadCredentialEncrypted=baylight.store-key\\n' >/etc/systemd/system/"+unit+".service.d/secrets.conf"); err != nil {
			return err
		}
	}
	if err := t.anew(ctx); err != nil {
		return err
	}
	return t.do(ctx, "! grep -rlaF "+storeKey+" /etc /var/lib/baylight")
}

// filed puts all back into files.
func (t *trial) filed(ctx context.Context) error {
	if err := t.do(ctx, "systemd-creds decrypt /etc/credstore.encrypted/baylight.store-key /etc/baylight/store.key && chown baylight: /etc/baylight/store.key && chmod 600 /etc/baylight/store.key",
		"rm -r /etc/credstore /etc/credstore.encrypted /etc/systemd/system/kioskd.service.d /etc/systemd/system/backofficed.service.d"); err != nil {
		return err
	}
	return t.anew(ctx)
}
