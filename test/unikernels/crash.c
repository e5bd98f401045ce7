/* Ends by a fault: `at=null`, `at=stop`, `at=call`, `at=port`, `at=pointer` (the last three only on hvt), else `ud2`. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  say("crashing");
  const char *where = find("at=");
  if (where != 0 && starts_with(where, "null")) {
    volatile u32 *null;
    __asm__ volatile("xor %0, %0" : "=r"(null)); /* hidden, or the compiler makes a ud2 of it */
    *null = 1;
  }
  if (where != 0 && starts_with(where, "stop")) __asm__ volatile("hlt");
#ifdef HVT
  if (where != 0 && starts_with(where, "call")) hypercall(15, &boot);
  if (where != 0 && starts_with(where, "port"))
    __asm__ volatile("outb %0, %1" ::"a"((u8)0), "d"((u16)0x80) : "memory");
  if (where != 0 && starts_with(where, "pointer")) hypercall(2, (const volatile void *)0xfffffff0);
#endif
  __asm__ volatile("ud2");
}
