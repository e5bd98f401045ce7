import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { libcNames, openLibrary } from "../../runtime/ffi.ts";
import { SpawnError, type SpawnOptions, spawnProcess } from "../../runtime/process.ts";
import { openDescriptors } from "./open-descriptors.ts";

const libc = openLibrary(libcNames, {
  signal: { args: ["i32", "pointer"], returns: "pointer" },
  pthread_sigmask: { args: ["i32", "buffer", "buffer"], returns: "i32" },
});
const [SIG_IGN, SIG_BLOCK, SIG_SETMASK, SIGPIPE, SIGUSR2] = [1, 0, 2, 13, 12];

let directory: string;
let output: string;
let descriptor: number;
let options: SpawnOptions;

before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-process-"));
  output = join(directory, "output");
  descriptor = openSync(output, "a+");
  options = { stdio: descriptor, environment: {}, cpus: [] };
});

after(() => {
  closeSync(descriptor);
  rmSync(directory, { recursive: true });
});

function children(): string[] {
  return readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "latin1").split(" ").filter(Boolean),
  );
}

async function outputOf(script: string, more: Partial<SpawnOptions> = {}): Promise<string> {
  const file = join(directory, "single");
  const own = openSync(file, "w+");
  try {
    await spawnProcess(["/bin/sh", "-c", script], { ...options, ...more, stdio: own }).exited;
    return readFileSync(file, "latin1");
  } finally {
    closeSync(own);
  }
}

function refusal(argv: readonly string[], more: Partial<SpawnOptions> = {}): SpawnError {
  try {
    spawnProcess(argv, { ...options, ...more });
  } catch (error) {
    assert(error instanceof SpawnError, String(error));
    return error;
  }
  return assert.fail("it was started");
}

describe("starting a process", {
  skip: typeof Bun === "undefined" ? "children are started by Bun only" : false,
}, () => {
  test("tells exit codes and signals apart", async () => {
    const run = (script: string) => spawnProcess(["/bin/sh", "-c", script], options).exited;
    assert.deepEqual(await run("exit 0"), { kind: "exit", code: 0 });
    assert.deepEqual(await run("exit 255"), { kind: "exit", code: 255 });
    assert.deepEqual(await run("exit 137"), { kind: "exit", code: 137 });
    for (const signal of [1, 6, 9, 11, 15, 34, 64]) {
      assert.deepEqual(await run(`ulimit -c 0; kill -${signal} $$`), { kind: "signal", signal });
    }
  });

  test("gives the child the one descriptor as 0, 1 and 2, and no other", async () => {
    const [inherited, leaky] = [openSync(output, "r"), openSync(output, "r")];
    try {
      const lines = (await outputOf("for f in /proc/$$/fd/*; do readlink $f; done; echo error >&2")).trim().split("\n");
      const file = join(directory, "single");
      assert.deepEqual(lines, [file, file, file, "error"]);
    } finally {
      closeSync(inherited);
      closeSync(leaky);
    }
  });

  test("gives an empty standard input on demand", async () => {
    const script = "for f in /proc/$$/fd/*; do readlink $f; done; read line || echo end";
    const file = join(directory, "single");
    assert.equal(await outputOf(script, { noInput: true }), `/dev/null\n${file}\n${file}\nend\n`);
  });

  test("gives exactly the environment asked for, and the root directory", async () => {
    assert.equal(
      await outputOf("tr '\\0' '\\n' < /proc/self/environ; pwd", {
        environment: { MARK: "a=b", PATH: "/bin:/usr/bin" },
      }),
      "MARK=a=b\nPATH=/bin:/usr/bin\nPWD=/\n/\n".replace("PWD=/\n", ""),
    );
    assert.equal(await outputOf("pwd", { directory }), `${directory}\n`);
  });

  test("resets ignored and blocked signals", async () => {
    const former = libc.signal(SIGPIPE, SIG_IGN);
    const ignored = libc.signal(SIGUSR2, SIG_IGN);
    const [mask, formerMask] = [new Uint8Array(128), new Uint8Array(128)];
    mask[1] = 1 << (SIGUSR2 - 1 - 8);
    libc.pthread_sigmask(SIG_BLOCK, mask, formerMask);
    try {
      const own = readFileSync("/proc/thread-self/status", "latin1");
      assert.match(own, /SigBlk:\s+0*[1-9a-f]/);
      assert.match(own, /SigIgn:\s+0*[1-9a-f]/);
      const status = await outputOf("while read line; do echo $line; done < /proc/$$/status");
      assert.match(status, /SigIgn:\s*0000000000000000/);
      assert.match(status, /SigBlk:\s*0000000000000000/);
    } finally {
      libc.pthread_sigmask(SIG_SETMASK, formerMask, new Uint8Array(128));
      libc.signal(SIGPIPE, former);
      libc.signal(SIGUSR2, ignored);
    }
  });

  test("puts the child into a session of its own", async () => {
    const child = spawnProcess(["/bin/sleep", "5"], options);
    const fields = readFileSync(`/proc/${child.pid}/stat`, "latin1")
      .replace(/^.*\) /, "")
      .split(" ");
    assert.deepEqual([fields[2], fields[3]], [String(child.pid), String(child.pid)]);
    process.kill(child.pid, "SIGKILL");
    await child.exited;
  });

  test("confines the child to the CPUs asked for, and leaves all threads of this program alone", async () => {
    const allowed = (text: string) => /Cpus_allowed_list:\s*(\S+)/.exec(text)?.[1];
    const own = allowed(readFileSync("/proc/self/status", "latin1"));
    const script = "while read line; do echo $line; done < /proc/$$/status";
    assert.equal(allowed(await outputOf(script, { cpus: [0] })), "0");
    assert.equal(allowed(await outputOf(script)), own);
    assert.equal(refusal(["/nonexistent/program"], { cpus: [0] }).code, "ENOENT");
    for (const task of readdirSync("/proc/self/task")) {
      assert.equal(allowed(readFileSync(`/proc/self/task/${task}/status`, "latin1")), own);
    }
  });

  test("sets the out-of-memory score", async () => {
    const child = spawnProcess(["/bin/sleep", "5"], { ...options, oomScoreAdjust: 321 });
    assert.equal(readFileSync(`/proc/${child.pid}/oom_score_adj`, "latin1"), "321\n");
    process.kill(child.pid, "SIGKILL");
    assert.deepEqual(await child.exited, { kind: "signal", signal: 9 });
    assert.equal(refusal(["/bin/true"], { oomScoreAdjust: 1001 }).code, "EINVAL");
  });

  test("leaves no process behind if the out-of-memory score cannot be set", async () => {
    const program = join(directory, "protect.ts");
    writeFileSync(
      program,
      `import { spawnProcess } from ${JSON.stringify(join(import.meta.dirname, "../../runtime/process.ts"))};
      import { readdirSync, readFileSync } from "node:fs";
      const children = () => readdirSync("/proc/self/task").map((task) =>
        readFileSync("/proc/self/task/" + task + "/children", "latin1")).join("");
      try {
        spawnProcess(["/bin/sleep", "20"], { stdio: 1, environment: {}, cpus: [], oomScoreAdjust: -1000 });
      } catch (error) {
        console.log(error.code, error.message);
      }
      for (let round = 0; round < 100 && children() !== ""; round++) await new Promise((done) => setTimeout(done, 10));
      console.log(children() === "");`,
    );
    const text = await outputOf(`exec setpriv --bounding-set -sys_resource ${process.execPath} ${program}`, {
      environment: { PATH: "/usr/bin:/bin" },
    });
    assert.match(text, /^EACCES Cannot start \/bin\/sleep: its out-of-memory score .*\ntrue\n$/);
  });

  test("says why a program cannot be started", async () => {
    const before = await openDescriptors();
    const missing = refusal(["/nonexistent/program"]);
    assert.equal(missing.code, "ENOENT");
    assert.match(missing.message, /^Cannot start \/nonexistent\/program: .*Install/);
    assert(missing.cause instanceof Error);
    assert.equal(refusal(["/etc/passwd"]).code, "EACCES");
    assert.equal(refusal(["/etc"]).code, "EACCES");
    assert.equal(refusal(["/bin/true", "x".repeat(1 << 18)]).code, "E2BIG");
    assert.equal(refusal(["/bin/true"], { stdio: 1_000_000 }).code, "EBADF");
    assert.match(refusal(["/bin/true"], { directory: "/nonexistent" }).message, /working directory \/nonexistent/);
    const garbage = join(directory, "garbage");
    writeFileSync(garbage, "garbage", { mode: 0o755 });
    assert.equal(refusal([garbage]).code, "ENOEXEC");
    assert.equal(await openDescriptors(), before);
  });

  test("refuses what no process can be given", () => {
    assert.equal(refusal([]).code, "EINVAL");
    assert.equal(refusal(["true"]).code, "EINVAL");
    assert.equal(refusal(["/bin/true", "a\0b"]).code, "EINVAL");
    assert.equal(refusal(["/bin/true"], { environment: { A: "a\0b" } }).code, "EINVAL");
    assert.equal(refusal(["/bin/true"], { environment: { "A=B": "" } }).code, "EINVAL");
    assert.equal(refusal(["/bin/true"], { cpus: [8191] }).code, "EINVAL");
    assert.equal(refusal(["/bin/true"], { cpus: [8192] }).code, "EINVAL");
    assert.equal(refusal(["/bin/true"], { cpus: [0.5] }).code, "EINVAL");
  });

  test("200 processes leave neither zombies nor descriptors", async () => {
    const before = await openDescriptors();
    const started = Array.from({ length: 200 }, (_, at) =>
      spawnProcess(["/bin/sh", "-c", `exit ${at}`], { ...options, cpus: at % 2 === 0 ? [0] : [] }),
    );
    const ends = await Promise.all(started.map((child) => child.exited));
    ends.forEach((end, at) => {
      assert.deepEqual(end, { kind: "exit", code: at });
    });
    const left = new Set(children());
    assert.deepEqual(
      started.filter((child) => left.has(String(child.pid))),
      [],
    );
    assert.equal(await openDescriptors(), before);
  });

  test("neither waits for its children at the end nor ends them", async () => {
    const program = join(directory, "parent.ts");
    writeFileSync(
      program,
      `import { spawnProcess } from ${JSON.stringify(join(import.meta.dirname, "../../runtime/process.ts"))};
      console.log(spawnProcess(["/bin/sleep", "20"], { stdio: 2, environment: {}, cpus: [] }).pid);`,
    );
    const begin = performance.now();
    const text = await outputOf(`${process.execPath} ${program} 2>/dev/null`);
    assert.match(text, /^[1-9][0-9]*\n$/);
    const pid = Number(text);
    try {
      assert(performance.now() - begin < 10_000);
      assert.equal(readFileSync(`/proc/${pid}/comm`, "latin1"), "sleep\n");
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });
});
