package words

// healthWords say what is wrong with a board, what it means for the shop, and
// what to do.
func healthWords() map[Key]Pair {
	return map[Key]Pair{
		"health.journal.refused":  {"无法保存:扫码会被拒绝。请查看磁盘是否已满或损坏", "Nothing can be recorded, scans are refused. See whether the disk is full or failing"},
		"health.journal.damaged":  {"发现记录文件损坏。请立即备份,更换存储卡后重启", "Damage was found in the records. Back up now, replace the card, start again"},
		"health.journal.lost":     {"记录文件曾损坏,部分记录已无法找回。请更换存储卡,损坏的文件已另存", "The records were damaged and some are gone for good. Replace the card; the damaged file is set aside"},
		"health.journal.salvaged": {"记录文件曾损坏,已全部找回。请更换存储卡", "The records were damaged and all of them were saved. Replace the card"},
		"health.journal.snapshot": {"快照与记录不符,已重做,记录无误。再次出现请更换存储卡", "A snapshot did not match the records and was made anew; the records are right. If it happens again, replace the card"},
		"health.disk.full":        {"磁盘已满,正在使用预留空间。数据安全,请今天清理磁盘", "The disk is full and the reserve is in use. Data is safe; make room today"},
		"health.disk.low":         {"磁盘空间不足", "Little room is left on the disk"},
		"health.scanner.down":     {"扫码枪 {0} 不工作。请检查电源和接线", "Scanner {0} does not work. Check its power and cable"},
		"health.lamp.down":        {"{0} 不工作,状态请看屏幕", "{0} does not work; the screens show the state"},
		"health.device.down":      {"{0} 不工作", "{0} does not work"},
		"health.printer.paper":    {"打印机 {0} 缺纸。扫码照常记录,换纸后补打", "Printer {0} has no paper. Scans are recorded as ever, and tickets are printed once there is paper"},
		"health.printer.cover":    {"打印机 {0} 的盖子没有关好。扫码照常记录,关好后补打", "The cover of printer {0} is open. Scans are recorded as ever, and tickets are printed once it is closed"},
		"health.printer.down":     {"打印机 {0} 不工作。扫码照常记录,恢复后补打", "Printer {0} does not work. Scans are recorded as ever, and tickets are printed once it is back"},
		"health.broker.away":      {"与消息服务器断开。记录保存在本机,恢复后自动发送", "There is no connection to the broker. Records are kept here and sent once it is back"},
		"health.office.away":      {"后台没有就绪。记录保存在本机,恢复后自动发送", "The back office is not ready. Records are kept here and sent once it is back"},
		"health.receipts.late":    {"后台在线,但超过五分钟没有确认收到。记录保存在本机,请查看后台", "The back office is there and has acknowledged nothing for five minutes. Records are kept here; look at the back office"},
	}
}
