/* Holds its block device for ever: prints the size, then sleeps. */
#include "solo5.h"
MANIFEST(1, BLOCK("storage"))

static void unikernel(void) {
  text("storage: ");
  number(device(1)->u.block.capacity);
  text(" bytes");
  end_line();
  for (;;) sleep_for(1000000000ul);
}
