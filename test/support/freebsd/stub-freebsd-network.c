/*
 * Acts the interface requests of FreeBSD's kernel on a Linux machine: a table of interfaces, changed by the requests that
 * Albatross makes. Destroying is ifconfig's, another program: it leaves a file with the name of the interface.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "layouts.h"

#define SIOCIFCREATE2 0xc020697cul
#define SIOCGIFMEMB 0xc028698aul
#define SIOCSDRVSPEC 0x8028697bul
#define SIOCGIFFLAGS 0xc0206911ul
#define SIOCSIFFLAGS 0x80206910ul
#define SIOCGIFDESCR 0xc020692aul
#define SIOCSIFDESCR 0x80206929ul
enum { FB_ENOMSG = 83 };

struct interface { char name[16], group[16], bridge[16], description[1100]; int16_t flags[2]; int used; };
static struct interface table[64];
static char directory[256];
static unsigned long failing; /* this request fails, after as many as `countdown` did not */
static int failure, countdown, growing;

static int fail(int code) { errno = code; return -1; }

static struct interface *find(const char *name)
{
	char path[300];
	for (int i = 0; i < 64; i++) {
		if (!table[i].used || strncmp(table[i].name, name, 16) != 0) continue;
		snprintf(path, sizeof path, "%s/%.15s", directory, name);
		if (access(path, F_OK) != 0) return &table[i];
		unlink(path);
		table[i].used = 0;
	}
	return NULL;
}

static struct interface *make(const char *name, const char *group)
{
	for (int i = 0; i < 64; i++) {
		if (table[i].used) continue;
		memset(&table[i], 0, sizeof table[i]);
		table[i].used = 1;
		snprintf(table[i].name, 16, "%s", name);
		snprintf(table[i].group, 16, "%s", group);
		table[i].flags[0] = 0x0802;
		table[i].flags[1] = 0x0002;
		return &table[i];
	}
	abort();
}

void stub_net_reset(const char *where)
{
	memset(table, 0, sizeof table);
	snprintf(directory, sizeof directory, "%s", where);
	failing = 0;
	growing = 0;
}
void stub_net_add(const char *name, const char *group) { make(name, group); }
void stub_net_remove(const char *name) { struct interface *i = find(name); if (i != NULL) i->used = 0; }
void stub_net_fail(unsigned long request, int code, int after) { failing = request; failure = code; countdown = after; }
void stub_net_grow(int times) { growing = times; }
void stub_net_describe(const char *name, const char *text)
{
	snprintf(find(name)->description, sizeof table[0].description, "%s", text);
}
int stub_net_flags(const char *name) { struct interface *i = find(name); return i == NULL ? -1 : (uint16_t)i->flags[0] | i->flags[1] << 16; }
const char *stub_net_bridge(const char *name) { struct interface *i = find(name); return i == NULL ? "" : i->bridge; }
const char *stub_net_description(const char *name) { struct interface *i = find(name); return i == NULL ? "" : i->description; }

int socket(int domain, int type, int protocol)
{
	if (domain != 1 || type != (2 | 0x10000000) || protocol != 0) return fail(EINVAL);
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int members(struct fb_ifgroupreq *r)
{
	uint32_t count = 0;
	for (int i = 0; i < 64; i++) if (table[i].used && find(table[i].name) && strcmp(table[i].group, r->ifgr_name) == 0) count++;
	if (count == 0) return fail(ENOENT);
	if (r->ifgr_len == 0) { r->ifgr_len = count * 16; return 0; }
	if (growing > 0) {
		char name[16];
		snprintf(name, 16, "grown%d", growing--);
		make(name, r->ifgr_name);
		count++;
	}
	if (r->ifgr_len < count * 16) return fail(EINVAL);
	r->ifgr_len = count * 16;
	for (int i = 0, at = 0; i < 64; i++)
		if (table[i].used && strcmp(table[i].group, r->ifgr_name) == 0) memcpy(r->ifgr_groups[at++], table[i].name, 16);
	return 0;
}

static int attach(struct fb_ifdrv *d)
{
	struct fb_ifbreq *r = d->ifd_data;
	struct interface *bridge = find(d->ifd_name);
	if (bridge == NULL) return fail(ENXIO);
	if (d->ifd_cmd != 0 || d->ifd_len != sizeof *r || strcmp(bridge->group, "bridge") != 0) return fail(EINVAL);
	struct interface *member = find(r->ifbr_ifsname);
	if (member == NULL) return fail(ENOENT);
	for (size_t i = 16; i < sizeof *r; i++) if (((char *)r)[i] != 0) return fail(EINVAL);
	if (member->bridge[0] != 0) return fail(EBUSY);
	memcpy(member->bridge, bridge->name, 16);
	return 0;
}

static int create(struct fb_ifreq *r)
{
	char name[16];
	for (int i = 0; i < 16; i++) if (r->ifr_bytes[i] != 0) return fail(EINVAL);
	if (strcmp(r->ifr_name, "tap") != 0) return fail(EINVAL);
	for (int number = 0;; number++) {
		snprintf(name, 16, "tap%d", number);
		if (find(name) == NULL) break;
	}
	make(name, "tap");
	memcpy(r->ifr_name, name, 16);
	return 0;
}

int ioctl(int descriptor, unsigned long request, void *argument)
{
	if (fcntl(descriptor, F_GETFD) < 0) return fail(EBADF);
	if (request == failing && countdown-- == 0) return fail(failure);
	struct fb_ifreq *r = argument;
	if (request == SIOCGIFMEMB) return members(argument);
	if (request == SIOCSDRVSPEC) return attach(argument);
	if (request == SIOCIFCREATE2) return create(argument);
	struct interface *i = find(r->ifr_name);
	if (i == NULL) return fail(ENXIO);
	switch (request) {
	case SIOCGIFFLAGS: memcpy(r->ifr_flags, i->flags, 4); return 0;
	case SIOCSIFFLAGS: memcpy(i->flags, r->ifr_flags, 4); return 0;
	case SIOCSIFDESCR:
		if (r->ifr_buffer.length > 1024) return fail(ENAMETOOLONG);
		memcpy(i->description, r->ifr_buffer.buffer, r->ifr_buffer.length);
		return 0;
	case SIOCGIFDESCR:
		if (i->description[0] == 0) return fail(FB_ENOMSG);
		if (r->ifr_buffer.length < strlen(i->description) + 1) r->ifr_buffer.buffer = NULL;
		else strcpy(r->ifr_buffer.buffer, i->description);
		r->ifr_buffer.length = strlen(i->description) + 1;
		return 0;
	}
	return fail(EINVAL);
}
