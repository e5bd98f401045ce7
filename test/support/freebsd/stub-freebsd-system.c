/*
 * Acts FreeBSD's C library for whole daemons on a Linux machine: requests that FreeBSD has of its own are translated to the
 * real processes and files here. What both systems have alike is the C library's of this machine.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "layouts.h"

extern int __xpg_strerror_r(int code, char *text, size_t length);

int *__error(void) { return __errno_location(); }
int strerror_r_freebsd(int code, char *text, size_t length) __asm__("strerror_r");
int strerror_r_freebsd(int code, char *text, size_t length) { return __xpg_strerror_r(code, text, length); }

int pthread_sigmask(int how, const sigset_t *set, sigset_t *former)
{
	/* FreeBSD counts from 1 */
	return syscall(SYS_rt_sigprocmask, how - 1, set, former, 8) == 0 ? 0 : errno;
}

int fcntl_freebsd(int descriptor, int command, long argument) __asm__("fcntl");
int fcntl_freebsd(int descriptor, int command, long argument)
{
	return syscall(SYS_fcntl, descriptor, command == 17 ? F_DUPFD_CLOEXEC : command, argument);
}

static int fail(int code) { errno = code; return -1; }

static int give(void *value, size_t *length, const void *bytes, size_t size)
{
	if (value == NULL) { *length = size; return 0; }
	if (*length < size) return fail(ENOMEM);
	memcpy(value, bytes, size);
	*length = size;
	return 0;
}

static ssize_t slurp(int pid, const char *file, char *bytes, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0) return fail(errno == ENOENT ? ESRCH : EPERM);
	ssize_t length = 0, more;
	while ((more = read(descriptor, bytes + length, size - length)) > 0) length += more;
	close(descriptor);
	return more < 0 ? fail(ESRCH) : length;
}

static int fill(struct fb_kinfo_proc *p, int pid)
{
	char text[4096], path[64];
	ssize_t length = slurp(pid, "stat", text, sizeof text - 1);
	struct stat status;
	snprintf(path, sizeof path, "/proc/%d", pid);
	if (length < 0 || stat(path, &status) != 0) return fail(ESRCH);
	text[length] = 0;
	char *rest = strrchr(text, ')') + 2;
	memset(p, 0, sizeof *p);
	p->ki_structsize = sizeof *p;
	p->ki_pid = pid;
	p->ki_uid = status.st_uid;
	p->ki_stat = *rest == 'Z' ? 5 : 2;
	for (int field = 3; field < 22; field++) rest = strchr(rest, ' ') + 1;
	int64_t ticks = atoll(rest);
	p->ki_start = (struct fb_timeval){ 1700000000 + ticks / 100, ticks % 100 * 10000 };
	p->ki_size = 4096;
	return 0;
}

int sysctl(const int *name, unsigned words, void *value, size_t *length, const void *fresh, size_t fresh_length)
{
	static char bytes[1 << 20];
	if (words == 4 && name[1] == 14 && name[2] == 1) {
		struct fb_kinfo_proc p;
		return fill(&p, name[3]) != 0 ? -1 : give(value, length, &p, sizeof p);
	}
	if (words == 4 && name[1] == 14 && (name[2] == 7 || name[2] == 35)) {
		ssize_t size = slurp(name[3], name[2] == 7 ? "cmdline" : "environ", bytes, sizeof bytes);
		return size < 0 ? -1 : give(value, length, bytes, size);
	}
	if (words == 3 && name[1] == 14 && name[2] == 8) {
		size_t count = 0;
		struct fb_kinfo_proc *all = calloc(4096, sizeof *all);
		DIR *folder = opendir("/proc");
		for (struct dirent *entry; (entry = readdir(folder)) != NULL && count < 4096;)
			if (atoi(entry->d_name) > 0 && fill(&all[count], atoi(entry->d_name)) == 0) count++;
		closedir(folder);
		int made = give(value, length, all, count * sizeof *all);
		free(all);
		return made;
	}
	if (words == 2 && name[0] == 1 && name[1] == 21) {
		struct fb_timeval boot = { 1700000000, 0 };
		return give(value, length, &boot, sizeof boot);
	}
	if (words == 2 && name[0] == 6) {
		int number = name[1] == 3 ? 2 : 4096;
		return give(value, length, &number, sizeof number);
	}
	return fail(ENOENT);
}

int sysctlbyname(const char *name, void *value, size_t *length, const void *fresh, size_t fresh_length)
{
	uint64_t pages = 1 << 20;
	if (strcmp(name, "kern.boot_id") == 0) return give(value, length, "0123456789abcdef", 16);
	if (strcmp(name, "hw.availpages") == 0) return give(value, length, &pages, sizeof pages);
	return fail(ENOENT);
}

struct fb_statvfs { uint64_t f_bavail, f_bfree, f_blocks, f_favail, f_ffree, f_files, f_bsize, f_flag, f_frsize, f_fsid, f_namemax; };
int statvfs_freebsd(const char *path, struct fb_statvfs *s) __asm__("statvfs");
int statvfs_freebsd(const char *path, struct fb_statvfs *s)
{
	struct statvfs real;
	if (statvfs64(path, (struct statvfs64 *)&real) != 0) return -1;
	memset(s, 0, sizeof *s);
	s->f_blocks = real.f_blocks;
	s->f_frsize = real.f_frsize;
	return 0;
}

/* There are no interfaces but one bridge. */
int socket(int domain, int type, int protocol) { return open("/dev/null", O_RDWR | O_CLOEXEC); }
int ioctl(int descriptor, unsigned long request, void *argument)
{
	struct fb_ifgroupreq *r = argument;
	if (request != 0xc028698aul) return fail(ENXIO);
	if (strcmp(r->ifgr_name, "bridge") != 0) return fail(ENOENT);
	if (r->ifgr_len != 0) strcpy(r->ifgr_groups[0], "service");
	r->ifgr_len = 16;
	return 0;
}

/* A queue holds descriptors of processes that shall end. */
static struct { int pid, descriptor; } watched[256];

int kqueue(void) { return open("/dev/null", O_RDWR); }

int kevent(int queue, const struct fb_kevent *changes, int change_count, struct fb_kevent *events, int event_count, const void *timeout)
{
	for (int i = 0; i < change_count; i++) {
		int slot = 0;
		while (watched[slot].pid != 0 && watched[slot].pid != (int)changes[i].ident) slot++;
		if (changes[i].flags == 2) { close(watched[slot].descriptor); watched[slot].pid = -1; continue; }
		int descriptor = syscall(SYS_pidfd_open, (int)changes[i].ident, 0);
		if (descriptor < 0) return fail(ESRCH);
		watched[slot].pid = changes[i].ident;
		watched[slot].descriptor = descriptor;
	}
	int given = 0;
	for (int slot = 0; slot < 256 && given < event_count; slot++) {
		if (watched[slot].pid <= 0) continue;
		struct fb_kinfo_proc p;
		if (fill(&p, watched[slot].pid) == 0 && p.ki_stat != 5) continue;
		memset(&events[given], 0, sizeof *events);
		events[given].ident = watched[slot].pid;
		events[given++].data = 9;
		close(watched[slot].descriptor);
		watched[slot].pid = -1;
	}
	return given;
}
