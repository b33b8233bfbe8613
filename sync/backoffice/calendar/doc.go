// Package calendar knows public holidays and the weekend days worked in exchange,
// year by year, as they were published. The data are files in the program: one a
// year, with the notice they were copied from. They are decided anew each autumn
// and cannot be computed, so a year without a file is unknown: its days keep the
// store's hours, and figures that depend on working days say that they are not
// known ([kiosk.Calendar] Known) and do not guess.
//
// To add a year, copy the notice into cn/<year>.txt:
//
//	holiday FIRST [LAST] NAME   days off
//	workday DAY NAME            a weekend day worked in exchange
//
// The package is pure; days are store-local dates, yyyy-mm-dd.
package calendar
