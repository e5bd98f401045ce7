import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog, LOG_QUEUE_MAX } from "../../../daemon/common/log.ts";

describe("the log of a daemon", () => {
  it("writes program, level and text, as far as the level goes", () => {
    let text = "";
    const output = {
      writableLength: 0,
      write(line: string) {
        text += line;
      },
    };
    const log = createLog("prog", "warning", output);
    log.error("a");
    log.warning("b\nc\u001b[2J");
    log.info("no");
    log.debug("no");
    assert.equal(text, "prog: [ERROR] a\nprog: [WARNING] b c\ufffd[2J\n");
    assert.equal(log.enabled("info"), false);
    assert.equal(log.enabled("warning"), true);
    text = "";
    createLog("prog", "quiet", output).error("no");
    assert.equal(text, "");
    createLog("prog", "debug", output, true).debug("d");
    assert.equal(text, "prog: [\u001b[32mDEBUG\u001b[m] d\n");
  });

  it("counts lines nobody reads instead of keeping them, from one byte past the limit on", () => {
    let text = "";
    const output = {
      writableLength: LOG_QUEUE_MAX,
      write(line: string) {
        text += line;
      },
    };
    const log = createLog("prog", "info", output);
    log.info("fits");
    output.writableLength++;
    log.info("lost");
    log.info("lost");
    output.writableLength = 0;
    log.info("again");
    assert.equal(
      text,
      "prog: [INFO] fits\nprog: [WARNING] 2 log lines were lost: nobody read them\nprog: [INFO] again\n",
    );
  });
});
