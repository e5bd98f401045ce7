/* Nanoseconds for one request to the host, over `rounds=` (10000) of each kind. */
#include "solo5.h"
MANIFEST(0)

static void report(const char *what, u64 begin, u64 rounds) {
  u64 spent = walltime() - begin;
  text(what);
  text(" ");
  number(rounds == 0 ? 0 : spent / rounds);
  text(" ns");
  end_line();
}

static void unikernel(void) {
  u64 rounds = option("rounds=", 10000);
  u64 begin = walltime();
  for (u64 i = 0; i < rounds; i++) walltime();
  report("walltime", begin, rounds);
  begin = walltime();
  for (u64 i = 0; i < rounds; i++) put("", 0);
  report("puts of nothing", begin, rounds);
  begin = walltime();
  for (u64 i = 0; i < rounds; i++) wait(0);
  report("poll without waiting", begin, rounds);
}
