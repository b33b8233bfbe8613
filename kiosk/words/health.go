package words

// healthWords say what is wrong with a board, what it means for the shop, and
// what to do.
func healthWords() map[Key]Pair {
	return map[Key]Pair{
		"health.starting":               {"正在启动：正在读取记录，读完后才能使用", "Starting: the records are being read; it can be used when that is done"},
		"health.journal.refused":        {"无法保存：扫码会被拒绝。请查看磁盘是否已满；如果没有满，请关机再开机", "Nothing can be recorded, scans are refused. See whether the disk is full; if it is not, switch the board off and on"},
		"health.journal.damaged":        {"发现记录文件损坏。请立即备份，更换存储卡后重启", "Damage was found in the records. Back up now, replace the card, start again"},
		"health.journal.lost":           {"终端 {0} 的记录文件曾损坏，部分记录已无法找回：{1}。请对照那段时间的工单和纸质单据，把后台也没有的业务在服务顾问台补录；并请更换存储卡，损坏的文件已另存", "The records of board {0} were damaged and some are gone for good: {1}. From the job cards and paper of that time, enter again at the desk what the back office does not have either. Replace the card; the damaged file is set aside"},
		"health.journal.salvaged":       {"记录文件曾损坏，已全部找回。请更换存储卡", "The records were damaged and all of them were saved. Replace the card"},
		"health.journal.snapshot":       {"快照与记录不符，已重做，记录无误。再次出现请更换存储卡", "A snapshot did not match the records and was made anew; the records are right. If it happens again, replace the card"},
		"health.disk.full":              {"磁盘已满，正在使用预留空间。数据安全，请今天清理磁盘", "The disk is full and the reserve is in use. Data is safe; make room today"},
		"health.disk.low":               {"磁盘空间不足", "Little room is left on the disk"},
		"health.scanner.down":           {"扫码枪 {0} 不工作。请检查电源和接线", "Scanner {0} does not work. Check its power and cable"},
		"health.lamp.down":              {"{0} 不工作，状态请看屏幕", "{0} does not work; the screens show the state"},
		"health.device.down":            {"{0} 不工作", "{0} does not work"},
		"health.printer.paper":          {"打印机 {0} 缺纸。扫码照常记录，换纸后补打", "Printer {0} has no paper. Scans are recorded as ever, and tickets are printed once there is paper"},
		"health.printer.cover":          {"打印机 {0} 的盖子没有关好。扫码照常记录，关好后补打", "The cover of printer {0} is open. Scans are recorded as ever, and tickets are printed once it is closed"},
		"health.printer.down":           {"打印机 {0} 不工作。扫码照常记录，恢复后补打", "Printer {0} does not work. Scans are recorded as ever, and tickets are printed once it is back"},
		"health.broker.away":            {"与消息服务器断开。记录保存在本机，恢复后自动发送", "There is no connection to the broker. Records are kept here and sent once it is back"},
		"health.office.away":            {"后台没有就绪。记录保存在本机，恢复后自动发送", "The back office is not ready. Records are kept here and sent once it is back"},
		"office.health.disk.low":        {"后台磁盘空间不足", "Little room is left on the disk of the back office"},
		"office.health.ledger.refused":  {"后台无法保存。各终端的记录留在本机，恢复后自动发送；后台上的登记和更正暂不可用。请查看磁盘或数据库", "The back office can record nothing. Boards keep their records and send them once it can; nothing can be stated or corrected here until then. Look at the disk or the database"},
		"office.health.boards.losing":   {"{0} 台终端正在丢失数据。请查看终端页面", "{0} boards are losing data. Look at the page of boards"},
		"office.health.broker.gone":     {"{0} 个门店与消息服务器断开。各终端的记录留在本机，恢复后自动发送", "{0} stores have no connection to the broker. Boards keep their records and send them once it is back"},
		"office.health.boards.silent":   {"{0} 台终端没有消息。它们的记录留在本机", "{0} boards are not heard. They keep their records"},
		"office.health.events.missing":  {"缺少 {0} 条记录，终端会补发", "{0} records are missing; the boards send them again"},
		"office.health.clock.unsure":    {"后台的时钟没有同步", "The clock of the back office is not synchronised"},
		"office.health.retention.waits": {"时钟有疑问，到期的个人信息没有删除。请确认：baylight erase --list", "The clock is in doubt, so personal data that grew old is not removed. Confirm: baylight erase --list"},
		"office.health.backup.old":      {"最近三天没有备份", "There is no backup of the last three days"},
		"health.receipts.late":          {"后台在线，但超过五分钟没有确认收到。记录保存在本机，请查看后台", "The back office is there and has acknowledged nothing for five minutes. Records are kept here; look at the back office"},

		// How many records are gone and when they were made.
		"lost.between":        {"{1} 至 {2} 之间 {0} 条", "{0} between {1} and {2}"},
		"lost.before":         {"{1} 之前 {0} 条", "{0} before {1}"},
		"lost.since":          {"{1} 以后 {0} 条", "{0} since {1}"},
		"lost.between.unsure": {"大约 {1} 至 {2} 之间 {0} 条（时间不确定）", "{0} between about {1} and {2} (time uncertain)"},
		"lost.before.unsure":  {"大约 {1} 之前 {0} 条（时间不确定）", "{0} before about {1} (time uncertain)"},
		"lost.since.unsure":   {"大约 {1} 以后 {0} 条（时间不确定）", "{0} since about {1} (time uncertain)"},
		"lost.unknown":        {"{0} 条，时间不明", "{0} at an unknown time"},
		"lost.more":           {"另外还有 {0} 条", "{0} more"},
	}
}
