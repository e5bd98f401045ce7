/* Prints what it was started with. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  text("memory ");
  number(boot->memory_size);
  text(" kernel-end 0x");
  hex(boot->kernel_end, 8);
  text(" boot-info 0x");
  hex((u64)boot, 8);
  end_line();
  text("length ");
  number(length_of(boot->command_line));
  end_line();
  /* In one piece, whatever its length. */
  put(boot->command_line, length_of(boot->command_line));
  say("");
}
