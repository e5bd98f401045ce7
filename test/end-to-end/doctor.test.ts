/** `albatross-client doctor` on real daemons and directories. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Machine, program } from "./harness.ts";

interface Check {
  readonly id: string;
  readonly status: string;
  readonly found: string;
  readonly advice: string | null;
}

interface Finished {
  readonly status: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function run(machine: Machine, words: readonly string[], wrapper: readonly string[] = []): Promise<Finished> {
  const directories = [`--tmpdir=${machine.tmpdir}`, `--dbdir=${machine.dbdir}`];
  const [file = "", ...rest] = [...wrapper, ...program("albatross-client"), "doctor", ...directories, ...words];
  return new Promise((resolve) => {
    execFile(file, rest, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

async function checks(machine: Machine, wrapper: readonly string[] = []): Promise<ReadonlyMap<string, Check>> {
  const { status, stdout, stderr } = await run(machine, ["--json"], wrapper);
  assert.equal(stderr, "");
  const { kind, healthy, checks } = JSON.parse(stdout) as { kind: string; healthy: boolean; checks: Check[] };
  assert.equal(kind, "doctor");
  assert.equal(healthy, !checks.some((check) => check.status === "problem"));
  assert.equal(status, healthy ? 0 : 1);
  for (const check of checks) assert.equal(check.advice === null, check.status === "ok", check.id);
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
  return new Map(checks.map((check) => [check.id, check]));
}

function found(all: ReadonlyMap<string, Check>, id: string, status: string, text: RegExp): void {
  const check = all.get(id);
  assert.ok(check, id);
  assert.equal(check.status, status, JSON.stringify(check));
  assert.match(`${check.found}\n${check.advice ?? ""}`, text);
}

/** Everything below a directory, with modes, owners and times of change. */
function listing(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((file) => {
      const { mode, uid, gid, mtimeMs, size } = lstatSync(join(directory, file));
      return `${file} ${mode} ${uid} ${gid} ${mtimeMs} ${size}`;
    })
    .sort();
}

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

describe("doctor", () => {
  it("finds daemons that answer, and changes nothing", async () => {
    await Machine.with(async (machine) => {
      machine.bridge();
      mkdirSync(join(machine.tmpdir, "fifo"));
      chmodSync(join(machine.tmpdir, "fifo"), 0o2770);
      await machine.start();
      chmodSync(machine.directory, 0o755);
      const before = listing(machine.dbdir);
      const all = await checks(machine);
      found(all, "socket-vmmd", "ok", /vmmd\.sock: albatrossd, 0 unikernels/);
      found(all, "socket-console", "ok", /console\.sock: albatross-console/);
      found(all, "socket-stat", "warning", /is not there: albatross-stats does not run\nStart it: /);
      for (const id of ["kvm", "tun", "bridges", "directory-run", "directory-fifos", "directory-database"]) {
        assert.equal(all.get(id)?.status, "ok", JSON.stringify(all.get(id)));
      }
      found(all, "tender-hvt", "ok", /built-in tender/);
      assert.deepEqual(listing(machine.dbdir), before);
    });
  });

  it("tells an ordinary user what only root can see", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      chmodSync(machine.directory, 0o755);
      chmodSync(join(machine.tmpdir, "util"), 0o700);
      const all = await checks(machine, nobody);
      found(all, "kvm", "warning", /may not open \/dev\/kvm\nLook again as root/);
      found(all, "tun", "warning", /may not open/);
      found(all, "socket-vmmd", "warning", /this user cannot look at .*EACCES/);
    });
  });

  it("tells an ordinary user everything else, where the database is closed before him", async () => {
    await Machine.with(async (machine) => {
      chmodSync(machine.directory, 0o755);
      chmodSync(machine.dbdir, 0o750);
      const all = await checks(machine, nobody);
      found(all, "directory-blocks", "warning", /this user cannot look at .*EACCES/);
      found(all, "clock", "ok", /it is /);
    });
  });

  it("names what is missing, with the command that helps", async () => {
    await Machine.with(async (machine) => {
      const { status, stdout } = await run(machine, []);
      assert.equal(status, 1);
      assert.match(
        stdout,
        /^problem {2}socket-vmmd: .*\n(?: {9}.*\n)* {9}Start it: systemctl start albatross_daemon\.socket/m,
      );
      assert.match(stdout, /^problem {2}directory-blocks: /m);
      assert.match(stdout, /\n\d+ problems?, \d+ warnings?\n$/);
    });
  });

  it("sees doors that are open: directories and tenders that others can write", async () => {
    await Machine.with(async (machine) => {
      const ran = join(machine.directory, "ran");
      const tender = join(machine.dbdir, "solo5-hvt");
      writeFileSync(tender, `#!/bin/sh\ntouch ${ran}\necho ABI version 2\n`, { mode: 0o755 });
      mkdirSync(join(machine.dbdir, "block"), { mode: 0o755 });
      mkdirSync(join(machine.tmpdir, "fifo"));
      let all = await checks(machine);
      found(all, "tender-hvt", "ok", /solo5-hvt, ABI version 2/);
      assert.ok(existsSync(ran));
      found(all, "directory-blocks", "problem", /open to others.*\nChange that: chmod 0700 /);
      found(all, "directory-fifos", "problem", /\nChange that: chmod 2770 /);

      chmodSync(tender, 0o777);
      chownSync(machine.dbdir, 65534, 65534);
      rmSync(ran);
      all = await checks(machine);
      found(all, "tender-hvt", "problem", /is run as root, but /);
      assert.ok(!existsSync(ran), "it is not run");
      found(all, "directory-database", "problem", /who could put a tender there.*\nChange that: chown root /);

      chownSync(machine.dbdir, 0, 0);
      writeFileSync(tender, "#!/bin/sh\necho ABI version 1\n");
      chmodSync(tender, 0o755);
      found(await checks(machine), "tender-hvt", "warning", /is of no use: unexpected solo5 tender --version output/);
    });
  });

  it("sees a socket that nobody serves, one that is none, and one that answers nonsense", async () => {
    await Machine.with(async (machine) => {
      const daemon = await machine.startConsole();
      await daemon.stop("SIGKILL");
      writeFileSync(machine.socket, "");
      const all = await checks(machine);
      found(all, "socket-console", "problem", /nobody listens at .*ECONNREFUSED/);
      found(all, "socket-vmmd", "problem", /is no socket\nRemove it/);
    });
  });

  it("sees a clock that is behind the files", async () => {
    await Machine.with(async (machine) => {
      const later = new Date(Date.now() + 24 * 3600 * 1000);
      utimesSync(machine.dbdir, later, later);
      found(await checks(machine), "clock", "problem", /but there are files of .*\nSet the clock/);
    });
  });
});
