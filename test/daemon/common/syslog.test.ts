import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLog } from "../../../daemon/common/log.ts";
import { openSyslog, SYSLOG_LINE_MAX, SyslogError } from "../../../daemon/common/syslog.ts";
import { DATAGRAM_TIMEOUT } from "../../../runtime/datagram.ts";

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    assert.ok(waited < 5000, "waited in vain");
    await sleep(10);
  }
}

describe("the log in the local syslog", () => {
  it("has lines with their severity, cut to a length that every syslog takes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-syslog-"));
    const [socket, file] = [join(folder, "log"), join(folder, "lines")];
    // Stands in for syslog: a real datagram socket, whose datagrams are written to a file.
    const words = ["--datagram", "--inetd", "-l", socket, "/bin/sh", "-c", `exec cat >${file}`];
    const receiver = spawn("systemd-socket-activate", words, { stdio: "ignore" });
    try {
      await until(() => existsSync(socket));
      const log = createLog("albatross-test", "info", openSyslog("albatross-test", socket));
      log.error("broken\nbadly");
      log.info(`long ${"x".repeat(SYSLOG_LINE_MAX)}`);
      log.debug("not wanted");
      log.warning("the end");
      const read = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
      await until(() => read().includes("the end"));
      const tag = `albatross-test[${process.pid}]: `;
      const long = `long ${"x".repeat(SYSLOG_LINE_MAX)}`.slice(0, SYSLOG_LINE_MAX);
      assert.equal(
        read().replace(/^<31>.*?: log opened/, ""),
        `<27>${tag}broken badly<30>${tag}${long}<28>${tag}the end`,
      );
    } finally {
      receiver.kill("SIGKILL");
      rmSync(folder, { recursive: true });
    }
  });

  it("is waited for once if it takes nothing, and loses lines then, which it is told of", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-syslog-"));
    const [socket, file] = [join(folder, "log"), join(folder, "lines")];
    const words = ["--datagram", "--inetd", "-l", socket, "/bin/sh", "-c", `exec cat >${file}`];
    const receiver = spawn("systemd-socket-activate", words, { stdio: "ignore" });
    try {
      await until(() => existsSync(socket));
      const log = createLog("albatross-test", "info", openSyslog("albatross-test", socket));
      receiver.kill("SIGSTOP");
      const begun = performance.now();
      for (let count = 0; count < 1000; count++) log.info("nobody reads this");
      assert.ok(performance.now() - begun < 100 * DATAGRAM_TIMEOUT, "each line was waited for");
      receiver.kill("SIGCONT");
      const read = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
      await until(() => {
        log.info("again");
        return /\d+ log lines were lost: syslog did not take them.*again/.test(read());
      });
    } finally {
      receiver.kill("SIGKILL");
      rmSync(folder, { recursive: true });
    }
  });

  it("is refused if there is none", () => {
    assert.throws(() => openSyslog("albatross-test", "/nowhere/log"), SyslogError);
  });
});
