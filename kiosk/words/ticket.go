package words

// ticketWords are the texts of this room.
func ticketWords() map[Key]Pair {
	return map[Key]Pair{
		"ticket.genuine": {"真票：{0}，{1}，进站码 {2}", "Genuine: {0} of {1}, visit code {2}"},
		"ticket.forged":  {"伪造的小票：签名不符，请勿凭此交车", "Forged: the signature does not match. Do not hand over a car for it"},
		"ticket.foreign": {"不是本店的小票：签名密钥未知", "Not of this store: signed with a key that is not known here"},
		"ticket.noform":  {"这不是小票上的二维码", "Not a ticket's QR code"},

		"ticket.copy":       {"补打", "COPY"},
		"ticket.queue":      {"进站排队单", "Service ticket"},
		"ticket.yournumber": {"您的号码", "Your number"},
		"ticket.waiting":    {"在店等候", "Waiting in the store"},
		"ticket.leaving":    {"离店，稍后取车", "Coming back later"},
		"ticket.arrived":    {"到店 {0}", "Arrived {0}"},

		"ticket.unconfirmed": {"交车时间：待服务顾问确认", "Ready time: adviser confirms"},
		"ticket.keep":        {"请保管此票，取车时扫描", "Keep this ticket for pick-up"},

		"ticket.jobcard":       {"施工单", "Job card"},
		"ticket.jobcard.added": {"施工单（追加项目）", "Job card (added items)"},
		"ticket.promise":       {"约定交车时间", "Promised for"},
		"ticket.item":          {"{0} {1}/{2} {3}分钟", "{0} {1}/{2} {3} min"},
		"ticket.nocode":        {"无条码：请扫上方进站码", "No code: scan the visit's code"},
		"ticket.adviser":       {"服务顾问 {0}", "Adviser {0}"},
		"ticket.consent":       {"客户同意：{0}", "Consent: {0}"},

		"ticket.promiseslip":  {"交车时间单", "Promise slip"},
		"ticket.revised":      {"新的约定交车时间", "Newly promised for"},
		"ticket.was":          {"原约定 {0}", "Before: {0}"},
		"ticket.reason":       {"原因：{0}", "Reason: {0}"},
		"ticket.consented":    {"客户已同意", "The customer agreed"},
		"ticket.notconsented": {"客户尚未同意", "The customer has not agreed yet"},
		"ticket.issued":       {"开具时间", "Issued"},

		"ticket.delivery":  {"交车单", "Delivery slip"},
		"ticket.delivered": {"交车 {0}", "Handed over {0}"},
		"ticket.thanks":    {"祝您一路平安", "Have a safe journey"},

		"ticket.date":      {"{0}月{1}日", "{0}-{1}"},
		"ticket.weekday.0": {"星期日", "Sunday"},
		"ticket.weekday.1": {"星期一", "Monday"},
		"ticket.weekday.2": {"星期二", "Tuesday"},
		"ticket.weekday.3": {"星期三", "Wednesday"},
		"ticket.weekday.4": {"星期四", "Thursday"},
		"ticket.weekday.5": {"星期五", "Friday"},
		"ticket.weekday.6": {"星期六", "Saturday"},

		"ticket.test":       {"打印测试", "Printer test"},
		"ticket.name":       {"我是打印机", "This printer is"},
		"ticket.test.size":  {"字号 {0}", "Size {0}"},
		"ticket.test.left":  {"左对齐", "Left"},
		"ticket.test.right": {"右对齐", "Right"},

		"consent.signature": {"签字", "signature"},
		"consent.phone":     {"电话", "phone"},
		"consent.message":   {"短信/微信", "message"},
		"consent.other":     {"其他", "other"},
	}
}
