/*
 * Acts FreeBSD's libvmmapi on a Linux machine: as of FreeBSD 14, or with OLDER as before, when a virtual CPU was a number.
 * Every pointer is checked where the real library would use it, so that swapped arguments are seen.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

struct vmctx { int fd; int failing; char name[128]; };
struct vcpu { struct vmctx *ctx; int vcpuid; };

static int open_machines, open_cpus, attempts, refusal, entries = 3, broken_cpu, broken_names, swapped;

void stub_vmm_set(int code, int count) { refusal = code; entries = count; }
void stub_vmm_break(int cpu, int names) { broken_cpu = cpu; broken_names = names; }
int stub_vmm_open_machines(void) { return open_machines; }
int stub_vmm_open_cpus(void) { return open_cpus; }
int stub_vmm_attempts(void) { return attempts; }
int stub_vmm_swapped(void) { return swapped; }

struct vmctx *vm_open(const char *name)
{
	attempts++;
	if (refusal != 0) { errno = refusal; return NULL; }
	struct vmctx *ctx = calloc(1, sizeof *ctx);
	ctx->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	snprintf(ctx->name, sizeof ctx->name, "%s", name);
	open_machines++;
	return ctx;
}

int vm_get_device_fd(struct vmctx *ctx) { return ctx->fd; }

#ifdef WITH_CLOSE
void vm_close(struct vmctx *ctx)
{
	close(ctx->fd);
	free(ctx);
	open_machines--;
}
#endif

static uint64_t values[600];

static uint64_t *stats(int *count)
{
	if (entries < 0) { errno = ENXIO; return NULL; }
	for (int i = 0; i < 600; i++) values[i] = i == 0 ? UINT64_MAX : 1000 + (uint64_t)i;
	*count = entries;
	return values;
}

#ifdef OLDER
uint64_t *vm_get_stats(struct vmctx *ctx, int vcpu, void *time, int *count)
{
	if (vcpu != 0 || time != NULL || strncmp(ctx->name, "alba-", 5) != 0) swapped++;
	return stats(count);
}
#else
struct vcpu *vm_vcpu_open(struct vmctx *ctx, int vcpuid)
{
	if (broken_cpu) { errno = ENOMEM; return NULL; }
	struct vcpu *vcpu = calloc(1, sizeof *vcpu);
	vcpu->ctx = ctx;
	vcpu->vcpuid = vcpuid;
	open_cpus++;
	return vcpu;
}

void vm_vcpu_close(struct vcpu *vcpu) { free(vcpu); open_cpus--; }

uint64_t *vm_get_stats(struct vcpu *vcpu, void *time, int *count)
{
	if (vcpu->vcpuid != 0 || time != NULL || strncmp(vcpu->ctx->name, "alba-", 5) != 0) swapped++;
	return stats(count);
}
#endif

const char *vm_get_stat_desc(struct vmctx *ctx, int index)
{
	static char text[128]; /* one for all, as in the real one */
	if (strncmp(ctx->name, "alba-", 5) != 0) swapped++;
	if (broken_names) { errno = EINVAL; return NULL; }
	if (index == 0) strcpy(text, "Resident memory");
	else if (index == 1) strcpy(text, "Wired memory");
	else if (index == 2) memset(text, 'x', sizeof text); /* not terminated: longer than it may be */
	else snprintf(text, sizeof text, "counter %d", index);
	return text;
}
