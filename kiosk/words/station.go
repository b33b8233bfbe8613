package words

// stationWords are the texts of a station that cannot do what was decided.
func stationWords() map[Key]Pair {
	return map[Key]Pair{
		"alarm.rolled_back":      {"本机的记录与后台不符：存储卡被复制，或恢复了旧的记录。已另起一段记录，没有丢失也不会重复计数；请找出另一块板或旧卡，并通知管理员", "This board's records do not match the back office: its card was copied, or an old copy was put back. It goes on in a new run of records, nothing is lost or counted twice; find the other board or the old card and tell the administrator"},
		"alarm.other_history":    {"后台有本机编号的其他记录：换了新卡，或另有一块板使用同一编号。请通知管理员核对", "The back office has other records under this board's name: a new card was put in, or another board uses the same name. Tell the administrator"},
		"alarm.clock_unset":      {"时间未校准：开机后没有任何时间来源。照常扫码即可，校准后记录的时间会自动更正；请接通网络，或由管理员设置时间", "The time is not set: nothing has told this board the time since it started. Go on scanning, recorded times are corrected once it is set; connect the network, or have the administrator set the time"},
		"alarm.clock_lost":       {"时间已超过一天没有校准，可能有偏差。照常扫码即可；请检查网络和时间服务器", "Nobody has confirmed the time for more than a day, it may be off. Go on scanning; check the network and the time server"},
		"alarm.clock_jump":       {"系统时间突然跳变，未予采用，本机按开机后的时长继续计时。照常扫码即可；请管理员检查时间服务器", "The system's clock jumped and is not followed, this board goes on by the time since it started. Go on scanning; ask the administrator to check the time server"},
		"alarm.certificate":      {"本机的证书有问题，无法与后台安全连接。照常扫码即可，数据不会丢失；请通知管理员", "Something is wrong with this board's certificate, the back office cannot be reached safely. Go on scanning, nothing is lost; tell the administrator"},
		"alarm.certificate_time": {"时间未校准，证书的有效期只能部分核对；校准后自动完整核对。照常扫码即可", "The time is not set, so how long certificates hold is checked in part; it is checked in full once it is set. Go on scanning"},
		"alarm.office_says":      {"后台发来的人员或门店设置有误，未予采用，本机按原有设置继续工作。请通知管理员", "What the back office says of staff or setup cannot be right and was not taken; this board goes on with what it had. Tell the administrator"},
		"alarm.staff_local":      {"本机人员文件中有人不在后台名单内，不能登录或刷工牌。请在后台添加，或从文件中删除", "Somebody stands in this board's staff file whom the back office does not name: they cannot sign in and their badge does not open. Add them at the back office, or take them out of the file"},
		"alarm.twin":             {"另一块板正在使用本机的编号。两块板都会继续记录，没有丢失；请通知管理员给其中一块改编号", "Another board is using this board's name. Both keep recording and nothing is lost; ask the administrator to rename one"},
		"station.not_recorded":   {"未能保存，请再扫一次；仍不行请叫主管", "Not saved. Scan again; if it fails again, call the supervisor"},
	}
}
