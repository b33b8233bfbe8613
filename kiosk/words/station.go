package words

// stationWords are the texts of a station that cannot do what was decided.
func stationWords() map[Key]Pair {
	return map[Key]Pair{
		"alarm.rolled_back":    {"本机的记录与后台不符:存储卡被复制,或恢复了旧的记录。已另起一段记录,没有丢失也不会重复计数;请找出另一块板或旧卡,并通知管理员", "This board's records do not match the back office: its card was copied, or an old copy was put back. It goes on in a new run of records, nothing is lost or counted twice; find the other board or the old card and tell the administrator"},
		"alarm.other_history":  {"后台有本机编号的其他记录:换了新卡,或另有一块板使用同一编号。请通知管理员核对", "The back office has other records under this board's name: a new card was put in, or another board uses the same name. Tell the administrator"},
		"alarm.twin":           {"另一块板正在使用本机的编号。两块板都会继续记录,没有丢失;请通知管理员给其中一块改编号", "Another board is using this board's name. Both keep recording and nothing is lost; ask the administrator to rename one"},
		"station.not_recorded": {"未能保存,请再扫一次;仍不行请叫主管", "Not saved. Scan again; if it fails again, call the supervisor"},
	}
}
