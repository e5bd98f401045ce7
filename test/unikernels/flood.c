/* Prints `flood=` lines (0: endless) of `size=` bytes (80, at most 8192), line feed included, as fast as it can. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  u64 lines = option("flood=", 0);
  u64 size = option("size=", 80);
  if (size > sizeof line) size = sizeof line;
  for (u64 at = 1; lines == 0 || at <= lines; at++) {
    text("line ");
    number(at);
    text(" ");
    while (line_length < size) bytes(".", 1);
    line_length = size;
    if (size > 0) line[size - 1] = '\n';
    flush();
  }
}
