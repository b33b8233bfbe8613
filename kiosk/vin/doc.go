// Package vin reads and checks what identifies a vehicle: the vehicle
// identification number (VIN, 车架号, ISO 3779 / GB 16735) and the number plate
// (号牌, GA 36).
//
// A VIN has 17 characters, digits and capital letters without I, O and Q:
//
//	L S V A A 4 1 8 2 E 2 1 8 4 9 3 1
//	└─WMI─┘ └───VDS───┘ └────VIS────┘
//	                └ position 9: check digit, 0–9 or X
//
// The check digit is compulsory in China (WMI begins with L) and North America
// (1–5). There a failing one asks a person to confirm; elsewhere it only
// advises, because the makers there may fill position 9 as they like. It misses
// about 8 % of single wrong characters and accepts seventeen equal ones, so a
// VIN of almost no different characters is refused whatever its check digit.
//
// Nothing is repaired silently. A letter I, O or Q is an error that names its
// position, never turned into 1 or 0. Changed are only letter case, full-width
// forms, the blanks around a code, and the I that a Code 39 label may carry
// before the VIN ([Finding].Stripped says so).
//
// A plate of unusual form is accepted and marked [Unusual]: vehicles with
// foreign, military or interim plates come in for service too.
//
// VINs and plates are personal data (DOMAIN §8): they print masked, so that a
// stray %v or a log line never shows one. string(v) is the whole. No error of
// this package contains more than the one character it complains about.
//
// The package is pure: no goroutines, no clock, standard library only.
package vin
