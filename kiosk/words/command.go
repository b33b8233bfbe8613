package words

// commandWords are the texts of the demo's own page.
func commandWords() map[Key]Pair {
	return map[Key]Pair{
		"demo.title":         {"Baylight 演示门店", "A shop to try"},
		"demo.pause":         {"暂停", "pause"},
		"demo.kiosk":         {"客户终端", "Customer kiosk"},
		"demo.desk":          {"服务顾问", "Adviser's desk"},
		"demo.board":         {"候车室大屏", "Waiting room"},
		"demo.devices":       {"设备", "Devices"},
		"demo.office":        {"后台", "Back office"},
		"demo.signin":        {"登录：顾问台", "Sign in: desk"},
		"demo.signin.office": {"后台（经理）", "back office (manager)"},
		"demo.lamps":         {"工位灯（按引脚实际电平）", "Lamps, as lit at the pins"},
		"demo.scan":          {"试扫一码", "Scan something"},
		"demo.place":         {"扫码枪", "Scanner"},
		"demo.text":          {"内容", "Code"},
		"demo.read":          {"扫描", "Scan"},
		"demo.badges":        {"工牌", "Badges"},
		"demo.bookings":      {"预约码", "Booking codes"},
		"demo.cards":         {"动作卡", "Action cards"},
		"demo.paper":         {"小票（最新四张）", "Paper, the last four"},
		"demo.read.twice":    {"连扫两次", "Scan twice"},
		"demo.tricks":        {"捣乱试试", "Make trouble"},
		"demo.trick.broker":  {"断开/恢复网络", "Cut or mend the broker"},
		"demo.trick.kiosk":   {"强杀终端", "Kill the kiosk"},
		"demo.trick.office":  {"强杀后台", "Kill the back office"},
		"demo.trick.scanner": {"拔/插1号扫码枪", "Unplug or replug scanner 1"},
		"demo.trick.clock":   {"终端时钟跳一年/跳回", "The kiosk's clock jumps a year, or back"},
		"demo.trick.card":    {"复制存储卡/放回旧卡", "Copy the card, or put the copy back"},
		"demo.card.copied":   {"已复制存储卡。接着扫几次码，再按一次放回旧卡", "The card is copied. Scan something, then press again to put the old copy back"},
		"demo.card.back":     {"旧卡已放回。终端会发现自己倒退了：看“设备”页的告警", "The old copy runs. The kiosk finds out that it was rolled back: see the alarm under Devices"},
		"demo.count.owed":    {"已确认操作", "Acknowledged"},
		"demo.count.arrived": {"后台已有", "at the back office"},
		"demo.count.way":     {"在途", "on the way"},
		"demo.count.outbox":  {"待发事件", "events in the outbox"},
		"demo.count.lost":    {"丢失", "lost"},
		"demo.count.twice":   {"重复计数", "counted twice"},

		"demo.beep.good": {"嘀：已记录", "beep: recorded"},
		"demo.beep.bad":  {"嘟嘟：未接受，请看屏幕", "low beep: not taken, see the screen"},
	}
}
