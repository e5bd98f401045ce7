/*
 * A multiboot kernel for tests: says what it was given on the first serial line, and then does what its command line
 * asks for: exit=N ends with the status N by the debug exit device, spin uses all of its CPU, tick prints a line again
 * and again, reset resets the machine.
 */
#include <stdint.h>

__attribute__((section(".multiboot"), used)) static const uint32_t header[3] = {0x1badb002, 3, -(0x1badb002 + 3)};

static uint8_t stack[16384] __attribute__((aligned(16), used));

__asm__(".globl _start\n_start:\n cli\n mov $stack + 16384, %esp\n push %ebx\n push %eax\n call start\n1: hlt\n jmp 1b\n");

static inline void outb(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline void outw(uint16_t port, uint16_t value) { __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port)); }
static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
static inline uint8_t inb(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint32_t inl(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void put(char c) {
  while (!(inb(0x3fd) & 0x20))
    ;
  outb(0x3f8, c);
}

static void puts(const char *text) {
  while (*text)
    put(*text++);
}

static void number(uint32_t value) {
  if (value >= 10)
    number(value / 10);
  put('0' + value % 10);
}

static void hex(uint8_t value) {
  put("0123456789abcdef"[value >> 4]);
  put("0123456789abcdef"[value & 15]);
}

/* Whether the word is in the command line; gives what stands behind it. */
static const char *find(const char *line, const char *word) {
  for (; *line; line++) {
    const char *a = line, *b = word;
    while (*b && *a == *b)
      a++, b++;
    if (!*b)
      return a;
  }
  return 0;
}

static uint32_t pci(uint32_t slot, uint32_t offset) {
  outl(0xcf8, 0x80000000u | slot << 11 | offset);
  return inl(0xcfc);
}

/* Devices by the legacy interface of virtio, in the order of their slots. */
static void devices(void) {
  for (uint32_t slot = 0; slot < 32; slot++) {
    uint32_t id = pci(slot, 0);
    uint16_t base = pci(slot, 0x10) & ~3u;
    if (id == 0x10001af4) {
      puts("net");
      for (int at = 0; at < 6; at++) {
        put(at ? ':' : ' ');
        hex(inb(base + 20 + at));
      }
      put('\n');
    } else if (id == 0x10011af4) {
      puts("block of ");
      number(inl(base + 20));
      puts(" * 512 bytes, in sectors of ");
      number(inl(base + 20 + 20));
      put('\n');
    }
  }
}

__attribute__((used)) void start(uint32_t magic, const uint32_t *info) {
  const char *line = magic == 0x2badb002 && info[0] & 4 ? (const char *)info[4] : "";
  puts("kernel of the tests\ncommand line: ");
  puts(line);
  puts("\nmemory above 1 MiB: ");
  number(info[2]);
  puts(" KiB\n");
  if (info[0] & 8 && info[5] > 0) {
    const uint32_t *module = (const uint32_t *)info[6];
    puts("ram disk: ");
    for (const char *at = (const char *)module[0]; at < (const char *)module[1]; at++)
      put(*at);
    put('\n');
  }
  devices();
  const char *status = find(line, "exit=");
  if (status) {
    uint32_t value = 0;
    for (; *status >= '0' && *status <= '9'; status++)
      value = value * 10 + *status - '0';
    outw(0x501, value);
  }
  if (find(line, "reset"))
    outb(0x64, 0xfe); /* by the keyboard controller */
  puts("ready\n");
  for (uint32_t tick = 0; find(line, "tick");) {
    puts("tick ");
    number(++tick);
    put('\n');
    for (int wait = 0; wait < 100000; wait++)
      __asm__ volatile("pause");
  }
  while (find(line, "spin"))
    __asm__ volatile("pause");
}
