/*
 * Acts the part of FreeBSD's C library that Albatross calls, on a Linux machine: every field has a value of its own, so
 * that one read from the wrong place is seen. Tests choose what happens by stub_set.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "layouts.h"

enum { SEE_OTHERS, CLOCK_STEP, RESTARTED, GROWING, OLD_KERNEL, REFUSING };
static int settings[8] = { [SEE_OTHERS] = 1 };

void stub_set(int key, int value) { settings[key] = value; }

enum { FULL = 100, REFUSED = 102, TRUNCATED = 103, OTHER_SIZE = 104, BAD_TIME = 105, ZOMBIE = 106 };

static const int64_t boot = 1700000000;

static void fill(struct fb_kinfo_proc *p, int pid)
{
	memset(p, 0xee, sizeof *p); /* what is not asked for must not be taken for anything */
	p->ki_structsize = pid == OTHER_SIZE ? 1000 : (int)sizeof *p;
	p->ki_pid = pid;
	p->ki_uid = pid == ZOMBIE ? 1001 : 0;
	p->ki_stat = pid == ZOMBIE ? 5 : 2;
	p->ki_size = 0x8000000000000001ull; /* counters are to be read as unsigned */
	p->ki_rssize = 1002;
	p->ki_tsize = 1003;
	p->ki_dsize = 1004;
	p->ki_ssize = 1005;
	p->ki_cow = 0xfffffff0u;
	p->ki_runtime = 1006007008ull;
	p->ki_start.tv_sec = boot + 60 + settings[CLOCK_STEP] + settings[RESTARTED];
	p->ki_start.tv_usec = pid == BAD_TIME ? 1000000000 : 999999999;
	struct fb_rusage *u = &p->ki_rusage;
	u->ru_utime = (struct fb_timeval){ 11, 12 };
	u->ru_stime = (struct fb_timeval){ 13, 14 };
	int64_t *counter = &u->ru_maxrss;
	for (int i = 0; i < 14; i++) counter[i] = 21 + i;
}

static int give(void *value, size_t *length, const void *bytes, size_t size)
{
	if (value == NULL) { *length = size; return 0; }
	if (*length < size) { errno = ENOMEM; return -1; }
	memcpy(value, bytes, size);
	*length = size;
	return 0;
}

static int fail(int code) { errno = code; return -1; }

static int process(int pid, void *value, size_t *length)
{
	struct fb_kinfo_proc p;
	switch (pid) {
	case FULL: case TRUNCATED: case OTHER_SIZE: case BAD_TIME: case ZOMBIE: break;
	case REFUSED: return fail(EPERM);
	default: return fail(ESRCH);
	}
	fill(&p, pid);
	return give(value, length, &p, pid == TRUNCATED ? 800 : sizeof p);
}

static int processes(void *value, size_t *length)
{
	static int extra; /* one more process each time, as long as it is wanted */
	struct fb_kinfo_proc all[300];
	int count = 2;
	if (settings[GROWING] != 0 && value == NULL) extra += settings[GROWING];
	if (settings[GROWING] == 0) extra = 0;
	count += value == NULL ? 0 : extra;
	if (count > 300) count = 300;
	for (int i = 0; i < count; i++) fill(&all[i], i == 0 ? FULL : i == 1 ? ZOMBIE : 200 + i);
	return give(value, length, all, count * sizeof all[0]);
}

static int interface(int index, void *value, size_t *length)
{
	struct fb_ifmibdata d;
	memset(&d, 0xee, sizeof d);
	memset(d.ifmd_name, 0, sizeof d.ifmd_name);
	switch (index) {
	case 7: strcpy(d.ifmd_name, "tap7"); break;
	case 8: strcpy(d.ifmd_name, "tap8"); break;
	case 9: strcpy(d.ifmd_name, "em0"); break; /* the index of tap9 is another one's now */
	case 10: strcpy(d.ifmd_name, "tap10"); break;
	default: return fail(ENOENT);
	}
	d.ifmd_flags = 0x8943;
	d.ifmd_snd_len = 101;
	d.ifmd_snd_maxlen = 102;
	d.ifmd_snd_drops = 103;
	d.ifmd_data.ifi_datalen = sizeof d.ifmd_data;
	d.ifmd_data.ifi_mtu = 1500;
	d.ifmd_data.ifi_metric = 104;
	uint64_t *counter = &d.ifmd_data.ifi_baudrate;
	for (int i = 0; i < 12; i++) counter[i] = 201 + i + (index == 8 ? 100 : 0);
	return give(value, length, &d, index == 10 ? 100 : sizeof d);
}

static const char environment[] = "PATH=/bin\0ALBATROSS_UNIKERNEL=id1/abc/:vm\0X=ALBATROSS_UNIKERNEL=no";
static const char arguments[] = "/usr/sbin/bhyve\0-A\0alba-17";

int sysctl(const int *name, unsigned words, void *value, size_t *length, const void *fresh, size_t fresh_length)
{
	if (fresh != NULL || fresh_length != 0) return fail(EPERM);
	if (words == 4 && name[0] == 1 && name[1] == 14 && name[2] == 1) return process(name[3], value, length);
	if (words == 3 && name[0] == 1 && name[1] == 14 && name[2] == 8) return processes(value, length);
	if (words == 4 && name[0] == 1 && name[1] == 14 && (name[2] == 7 || name[2] == 35)) {
		if (name[3] == REFUSED) return fail(EPERM);
		if (name[3] == ZOMBIE) return give(value, length, "", 0);
		if (name[3] != FULL) return fail(ESRCH);
		return name[2] == 7 ? give(value, length, arguments, sizeof arguments)
		                    : give(value, length, environment, sizeof environment);
	}
	if (words == 2 && name[0] == 1 && name[1] == 21) {
		struct fb_timeval t = { boot + settings[CLOCK_STEP], 500000 };
		return give(value, length, &t, sizeof t);
	}
	if (words == 2 && name[0] == 6 && name[1] == 3) { int cpus = 6; return give(value, length, &cpus, sizeof cpus); }
	if (words == 2 && name[0] == 6 && name[1] == 7) { int page = 4096; return give(value, length, &page, sizeof page); }
	if (words == 6 && name[0] == 4 && name[1] == 18 && name[2] == 0 && name[3] == 2 && name[5] == 1)
		return interface(name[4], value, length);
	return fail(ENOENT);
}

int sysctlbyname(const char *name, void *value, size_t *length, const void *fresh, size_t fresh_length)
{
	if (fresh != NULL || fresh_length != 0) return fail(EPERM);
	if (strcmp(name, "security.bsd.see_other_uids") == 0)
		return settings[OLD_KERNEL] ? fail(ENOENT) : give(value, length, &settings[SEE_OTHERS], sizeof(int));
	if (strcmp(name, "kern.boot_id") == 0)
		return give(value, length, "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10", 16);
	if (strcmp(name, "hw.availpages") == 0) {
		uint64_t pages = 0x180000001ull;
		return give(value, length, &pages, sizeof pages);
	}
	return fail(ENOENT);
}

unsigned if_nametoindex(const char *name)
{
	if (strcmp(name, "tap7") == 0) return 7;
	if (strcmp(name, "tap8") == 0) return 8;
	if (strcmp(name, "tap9") == 0) return 9;
	if (strcmp(name, "tap10") == 0) return 10;
	if (strcmp(name, "tap11") == 0) return 11; /* it goes away at once */
	errno = ENXIO;
	return 0;
}

struct fb_statvfs { uint64_t f_bavail, f_bfree, f_blocks, f_favail, f_ffree, f_files, f_bsize, f_flag, f_frsize, f_fsid, f_namemax; };

int statvfs(const char *path, struct fb_statvfs *s)
{
	if (strcmp(path, "/db/block") != 0) return fail(ENOENT);
	*s = (struct fb_statvfs){ 1, 2, 3000000000ull, 4, 5, 6, 32768, 8, 4096, 10, 11 };
	return 0;
}

/* kqueue: processes whose end a test announces. */
static struct { int pid, status, watched; } ends[100];
static int queues, signalled[8], reaped;

int kqueue(void) { queues++; return open("/dev/null", O_RDWR); }

int kevent(int queue, const struct fb_kevent *changes, int change_count, struct fb_kevent *events, int event_count, const void *timeout)
{
	if (fcntl(queue, F_GETFD) != FD_CLOEXEC) return fail(EBADF);
	for (int i = 0; i < change_count; i++) {
		const struct fb_kevent *c = &changes[i];
		if (c->filter != -5 || c->fflags != 0x80000000u || c->data != 0) return fail(EINVAL);
		int slot = -1;
		for (int k = 0; k < 100; k++) if (ends[k].watched && ends[k].pid == (int)c->ident) slot = k;
		if (c->flags == 0x2) {
			if (slot < 0) return fail(ENOENT);
			ends[slot].watched = 0;
			continue;
		}
		if (c->flags != 0x11) return fail(EINVAL);
		if (settings[REFUSING] != 0) return fail(settings[REFUSING]);
		for (int k = 0; slot < 0 && k < 100; k++) if (!ends[k].watched) slot = k;
		ends[slot].pid = (int)c->ident;
		ends[slot].watched = 1;
		ends[slot].status = -1;
	}
	int given = 0;
	for (int k = 0; k < 100 && given < event_count; k++) {
		if (!ends[k].watched || ends[k].status < 0) continue;
		memset(&events[given], 0xee, sizeof *events);
		events[given].ident = ends[k].pid;
		events[given].filter = -5;
		events[given].data = ends[k].status;
		ends[k].watched = 0; /* EV_ONESHOT */
		given++;
	}
	return given;
}

int stub_watched(void) { int n = 0; for (int k = 0; k < 100; k++) n += ends[k].watched; return n; }
int stub_queues(void) { return queues; }
void stub_end(int pid, int status) { for (int k = 0; k < 100; k++) if (ends[k].watched && ends[k].pid == pid) ends[k].status = status; }
int stub_signalled(int at) { return signalled[at]; }
int stub_reaped(void) { return reaped; }

int kill(int pid, int signal)
{
	if (settings[REFUSING] != 0) return fail(settings[REFUSING]);
	signalled[0] = pid;
	signalled[1] = signal;
	return 0;
}

int waitpid(int pid, int *status, int options)
{
	if (status == NULL && options == 1) reaped = pid;
	return pid;
}
