package words

// doctorWords are what "baylight doctor" says of a board. What is well is one
// text; of the rest there is also why it matters and what to do next, under the
// key with .why and .next.
func doctorWords() map[Key]Pair {
	out := map[Key]Pair{
		"doctor.title":  {"体检：{0}", "Board check: {0}"},
		"doctor.sum":    {"{0} 项有问题，{1} 项需留意，{2} 项正常，{3} 项看不到", "{0} wrong, {1} to look at, {2} well, {3} not seen"},
		"doctor.unseen": {"看不到 {0}：{1}", "{0} could not be looked at: {1}"},

		"doctor.config.ok":          {"配置文件 {0}：门店 {1}，本机 {2}", "Configuration {0}: store {1}, board {2}"},
		"doctor.kiosk.ok":           {"kioskd {0} 正在运行，已 {1}", "kioskd {0} runs, for {1}"},
		"doctor.scanner.ok":         {"扫码枪 {0}（{1}）正常，最近一次 {2}", "Scanner {0} ({1}) works, last read {2}"},
		"doctor.scanner.quiet":      {"扫码枪 {0}（{1}）已打开，启动后还没有读到码：扫一个码试试", "Scanner {0} ({1}) is open and has read nothing since the start: try a code"},
		"doctor.scanner.there":      {"扫码枪 {0} 的线路 {1} 可以打开", "The line {1} of scanner {0} can be opened"},
		"doctor.printer.ok":         {"打印机 {0}（{1}）就绪", "Printer {0} ({1}) is ready"},
		"doctor.printer.there":      {"打印机 {0}（{1}）已找到；有没有纸要 kioskd 运行时才知道", "Printer {0} ({1}) is there; whether it has paper only a running kioskd knows"},
		"doctor.printer.none":       {"没有配置打印机", "No printer is configured"},
		"doctor.lamp.ok":            {"工位灯的引脚正常", "The pins of the lamps are in order"},
		"doctor.lamp.none":          {"没有接灯，只在屏幕上显示", "No lamps are wired; they are drawn on screens"},
		"doctor.permissions.groups": {"用户 {0} 可以使用所有设备", "User {0} may use every device"},
		"doctor.permissions.data":   {"数据目录 {0} 只有所有者能读", "Only its owner reads the data folder {0}"},
		"doctor.clock.synced":       {"时间已校准，来源 {0}，误差不超过 {1}", "The time is synchronised by {0}, off by {1} at most"},
		"doctor.clock.system":       {"系统时间已校准，开机 {2}", "The system's time is synchronised, {2} after boot"},
		"doctor.clock.rtc":          {"有电池时钟 {0}", "There is a battery clock, {0}"},
		"doctor.disk.room":          {"{0} 剩余 {1} / {2}", "{1} of {2} are free at {0}"},
		"doctor.disk.sd":            {"存储卡 {0}（{1}）不报告磨损情况", "Card {0} ({1}) does not tell its wear"},
		"doctor.disk.wear":          {"存储 {0} 已用寿命不到 {1}%", "Storage {0} has used less than {1} % of its life"},
		"doctor.disk.quiet":         {"内核日志里没有磁盘错误", "The kernel's log has no disk errors"},
		"doctor.power.ok":           {"{0} 供电正常", "{0} has had enough power"},
		"doctor.power.other":        {"这块板不报告供电情况", "This board does not tell of its supply"},
		"doctor.broker.connected":   {"已连接消息服务器 {0}", "Connected to the broker {0}"},
		"doctor.broker.ok":          {"消息服务器 {0} 接受本机", "The broker {0} accepts this board"},
		"doctor.broker.outbox":      {"待确认 {0} 条", "{0} events wait for a receipt"},
		"doctor.certificate.none":   {"消息服务器不用证书连接", "The broker is reached without certificates"},
		"doctor.certificate.server": {"只检查消息服务器的证书", "Only the broker shows a certificate"},
		"doctor.certificate.ok":     {"证书 {0} 有效至 {1}，还有 {2} 天", "The certificate of {0} is good until {1}, {2} days"},
		"doctor.version.tool":       {"本工具版本 {0}", "This tool is version {0}"},
		"doctor.version.ok":         {"版本 {0}", "Version {0}"},
		"doctor.version.sqlite":     {"数据库引擎 {0}", "Database engine {0}"},
		"doctor.version.nojournal":  {"{0} 还没有，首次启动时建立", "{0} is not there yet; the first start makes it"},
		"doctor.version.journal":    {"记录文件 {0}，格式 {1}", "Journal {0}, format {1}"},
		"doctor.service.ok":         {"{0} 已启用，有看门狗，状态 {1}，重启 {2} 次", "{0} is enabled, has a watchdog, is {1}, restarted {2} times"},
		"doctor.service.files":      {"{0} 已启用，有看门狗", "{0} is enabled and has a watchdog"},
	}
	say := func(code Key, what, why, next Pair) {
		out["doctor."+code], out["doctor."+code+".why"], out["doctor."+code+".next"] = what, why, next
	}
	run := func(command string) Pair { return Pair{command, command} }
	doctorOfKiosk(say, run)
	doctorOfDevices(say, run)
	doctorOfMachine(say, run)
	doctorOfNetwork(say, run)
	return out
}

func doctorOfKiosk(say func(Key, Pair, Pair, Pair), run func(string) Pair) {
	say("config.missing", Pair{"没有配置文件 {0}", "There is no configuration {0}"},
		Pair{"没有配置，本机只提供首次设置页面", "Without it the board serves its first-run pages only"},
		Pair{"sudo systemctl start kioskd，然后按 journalctl -u kioskd -n 20 里的地址打开设置页面", "sudo systemctl start kioskd, then open the address that journalctl -u kioskd -n 20 shows"})
	say("config.hidden", Pair{"无权读取配置文件 {0}", "You may not read the configuration {0}"},
		Pair{"看不到配置，就无法检查接线和网络", "Without it neither wiring nor network can be checked"}, run("sudo baylight doctor"))
	say("config.bad", Pair{"配置文件 {0} 有错：{1}", "The configuration {0} is wrong: {1}"},
		Pair{"有错的配置不会被采用", "A board does not start with it"}, run("kioskd check --config {0}"))
	say("kiosk.stopped", Pair{"kioskd 没有运行（{0} 无应答）", "kioskd does not run (nothing answers at {0})"},
		Pair{"现在扫码没有人记录", "Nobody records a scan now"}, run("sudo systemctl start kioskd; journalctl -u kioskd -n 50"))
	say("kiosk.deaf", Pair{"kioskd 在运行，但 {0} 没有应答：{1}", "kioskd runs, and does not answer at {0}: {1}"},
		Pair{"它可能卡住了，看门狗会在一分钟内重启它", "It may hang; the watchdog starts it again within a minute"}, run("journalctl -u kioskd -n 50"))
	say("kiosk.closed", Pair{"无权使用 {0}", "You may not use {0}"},
		Pair{"运行中的 kioskd 占用设备，只有它知道设备的情况", "The running kioskd holds the devices, and only it knows how they are"}, run("sudo baylight doctor"))
	say("kiosk.says", Pair{"{0}", "{0}"}, Pair{"详情：{0}", "In detail: {0}"}, run("baylight support-bundle kiosk.tar.gz"))
	say("version.differs", Pair{"本工具是 {0}，运行中的 kioskd 是 {1}", "This tool is {0}, the running kioskd is {1}"},
		Pair{"升级后没有重启，旧程序还在运行", "After an upgrade the old program runs until it is started again"}, run("sudo systemctl restart kioskd"))
	say("version.notjournal", Pair{"{0} 不是记录文件", "{0} is no journal"},
		Pair{"kioskd 不会覆盖它，也就无法启动", "kioskd does not write over it, and does not start"}, run("sudo mv {0} {0}.other; sudo systemctl restart kioskd"))
	say("version.newer", Pair{"记录文件 {0} 的格式是 {1}，本程序写的是 {2}", "The journal {0} has format {1}; this program writes {2}"},
		Pair{"程序被降级；如果格式不兼容，kioskd 会拒绝启动", "The program was downgraded; kioskd refuses to start if it cannot read the format"}, run("sudo apt install --only-upgrade baylight baylight-kiosk"))
	say("service.missing", Pair{"systemd 不认识 {0}", "systemd does not know {0}"},
		Pair{"开机后不会自动启动", "Nothing starts the kiosk at boot"}, run("sudo apt install ./baylight-kiosk_*.deb"))
	say("service.disabled", Pair{"{0} 没有启用（{1}）", "{0} is not enabled ({1})"},
		Pair{"断电重启后不会自动启动", "After a power cut nothing starts the kiosk"}, run("sudo systemctl enable {0}"))
	say("service.watchdog", Pair{"{0} 没有看门狗", "{0} has no watchdog"},
		Pair{"卡住的程序不会自动重启", "A daemon that hangs is not started again"}, run("sudo systemctl revert {0}; sudo systemctl restart {0}"))
	say("service.failed", Pair{"{0} 失败：{1}", "{0} has failed: {1}"}, Pair{"现在扫码没有人记录", "Nobody records a scan now"}, run("journalctl -u {0} -n 100; sudo systemctl restart {0}"))
	say("service.restarts", Pair{"{0} 开机以来重启了 {1} 次", "{0} was started again {1} times since boot"},
		Pair{"每次重启前的日志会说明原因", "The log before each start says why"}, run("journalctl -u {0} -b -p warning"))
}

func doctorOfDevices(say func(Key, Pair, Pair, Pair), run func(string) Pair) {
	say("scanner.none", Pair{"没有配置扫码枪", "No scanner is configured"}, Pair{"只能在屏幕上输入", "Codes can only be typed at a screen"}, run("ls -l /dev/serial/by-id/; sudoedit /etc/baylight/kiosk.toml"))
	say("scanner.down", Pair{"扫码枪 {0}（{1}）不工作：{2}", "Scanner {0} ({1}) does not work: {2}"},
		Pair{"在那里扫码没有反应，也没有“嘀”声", "A scan there has no effect, and does not beep"}, Pair{"检查电源和接线，再看 ls -l /dev/serial/by-id/", "Check its power and cable, then ls -l /dev/serial/by-id/"})
	say("scanner.unstable", Pair{"扫码枪 {0} 用的名字 {1} 重启后可能是另一把", "Scanner {0} goes by {1}, which may be another one after a restart"},
		Pair{"一个工位的扫码会记到另一个工位", "Scans of one bay would be recorded for another"}, Pair{"在 kiosk.toml 中改为 device = \"{2}\"，再 sudo systemctl restart kioskd", "In kiosk.toml say device = \"{2}\", then sudo systemctl restart kioskd"})
	say("printer.low", Pair{"打印机 {0} 快没纸了", "Printer {0} is near the end of its paper"}, Pair{"缺纸时小票会晚打，记录不受影响", "Without paper tickets come late; records are safe"}, Pair{"准备一卷新纸", "Have a new roll at hand"})
	say("printer.paper", Pair{"打印机 {0} 缺纸", "Printer {0} has no paper"}, Pair{"记录不受影响，换纸后补打", "Records are safe; tickets are printed once there is paper"}, Pair{"换一卷纸", "Put in a new roll"})
	say("printer.cover", Pair{"打印机 {0} 的盖子开着", "The cover of printer {0} is open"}, Pair{"记录不受影响，关好后补打", "Records are safe; tickets are printed once it is closed"}, Pair{"关好盖子", "Close it"})
	say("printer.down", Pair{"打印机 {0}（{1}）不工作：{2}", "Printer {0} ({1}) does not work: {2}"}, Pair{"记录不受影响，恢复后补打", "Records are safe; tickets are printed once it is back"},
		Pair{"检查电源和接线，再 baylight print test", "Check its power and cable, then baylight print test"})
	say("lamp.down", Pair{"工位 {0} 的灯不工作：{1}", "The lamp of bay {0} does not work: {1}"}, Pair{"状态只能看屏幕", "Only the screens show the state"}, run("baylight lamp test --bay {0}"))
	say("lamp.pin", Pair{"灯的引脚：{0}", "A lamp's pin: {0}"}, Pair{"状态只能看屏幕", "Only the screens show the state"}, Pair{"核对 kiosk.toml 的 lamp 引脚和接线", "Hold the lamp pins in kiosk.toml against the wiring"})
	say("lamp.bus", Pair{"没有总线 {0}", "There is no bus {0}"}, Pair{"扩展板上的灯都不亮", "No lamp on an expander is lit"}, Pair{"在 /boot/firmware/config.txt 加 dtparam=i2c_arm=on 后重启", "Put dtparam=i2c_arm=on into /boot/firmware/config.txt and reboot"})
	say("lamp.nogpio", Pair{"本机没有 GPIO", "This machine has no GPIO"}, Pair{"灯只显示在屏幕上", "Lamps are drawn on screens only"}, Pair{"在带 GPIO 的板上运行，或去掉 kiosk.toml 里的 lamp", "Run on a board that has pins, or take the lamps out of kiosk.toml"})
	say("permissions.user", Pair{"没有用户 {0}", "There is no user {0}"}, Pair{"kioskd 不以 root 运行，它需要这个用户", "kioskd does not run as root; it needs this user"}, run("sudo systemd-sysusers"))
	say("permissions.group", Pair{"用户 {0} 不在组 {1} 中，不能用 {2}", "User {0} is not in group {1} and cannot use {2}"}, Pair{"kioskd 打不开这个设备", "kioskd cannot open the device"}, run("sudo usermod -aG {1} {0}; sudo systemctl restart kioskd"))
	say("permissions.device", Pair{"{0} 的权限是 {1}，属于组 {2}", "{0} has mode {1} and group {2}"}, Pair{"kioskd 打不开这个设备", "kioskd cannot open the device"}, run("sudo udevadm control --reload; sudo udevadm trigger {0}"))
	say("permissions.nodata", Pair{"还没有数据目录 {0}", "There is no data folder {0} yet"}, Pair{"首次启动时建立", "The first start makes it"}, run("sudo systemctl start kioskd"))
	say("permissions.nofolder", Pair{"{0} 不是目录", "{0} is no folder"}, Pair{"记录没有地方保存", "There is no place for records"}, run("sudo mv {0} {0}.other; sudo systemctl restart kioskd"))
	say("permissions.open", Pair{"数据目录 {0} 的权限是 {1}", "The data folder {0} has mode {1}"}, Pair{"里面有客户的车牌和电话，别人不应能读", "It holds customers' plates and telephone numbers, which nobody else should read"}, run("sudo chmod 0700 {0}"))
	say("permissions.owner", Pair{"数据目录 {0} 不属于 {1}", "The data folder {0} does not belong to {1}"}, Pair{"kioskd 无法保存记录", "kioskd cannot record anything"}, run("sudo chown -R {1}:{1} {0}"))
	say("permissions.secret", Pair{"{0} 的权限是 {1}，人人可读", "{0} has mode {1}: everybody may read it"}, Pair{"里面有门店密钥或登录信息", "It holds the store's key or what people sign in with"}, run("sudo chown root:baylight {0}; sudo chmod 0640 {0}"))
}

func doctorOfMachine(say func(Key, Pair, Pair, Pair), run func(string) Pair) {
	say("clock.past", Pair{"系统时间 {0} 早于本程序的编译日期 {1}", "The system's time {0} is before this program was built, {1}"}, Pair{"记录的时间要等校准后才能更正", "Recorded times are wrong until it is set"}, run("timedatectl; sudo timedatectl set-ntp true"))
	say("clock.jump", Pair{"系统时间跳变了 {0}，未予采用", "The system's clock jumped by {0} and is not followed"}, Pair{"时间服务器可能有误", "The time server may be wrong"}, run("timedatectl timesync-status"))
	say("clock.lost", Pair{"已 {0} 没有校准时间，误差可达 {1}", "Nobody confirmed the time for {0}; it may be off by {1}"}, Pair{"承诺时间和用时可能不准", "Promises and durations may be off"}, run("timedatectl timesync-status"))
	say("clock.holdover", Pair{"时间靠电池时钟维持，没有校准", "The time is kept by a battery clock and is not synchronised"}, Pair{"每天可能偏差几秒", "It may drift by seconds a day"}, run("timedatectl timesync-status"))
	say("clock.early", Pair{"开机才 {2}，时间尚未校准", "The time is not set yet, {2} after boot"}, Pair{"网络时间通常一两分钟内到达", "The network's time takes a minute or two"}, Pair{"几分钟后再运行 baylight doctor", "Run baylight doctor again in a few minutes"})
	say("clock.unset", Pair{"开机 {2}，仍没有任何时间来源", "Nothing has told the time in {2} since boot"}, Pair{"记录的时间要等校准后才能更正", "Recorded times are corrected only once it is set"}, run("sudo timedatectl set-ntp true; timedatectl timesync-status"))
	say("clock.nortc", Pair{"没有电池时钟", "There is no battery clock"}, Pair{"断网断电后重启，不知道几点", "After a power cut without a network the board does not know the time"}, Pair{"Pi 5 接上 J5 电池；其他板加 DS3231 和 dtoverlay=i2c-rtc,ds3231", "On a Pi 5 connect a battery to J5; on others add a DS3231 and dtoverlay=i2c-rtc,ds3231"})
	say("clock.rtcoff", Pair{"电池时钟 {0} 与系统时间相差 {1}", "The battery clock {0} is off by {1}"}, Pair{"电池可能没电了", "Its battery may be empty"}, run("sudo hwclock --systohc"))
	say("disk.full", Pair{"{0} 只剩 {1}（共 {2}）", "Only {1} of {2} are free at {0}"}, Pair{"满了就不能保存扫码", "Once it is full, scans are refused"}, run("sudo journalctl --vacuum-size=20M; sudo apt clean; du -xh {0} | sort -h | tail"))
	say("disk.low", Pair{"{0} 剩余 {1}（共 {2}）", "{1} of {2} are free at {0}"}, Pair{"满了就不能保存扫码", "Once it is full, scans are refused"}, run("sudo journalctl --vacuum-size=20M; sudo apt clean; du -xh {0} | sort -h | tail"))
	say("disk.reserve", Pair{"预留空间 {0} 不在", "The reserve {0} is not there"}, Pair{"磁盘曾经满过，下次满了没有余地", "The disk was full once; there is nothing left to give up next time"}, Pair{"清理磁盘，有空间后自动恢复", "Make room; it comes back by itself"})
	say("disk.memory", Pair{"数据目录 {0} 在内存里（{1}，{2}）", "The data folder {0} is in memory ({1}, {2})"}, Pair{"断电后所有未发送的记录都会丢失", "A power cut loses every record that was not sent"}, Pair{"把数据分区挂到 {0}，写入 /etc/fstab", "Mount the data partition at {0} in /etc/fstab"})
	say("disk.readonly", Pair{"{0} 所在的 {1}（{2}）是只读的", "{1} ({2}), where {0} is, is read-only"}, Pair{"不能保存扫码；通常是存储卡坏了", "Scans are refused; the card is probably failing"}, run("dmesg | tail -50; sudo mount -o remount,rw {1}"))
	say("disk.errors", Pair{"{0} 的文件系统记录了 {1} 个错误", "The file system on {0} has {1} errors"}, Pair{"存储卡可能快坏了", "The card may be failing"}, Pair{"baylight backup 之后更换存储卡", "Run baylight backup, then replace the card"})
	say("disk.worn", Pair{"存储 {0} 寿命已用 {1}% 或更多", "Storage {0} has used {1} % of its life or more"}, Pair{"随时可能写不进去", "It may refuse to write any day"}, Pair{"baylight backup 之后更换", "Run baylight backup, then replace it"})
	say("disk.old", Pair{"存储 {0} 寿命已用约 {1}%", "Storage {0} has used about {1} % of its life"}, Pair{"几个月内需要更换", "It has to be replaced within months"}, Pair{"准备备件", "Have a spare at hand"})
	say("disk.kernel", Pair{"内核日志有 {0} 条磁盘错误，最近：{1}", "The kernel's log has {0} disk errors, the last: {1}"}, Pair{"存储卡可能快坏了，或供电不足", "The card may be failing, or the supply is weak"}, Pair{"baylight backup 之后更换存储卡，检查电源", "Run baylight backup, replace the card, check the supply"})
	say("power.low", Pair{"现在供电不足", "The supply is too weak right now"}, Pair{"供电不足会损坏存储卡、使串口丢字", "It damages cards and makes serial lines lose characters"}, Pair{"换原装电源和短粗的线，扫码枪改用带电源的集线器", "Use the board's own supply and a short thick cable; put scanners on a powered hub"})
	say("power.waslow", Pair{"开机以来供电曾经不足", "The supply was too weak at times since boot"}, Pair{"供电不足会损坏存储卡、使串口丢字", "It damages cards and makes serial lines lose characters"}, Pair{"换原装电源和短粗的线，扫码枪改用带电源的集线器", "Use the board's own supply and a short thick cable; put scanners on a powered hub"})
	say("power.slow", Pair{"处理器被降速（{0}）", "The processor is slowed down ({0})"}, Pair{"温度过高", "It is too hot"}, Pair{"改善散热", "Give it air, or a heat sink"})
	say("power.hot", Pair{"处理器温度 {0}", "The processor is at {0}"}, Pair{"到 80 °C 会被降速", "At 80 °C it is slowed down"}, Pair{"改善散热", "Give it air, or a heat sink"})
}

func doctorOfNetwork(say func(Key, Pair, Pair, Pair), run func(string) Pair) {
	kept := Pair{"记录保存在本机，恢复后自动发送", "Records are kept here and sent once it is mended"}
	say("broker.plain", Pair{"到 {0} 的连接不加密", "The connection to {0} is not encrypted"}, Pair{"同一网络的人可以读到和伪造记录", "Others on the network can read and forge records"}, Pair{"让消息服务器用 TLS，把 mqtt.url 改为 mqtts://", "Let the broker use TLS and say mqtts:// in mqtt.url"})
	say("broker.name", Pair{"消息服务器 {0} 的名字查不到：{1}", "The broker's name in {0} is not known: {1}"}, kept, run("getent hosts {2}; resolvectl status"))
	say("broker.closed", Pair{"连不上消息服务器 {0}：{1}", "The broker {0} cannot be reached: {1}"}, kept, Pair{"在服务器上看 systemctl status mosquitto，检查网线和防火墙", "On the server: systemctl status mosquitto; check cable and firewall"})
	say("broker.tls", Pair{"与 {0} 的加密连接失败：{1}", "No encrypted connection to {0}: {1}"}, kept, Pair{"核对时间和证书，再看服务器上 journalctl -u mosquitto", "Check the time and the certificates, then journalctl -u mosquitto on the server"})
	say("broker.refused", Pair{"消息服务器 {0} 拒绝本机：{1}", "The broker {0} refuses this board: {1}"}, kept, Pair{"核对 mqtt.user、mqtt.password_file 和服务器的 ACL", "Check mqtt.user, mqtt.password_file and the server's ACL"})
	say("broker.barred", Pair{"{0} 不接受本机的证书：{1}", "{0} does not take this board's certificate: {1}"}, kept, Pair{"在服务器上用 backofficed boards 查看；已吊销的，用 backofficed enroll 取新码，再在本机 sudo baylight enroll", "On the server: backofficed boards says whether it is revoked, backofficed enroll gives a code to enrol anew"})
	say("broker.mute", Pair{"{0} 上应答的不是消息服务器：{1}", "What answers at {0} is no broker: {1}"}, kept, Pair{"核对 mqtt.url 的端口：1883 不加密，8883 加密", "Check the port in mqtt.url: 1883 is plain, 8883 is TLS"})
	say("broker.office", Pair{"消息服务器在线，后台没有就绪；待确认 {0} 条，最久 {1}", "The broker is there, the back office is not ready; {0} events wait, the oldest for {1}"}, kept, Pair{"在服务器上看 systemctl status backofficed", "On the server: systemctl status backofficed"})
	say("broker.waiting", Pair{"{0} 条没有确认，最久 {1}", "{0} events have no receipt, the oldest for {1}"}, kept, Pair{"看后台“设备”页和 journalctl -u backofficed", "See the back office's page of boards, and journalctl -u backofficed"})
	say("certificate.missing", Pair{"本机还没有证书（{0}）", "This board has no certificate yet ({0})"}, Pair{"消息服务器不会接受本机", "The broker does not accept it"}, Pair{"在服务器上 backofficed enroll 取一次性码，再在本机 baylight enroll", "Get a one-time code with backofficed enroll on the server, then baylight enroll here"})
	say("certificate.open", Pair{"{0} 的权限是 {1}", "{0} has mode {1}"}, Pair{"里面有本机的私钥", "It holds this board's private key"}, run("sudo chmod 0600 {0}"))
	say("certificate.bad", Pair{"{0} 不能用：{1}", "{0} cannot be used: {1}"}, Pair{"消息服务器不会接受本机", "The broker does not accept this board"}, Pair{"重新登记：backofficed enroll，再 baylight enroll", "Enrol anew: backofficed enroll, then baylight enroll"})
	say("certificate.other", Pair{"{0} 是 {1} 的证书，本机是 {2}", "{0} is the certificate of {1}, and this board is {2}"}, Pair{"消息服务器会把本机当成另一块板而拒绝", "The broker takes this board for the other one and refuses it"}, Pair{"重新登记：backofficed enroll，再 baylight enroll", "Enrol anew: backofficed enroll, then baylight enroll"})
	say("certificate.expired", Pair{"{0} 的证书已于 {1} 过期", "The certificate of {0} expired on {1}"}, kept, Pair{"先核对时间；重新登记：backofficed enroll，再 baylight enroll", "Check the time first; enrol anew: backofficed enroll, then baylight enroll"})
	say("certificate.early", Pair{"{0} 的证书 {1} 才生效", "The certificate of {0} begins on {1} only"}, Pair{"本机或服务器的时间不对", "This board's clock or the server's is wrong"}, run("timedatectl timesync-status"))
	say("certificate.soon", Pair{"{0} 的证书 {1} 到期，还有 {2} 天", "The certificate of {0} ends on {1}, in {2} days"}, Pair{"本应自动续期，没有成功", "It should have been renewed by itself"}, Pair{"看 journalctl -u kioskd 里 identity 的内容", "See what journalctl -u kioskd says of identity"})
}
