/*
 * What the test unikernels share: notes, start, console, time, devices, command line.
 *
 * One source compiles for both targets: with -DHVT a request to the host is an `out` instruction with the address of an
 * argument structure, with -DSPT it is a Linux system call. Everything is static: each unikernel is one compilation unit.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long u64;
typedef long i64;
typedef _Bool bool;

enum { OK = 0, AGAIN = 1, INVALID = 2, UNSPECIFIED = 3 };
enum { DEVICE_BLOCK = 1, DEVICE_NET = 2, DEVICE_RESERVED_FIRST = 0x40000000 };

/* A manifest entry, in the note and (with the last fields filled in by the tender) in the guest's memory. */
struct device {
  char name[68];
  u32 type;
  union {
    struct {
      u64 capacity;
      u16 sector;
    } block;
    struct {
      u8 mac[6];
      u16 mtu;
    } net;
    u64 words[2];
  } u;
  u64 host;
  u8 attached;
  u8 padding[7];
};

struct manifest {
  u32 version;
  u32 entries;
  struct device device[];
};

struct note_header {
  u32 name_size;
  u32 descriptor_size;
  u32 type;
  char name[8];
};

struct boot_info {
  u64 memory_size;
  u64 kernel_end;
#ifdef HVT
  u64 cycle_frequency;
#endif
  const char *command_line;
  const struct manifest *manifest;
#ifdef SPT
  i32 epoll;
  i32 timer;
#endif
};

#ifdef HVT
#define ABI_TARGET 1
#else
#define ABI_TARGET 2
#endif
#define ABI_VERSION 2

/* Only the section, not the contents, decides that these are notes. */
#define NOTE(name) __attribute__((section(name), used, aligned(4)))

static const struct {
  struct note_header header;
  u32 target, version, reserved[2];
} abi_note NOTE(".note.solo5.abi") = {
    {6, 16, 0x31494241, "Solo5"}, ABI_TARGET, ABI_VERSION, {0, 0}};

/* Declares the devices: MANIFEST(2, NET("service"), BLOCK("storage")). Device i has the handle i, from 1. */
#define NET(device_name) {.name = device_name, .type = DEVICE_NET}
#define BLOCK(device_name) {.name = device_name, .type = DEVICE_BLOCK}
#define MANIFEST(count, ...)                                                                     \
  static const struct {                                                                          \
    struct note_header header;                                                                   \
    u32 padding, version, entries;                                                               \
    struct device device[(count) + 1];                                                           \
  } manifest_note NOTE(".note.solo5.manifest") = {                                               \
      {6, 12 + 104 * ((count) + 1), 0x3154464d, "Solo5"}, 0, 1, (count) + 1,                     \
      {{.type = DEVICE_RESERVED_FIRST}, __VA_ARGS__}};

/* The compiler may call these for copies and initialisations of its own. */
void *memset(void *at, int value, u64 count) {
  for (u64 i = 0; i < count; i++) ((u8 *)at)[i] = (u8)value;
  return at;
}
void *memcpy(void *restrict to, const void *restrict from, u64 count) {
  for (u64 i = 0; i < count; i++) ((u8 *)to)[i] = ((const u8 *)from)[i];
  return to;
}

static const struct boot_info *boot;

/* Initialised, so that the data segment has bytes in the file: a segment without any is not loaded, nor its .bss. */
static volatile u32 present_in_file __attribute__((used)) = 1;

/* ---- requests to the host ---- */

#ifdef HVT

static void hypercall(u16 number, const volatile void *argument) {
  __asm__ volatile("outl %0, %1" ::"a"((u32)(u64)argument), "d"((u16)(0x500 + number)) : "memory");
}

static u64 walltime(void) {
  volatile struct { u64 nanoseconds; } call = {0};
  hypercall(1, &call);
  return call.nanoseconds;
}

static void put(const char *bytes, u64 count) {
  volatile struct { u64 address, count; } call = {(u64)bytes, count};
  hypercall(2, &call);
}

/* Waits at most so many nanoseconds for a network; gives the set of ready handles. */
static u64 wait(u64 nanoseconds) {
  volatile struct { u64 timeout, ready; i32 count; u32 padding; } call = {nanoseconds, 0, 0, 0};
  hypercall(3, &call);
  return call.ready;
}

static i32 block_request(u16 number, u64 handle, u64 offset, const void *bytes, u64 count) {
  volatile struct { u64 handle, offset, address, count; i32 result; u32 padding; } call = {
      handle, offset, (u64)bytes, count, -1, 0};
  hypercall(number, &call);
  return call.result;
}
static i32 block_write(u64 handle, u64 offset, const void *bytes, u64 count) {
  return block_request(4, handle, offset, bytes, count);
}
static i32 block_read(u64 handle, u64 offset, void *bytes, u64 count) {
  return block_request(5, handle, offset, bytes, count);
}

static i32 net_request(u16 number, u64 handle, const void *bytes, u64 *count) {
  volatile struct { u64 handle, address, count; i32 result; u32 padding; } call = {handle, (u64)bytes, *count, -1, 0};
  hypercall(number, &call);
  *count = call.count;
  return call.result;
}
static i32 net_write(u64 handle, const void *frame, u64 count) { return net_request(6, handle, frame, &count); }
/* count: in the room, out the size of the frame. */
static i32 net_read(u64 handle, void *frame, u64 *count) { return net_request(7, handle, frame, count); }

static void __attribute__((noreturn)) halt(i32 status) {
  volatile struct { u64 cookie; i32 status; u32 padding; } call = {0, status, 0};
  hypercall(8, &call);
  for (;;) {
  }
}

#else

static i64 system_call(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  i64 result;
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static u64 walltime(void) {
  volatile struct { u64 seconds, nanoseconds; } now = {0, 0};
  system_call(228, 0, (u64)&now, 0, 0, 0, 0); /* clock_gettime(CLOCK_REALTIME) */
  return now.seconds * 1000000000ul + now.nanoseconds;
}

static void put(const char *bytes, u64 count) { system_call(1, 1, (u64)bytes, count, 0, 0, 0); }

static u64 wait(u64 nanoseconds) {
  struct __attribute__((packed)) event { u32 events; u64 handle; };
  volatile struct event events[8];
  volatile struct { u64 interval[2], value[2]; } timer = {{0, 0}, {nanoseconds / 1000000000, nanoseconds % 1000000000}};
  /* Setting the timer also takes back an expiry nobody has read. */
  system_call(286, (u64)boot->timer, 0, (u64)&timer, 0, 0, 0);
  i64 count = system_call(281, (u64)boot->epoll, (u64)events, 8, nanoseconds == 0 ? 0 : (u64)-1, 0, 8);
  u64 ready = 0;
  for (i64 i = 0; i < count; i++)
    if (events[i].handle < 64) ready |= 1ul << events[i].handle;
  return ready;
}

static i32 block_write(u64 handle, u64 offset, const void *bytes, u64 count) {
  i64 done = system_call(18, boot->manifest->device[handle].host, (u64)bytes, count, offset, 0, 0);
  return done == (i64)count ? OK : UNSPECIFIED;
}
static i32 block_read(u64 handle, u64 offset, void *bytes, u64 count) {
  i64 done = system_call(17, boot->manifest->device[handle].host, (u64)bytes, count, offset, 0, 0);
  return done == (i64)count ? OK : UNSPECIFIED;
}
static i32 net_write(u64 handle, const void *frame, u64 count) {
  i64 done = system_call(1, boot->manifest->device[handle].host, (u64)frame, count, 0, 0, 0);
  return done == (i64)count ? OK : UNSPECIFIED;
}
static i32 net_read(u64 handle, void *frame, u64 *count) {
  i64 done = system_call(0, boot->manifest->device[handle].host, (u64)frame, *count, 0, 0, 0);
  if (done == -11) return AGAIN;
  if (done < 0) return UNSPECIFIED;
  *count = (u64)done;
  return OK;
}

static void __attribute__((noreturn)) halt(i32 status) {
  for (;;) system_call(231, (u64)(u32)status, 0, 0, 0, 0, 0);
}

#endif

static void sleep_for(u64 nanoseconds) {
  u64 end = walltime() + nanoseconds;
  for (u64 now = walltime(); now < end; now = walltime()) wait(end - now);
}

/* ---- console lines, given to the host in one piece ---- */

static char line[8192];
static u64 line_length;

static void bytes(const char *from, u64 count) {
  for (u64 i = 0; i < count && line_length < sizeof line; i++) line[line_length++] = from[i];
}
static u64 length_of(const char *from) {
  u64 count = 0;
  while (from[count] != 0) count++;
  return count;
}
static void text(const char *from) { bytes(from, length_of(from)); }
static void number(u64 value) {
  char digits[20];
  u64 at = sizeof digits;
  do digits[--at] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  bytes(digits + at, sizeof digits - at);
}
static void hex(u64 value, u32 digits) {
  while (digits-- > 0) {
    char digit = "0123456789abcdef"[(value >> (4 * digits)) & 15];
    bytes(&digit, 1);
  }
}
static void mac(const u8 *address) {
  for (u32 i = 0; i < 6; i++) {
    if (i > 0) text(":");
    hex(address[i], 2);
  }
}
static void flush(void) {
  put(line, line_length);
  line_length = 0;
}
static void end_line(void) {
  text("\n");
  flush();
}
static void say(const char *what) {
  text(what);
  end_line();
}

/* ---- command line: words separated by single blanks ---- */

static bool starts_with(const char *word, const char *prefix) {
  while (*prefix != 0)
    if (*word++ != *prefix++) return 0;
  return 1;
}
/* Behind `prefix` in the first word that begins with it, or null. */
static const char *find(const char *prefix) {
  const char *at = boot->command_line;
  for (;;) {
    if (starts_with(at, prefix)) return at + length_of(prefix);
    while (*at != 0 && *at != ' ') at++;
    if (*at++ == 0) return 0;
  }
}
static bool flag(const char *word) {
  const char *rest = find(word);
  return rest != 0 && (*rest == 0 || *rest == ' ');
}
static u64 option(const char *prefix, u64 otherwise) {
  const char *at = find(prefix);
  if (at == 0 || *at < '0' || *at > '9') return otherwise;
  u64 value = 0;
  while (*at >= '0' && *at <= '9') value = value * 10 + (u64)(*at++ - '0');
  return value;
}

static const struct device *device(u64 handle) { return &boot->manifest->device[handle]; }

static void unikernel(void);

void _start(const struct boot_info *info) {
  boot = info;
  unikernel();
  halt(0);
}
