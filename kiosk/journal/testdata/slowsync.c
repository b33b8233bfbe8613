/* Makes every sync of a process take SLOWSYNC_US microseconds longer, as one of
   an SD card does; see "Figures" in DESIGN.md. Build and use:

     cc -shared -fPIC -o slowsync.so slowsync.c -ldl
     SLOWSYNC_US=5000 LD_PRELOAD=./slowsync.so program

   Nothing else is changed: the data goes where it went before. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_card(void) {
	const char *us = getenv("SLOWSYNC_US");
	if (us != NULL)
		usleep((useconds_t)atoi(us));
}

int fsync(int fd) {
	static int (*real)(int);
	if (real == NULL)
		real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	wait_for_card();
	return real(fd);
}

int fdatasync(int fd) {
	static int (*real)(int);
	if (real == NULL)
		real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	wait_for_card();
	return real(fd);
}
