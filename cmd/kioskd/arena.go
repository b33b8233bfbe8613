package main

// #include <malloc.h>
import "C"

// oneArena has SQLite take its memory from one arena of the C library. By default
// each thread that calls it may get one of its own, of which what is freed on one
// thread is no use to another: some 2 MB while a backlog drains. It comes before
// SQLite's first call.
func oneArena() { C.mallopt(C.M_ARENA_MAX, 1) }
