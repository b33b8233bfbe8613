#!/usr/bin/env python3
"""Draw the printer's glyphs from Noto Sans CJK and write glyphs.bin.gz.

    apt-get install fonts-noto-cjk python3-pil
    python3 mkglyphs.py            # Debian 12: fonts-noto-cjk 1:20220127

ASCII is 12x24 dots, GB 2312 and the GBK names below are 24x24, one bit a dot,
rows of 2 or 3 bytes, most significant bit left. The file, before gzip:

    uint16  count
    count x uint16  code: ASCII, or the two bytes of GB 18030, ascending
    count x 48 or 72 bytes  bitmap

All numbers are big-endian.
"""
import gzip
import struct
from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
WIDE, MONO = 2, 7  # Noto Sans CJK SC, Noto Sans Mono CJK SC
BASELINE, MONO_BASELINE = 21, 19  # Latin descenders need the room
# Hanzi of people's and places' names that GB 2312 lacks.
NAMES = "喆堃玥镕珺犇瑄昇晟珅淼翀烜煊煜炅旻昉昳暐曦瑀瑢璟琇珮玘玚珣瑨璇沄浠湉漪澔濬溁潆鋆鑫锜镭祎祺禛禩竑筱菡荃薹蘅芃苡婳娉婧媛姝姮嫄妤韫赟赪骉骎骁骐骢麒麟麴龑叡哿喆嘉囡圳垚堉塬奡孖尧屾峄崟嵚嵩嶷巍帡庹弢彧忞怿惇愔慜昊昇晞晗暄朎杺栩桢梽棽楒榕槿檀欢歆毓汧沅沚泓泫洺洳淏渌湜湲溦滢漵澍澴灏炆炘炜焜焱熠燊爻玎玗玟珂珏珩琎琦琨琪琬琮琰瑆瑜瑷璐璞璠瓒甯畇皓皞睿矞砚碁祗祯稷穆竞筠箐粲纮绎缨羿翊翎翙翮聿胤臻艾芊芮苒茗茜荑莘菁菀萱蓁蔚薇藜虔虢衎袆裎觊訾詠誉諴谞谦豫贇赜踔迦迪逯邈郗郦郯鄄鄞鄢酉釴钊钰钧铄铎锦锴锶镔镛阗隽雯霁霆霈靖韬韵頔颀颋飏馥骅魏鲲鸢鸿鹄麾黛黻"


def glyph(font, text, width, baseline):
    image = Image.new("1", (width, 24))
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"
    left = max(0, (width - round(font.getlength(text))) // 2)
    draw.text((left, baseline), text, fill=1, font=font, anchor="ls")
    return image.tobytes()


def main():
    wide = ImageFont.truetype(FONT, 24, index=WIDE)
    mono = ImageFont.truetype(FONT, 24, index=MONO)
    glyphs = {c: glyph(mono, chr(c), 12, MONO_BASELINE) for c in range(0x20, 0x7F)}
    chars = set(NAMES)
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                chars.add(bytes((high, low)).decode("gb2312"))
            except UnicodeDecodeError:
                pass
    chars.add("\uffe5")
    chars.add("\u25a1")
    for char in sorted(chars | {"\u00b7", "\u2014"}):
        code = char.encode("gb18030")
        if len(code) == 2:
            glyphs[int.from_bytes(code, "big")] = glyph(wide, char, 24, BASELINE)
    codes = sorted(glyphs)
    data = struct.pack(">H", len(codes))
    data += b"".join(struct.pack(">H", c) for c in codes)
    data += b"".join(glyphs[c] for c in codes)
    with open("glyphs.bin.gz", "wb") as file:
        file.write(gzip.compress(data, 9, mtime=0))
    print(len(codes), "glyphs,", len(data), "bytes")


main()
