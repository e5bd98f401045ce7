/*
 * Ends with the status of `exit=N`, after `sleep=N` seconds. With `strict` it ends with 64, the status for bad usage,
 * where an argument is `--name=…`, like unikernels that do not know that option.
 */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  if (flag("strict") && find("--name=") != 0) {
    say("unknown option --name");
    halt(64);
  }
  sleep_for(option("sleep=", 0) * 1000000000ul);
  u64 status = option("exit=", 0);
  text("exit ");
  number(status);
  end_line();
  halt((i32)status);
}
