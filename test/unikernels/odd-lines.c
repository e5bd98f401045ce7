/* What a console must survive: a long line, every byte, an empty line, a line in pieces, an end without line feed. */
#include "solo5.h"
MANIFEST(0)

static char every_byte[256];

static void unikernel(void) {
  while (line_length < 4096) bytes("x", 1);
  flush();
  say("");
  for (u32 value = 0; value < 256; value++) every_byte[value] = (char)value;
  put(every_byte, sizeof every_byte);
  say("");
  say("");
  put("in ", 3);
  put("", 0);
  put("pieces\n", 7);
  put("no final newline", 16);
}
