/** `albatross-client init` below a root of the test's own, and on a copy of this host's system. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { planDirectories } from "../../cli/init/directories.ts";
import { carryOut } from "../../cli/init/step.ts";
import { unitFor, units } from "../../cli/init/units.ts";
import { findGroup, findUser } from "../../host/accounts.ts";
import { Terminal } from "../support/terminal.ts";
import { create, destroy, images, Machine, network, program } from "./harness.ts";

const EXECUTABLE = "/usr/local/bin/albatross";

interface Finished {
  readonly status: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function execute(words: readonly string[]): Promise<Finished> {
  const [file = "", ...rest] = words;
  return new Promise((resolve) => {
    execFile(file, rest, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

let root = "";

/** A system with the files that accounts are in, with systemd, and with our executable. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "albatross-init-"));
  chmodSync(root, 0o755);
  mkdirSync(join(root, "etc/systemd/system"), { recursive: true });
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  copyFileSync("/bin/true", join(root, EXECUTABLE));
});
afterEach(() => rmSync(root, { recursive: true }));

const init = (...words: string[]) =>
  execute([
    ...program("albatross-client"),
    "init",
    `--root=${root}`,
    ...(words.some((word) => word.startsWith("--program")) ? [] : [`--program=${EXECUTABLE}`]),
    ...words,
  ]);

/** Everything below the root with modes, owners and contents; backups of the account files left out. */
function tree(): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => !/^etc\/(?:passwd|group|subuid|subgid)-?$/.test(file))
    .map((file) => {
      const status = lstatSync(join(root, file));
      const content = status.isFile() ? readFileSync(join(root, file), "latin1") : "";
      return `${file} ${status.mode} ${status.uid} ${status.gid} ${content}`;
    })
    .sort();
}

function permissions(path: string): string {
  const { mode, uid, gid } = statSync(join(root, path));
  const [user, group] = [findUser("albatross", root)?.uid, findGroup("albatross", root)];
  const word = (id: number, own: number | undefined) => (id === 0 ? "root" : id === own ? "albatross" : String(id));
  return `${word(uid, user)}:${word(gid, group)} ${(mode & 0o7777).toString(8)}`;
}

describe("init", () => {
  it("shows what would be done, and does nothing", async () => {
    const before = tree();
    const got = await init("--dry-run");
    assert.equal(got.status, 0);
    assert.match(got.stdout, /^make the group albatross: to be done\n/);
    assert.match(got.stdout, /\nenable albatross_console\.service, .*: to be done\n$/);
    assert.ok(!got.stdout.includes("tls_endpoint"), "the endpoint has no certificate");
    assert.deepEqual(tree(), before);
  });

  it("makes what daemons without privileges can read, whatever the umask", async () => {
    const [file = "", ...words] = program("albatross-client");
    const all = [
      ...words,
      "init",
      "--yes",
      `--root=${root}`,
      `--program=${EXECUTABLE}`,
      "--authority=ca",
      "--server=srv",
    ];
    const got = await execute(["sh", "-c", 'umask 077; exec "$0" "$@"', file, ...all]);
    assert.equal(got.status, 0, got.stderr);
    for (const certificate of ["cacert.pem", "server.pem"]) {
      assert.equal(permissions(`/etc/albatross/${certificate}`), "root:root 644");
    }
    assert.equal(permissions("/etc/albatross/server.key"), "root:albatross 640");
    assert.equal(permissions("/etc/systemd/system/albatross_daemon.service"), "root:root 644");
  });

  it("sets a host up, and then finds nothing to be done", async () => {
    const got = await init("--yes");
    assert.equal(got.stderr, "");
    assert.equal(got.status, 0);
    for (const line of got.stdout.trimEnd().split("\n")) assert.match(line, /: done$/);
    assert.deepEqual(["/run/albatross", "/run/albatross/util", "/run/albatross/fifo"].map(permissions), [
      "root:albatross 755",
      "root:albatross 755",
      "root:albatross 2770",
    ]);
    assert.equal(permissions("/var/lib/albatross"), "root:albatross 750");
    assert.equal(permissions("/var/lib/albatross/block"), "root:root 700");
    assert.equal(permissions("/var/lib/albatross/log"), "albatross:albatross 750");
    assert.equal(permissions("/etc/albatross"), "root:albatross 750");
    assert.equal(permissions("/var"), "root:root 755");
    const wants = (target: string) => readdirSync(join(root, `etc/systemd/system/${target}.target.wants`)).length;
    assert.deepEqual([wants("multi-user"), wants("sockets")], [4, 4]);

    const before = tree();
    assert.deepEqual(await init("--yes"), { status: 0, stdout: "nothing is to be done\n", stderr: "" });
    assert.deepEqual(tree(), before);
  });

  it("takes the database directory back from the user of the daemons, and puts changed units right", async () => {
    await init("--yes");
    const before = tree();
    chownSync(join(root, "var/lib/albatross"), 1, 1);
    writeFileSync(join(root, "etc/systemd/system/albatross_log.service"), "[Unit]\n");
    const got = await init("--yes");
    assert.match(
      got.stdout,
      /^give the directory \/var\/lib\/albatross to root:albatross .*: done\nreplace .*: done\n$/,
    );
    assert.deepEqual(tree(), before);
  });

  it("gives away no directory that a link leads to, which was put there meanwhile", async () => {
    await init("--yes");
    const logs = join(root, "var/lib/albatross/log");
    chownSync(logs, 0, 0);
    const steps = planDirectories(root);
    assert.deepEqual(
      steps.map(({ id }) => id),
      ["directory /var/lib/albatross/log"],
    );
    rmdirSync(logs);
    mkdirSync(join(root, "secret"), { mode: 0o700 });
    symlinkSync(join(root, "secret"), logs);
    const { error } = await carryOut(steps);
    assert.match(error ?? "", /^Cannot give the directory .*(ELOOP|ENOTDIR)/);
    assert.equal(permissions("secret"), "root:root 700");
  });

  it("makes an authority, whose key only root reads, and enables the endpoint", async () => {
    const got = await init("--yes", "--authority=my-ca", "--server=host.example.org");
    assert.equal(got.status, 0, got.stdout + got.stderr);
    assert.match(got.stderr, /move the authority's key to a safer place: \/etc\/albatross\/ca\/my-ca\.key/);
    assert.equal(permissions("/etc/albatross/ca"), "root:root 700");
    assert.equal(permissions("/etc/albatross/ca/my-ca.key"), "root:root 400");
    assert.equal(permissions("/etc/albatross/server.key"), "root:albatross 640");
    const chain = [join(root, "etc/albatross/cacert.pem"), join(root, "etc/albatross/server.pem")] as const;
    assert.equal((await execute(["openssl", "verify", "-CAfile", ...chain])).status, 0);
    assert.equal((await init("--yes", "--authority=my-ca")).stdout, "nothing is to be done\n");
    assert.match(readdirSync(join(root, "etc/systemd/system/sockets.target.wants")).join(), /tls_endpoint/);
  });

  it("makes an authority to its end that was interrupted, and touches no other", async () => {
    assert.equal((await init("--yes")).status, 0);
    mkdirSync(join(root, "etc/albatross/ca"), { mode: 0o700 });
    const got = await init("--yes", "--authority=my-ca", "--server=host");
    assert.equal(got.status, 0, got.stdout + got.stderr);
    const key = readFileSync(join(root, "etc/albatross/ca/my-ca.key"), "utf8");
    rmSync(join(root, "etc/albatross/server.key")); // it comes last
    assert.equal((await init("--yes", "--authority=my-ca", "--server=host")).status, 0);
    assert.equal(readFileSync(join(root, "etc/albatross/ca/my-ca.key"), "utf8"), key);
    assert.equal(permissions("/etc/albatross/server.key"), "root:albatross 640");
    const chain = [join(root, "etc/albatross/cacert.pem"), join(root, "etc/albatross/server.pem")] as const;
    assert.equal((await execute(["openssl", "verify", "-CAfile", ...chain])).status, 0);
    rmSync(join(root, "etc/albatross/server.key"));
    const before = tree();
    const other = await init("--yes", "--authority=other", "--server=host");
    assert.match(other.stdout, /that of another authority, or its key is gone: move it away/);
    assert.deepEqual(tree(), before);
    rmSync(join(root, "etc/albatross/ca/my-ca.key"));
    assert.equal((await init("--yes", "--authority=my-ca", "--server=host")).status, 1);
  });

  it("undoes everything if a step fails, and says so", async () => {
    writeFileSync(join(root, "etc/systemd/system/sockets.target.wants"), ""); // in the place of a folder
    const before = tree();
    const got = await init("--yes", "--authority=ca");
    assert.equal(got.status, 1);
    assert.match(got.stdout, /^make the group albatross: undone\nmake the user albatross: undone\n/);
    assert.match(got.stdout, /\nenable .*: FAILED\nalbatross-client: \[ERROR\] Cannot enable .*: systemctl --root /);
    assert.ok(!/: done$/m.test(got.stdout), got.stdout);
    assert.equal(findUser("albatross", root), undefined);
    assert.deepEqual(tree(), before);
  });

  it("is an object with --json", async () => {
    const { stdout } = await init("--yes", "--json", "--no-units");
    const got = JSON.parse(stdout) as {
      kind: string;
      root: string;
      error: null;
      steps: { id: string; outcome: string }[];
    };
    assert.deepEqual([got.kind, got.root, got.error], ["init", root, null]);
    assert.deepEqual(got.steps[0], { id: "group", what: "make the group albatross", outcome: "done" });
    assert.ok(got.steps.every(({ outcome, id }) => outcome === "done" && !id.startsWith("file")));
  });

  it("asks on a terminal, and does what was answered", async () => {
    const words = [...program("albatross-client"), "init", `--root=${root}`, `--program=${EXECUTABLE}`].join(" ");
    const terminal = new Terminal(words);
    try {
      for (const [question, answer] of [
        [/Shall systemd start the daemons\? \[Y\/n\] $/, "what\nno\n"],
        [/That needs an authority \[y\/N\] $/, "y\n"],
        [/The name of the authority\? \[albatross-ca\] $/, "\n"],
        [/The name of this host in its certificate\? \[.+\] $/, "here\n"],
        [/\nmake the group albatross\n[\s\S]*Go on\? \[Y\/n\] $/, "\n"],
      ] as const) {
        await terminal.shows(question);
        terminal.type(answer);
      }
      assert.equal(await terminal.ended(), 0);
    } finally {
      await terminal.close();
    }
    assert.equal(permissions("/etc/albatross/ca/albatross-ca.key"), "root:root 400");
    assert.deepEqual(readdirSync(join(root, "etc/systemd/system")), []);
  });

  const refused: readonly (readonly [string, () => Promise<Finished>, RegExp])[] = [
    ["without a terminal", () => init(), /There is no terminal to ask questions: give --yes/],
    [
      "to an ordinary user",
      () => execute(["setpriv", "--reuid=65534", "--clear-groups", ...program("albatross-client"), "init", "--yes"]),
      /Only root can set up a host/,
    ],
    ["with a server but no authority", () => init("--yes", "--server=x"), /--server needs --authority/],
    ["with a program that is not there", () => init("--yes", "--program=/bin/x"), /is not there.*install -D/],
    [
      "with a program that others can write",
      () => {
        chmodSync(join(root, EXECUTABLE), 0o777);
        return init("--yes");
      },
      /as root: .*can be written by everybody/,
    ],
    [
      "where a file is in the place of a directory",
      () => {
        mkdirSync(join(root, "run"));
        writeFileSync(join(root, "run/albatross"), "");
        return init("--yes");
      },
      /is no directory: move it away/,
    ],
  ];
  for (const [what, call, text] of refused) {
    it(`refuses ${what}, and changes nothing`, async () => {
      const got = await call();
      assert.equal(got.status, 124);
      assert.match(got.stderr.replaceAll(/\s+/g, " "), text);
      assert.equal(findGroup("albatross", root), undefined);
    });
  }

  it("works on a whole system: this one, seen through an overlay that is thrown away", async () => {
    const script = `set -e
      mount -t tmpfs none ${root}/usr && cd ${root}/usr && mkdir up work all
      mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work all
      mount --rbind /proc all/proc; mount --rbind /dev all/dev
      mount -t tmpfs none all/run; mount --bind ${root}/etc/systemd all/etc/systemd
      chroot all "$@" init --yes --no-units; chroot all getent passwd albatross; chroot all "$@" init --yes --no-units`;
    const got = await execute(["unshare", "-m", "sh", "-c", script, "sh", ...program("albatross-client")]);
    assert.equal(got.stderr, "");
    assert.match(got.stdout, /^make the group albatross: done\nmake the user albatross: done\n/);
    assert.match(got.stdout, /\nalbatross:x:\d+:\d+::\/nonexistent:\/usr\/sbin\/nologin\nnothing is to be done\n$/);
    assert.equal(findUser("albatross"), undefined, "this host is as it was");
  });
});

describe("the units", () => {
  it("are valid", async () => {
    const folder = join(root, "etc/systemd/system");
    for (const [name, text] of units) writeFileSync(join(folder, name), unitFor(text, "/bin/true"));
    const files = [...units.keys()].map((name) => join(folder, name));
    const got = await execute(["systemd-analyze", "verify", "--man=no", ...files]);
    assert.equal(got.stdout + got.stderr, "");
    assert.equal(got.status, 0);
  });

  for (const [name, most] of [
    ["albatross_daemon", 5.1],
    ["albatross_console", 2],
    ["albatross_stats", 2],
    ["albatross_log", 2],
    ["albatross_influx", 2],
    ["albatross_tls_endpoint", 2],
  ] as const) {
    it(`${name}: an exposure of ${most} at most, as systemd counts`, async () => {
      const file = join(root, `${name}.service`);
      writeFileSync(file, units.get(`${name}.service`) ?? "");
      const got = await execute(["systemd-analyze", "security", "--offline=true", `--threshold=${most * 10}`, file]);
      assert.equal(got.status, 0, got.stdout.slice(-200));
    });
  }

  it("let the group albatross connect to every daemon, and nobody else (packaging.md 10, 1)", () => {
    const local = [...units].filter(([, text]) => text.includes("ListenStream=/"));
    assert.equal(local.length, 4);
    for (const [name, text] of local) assert.match(text, /^SocketGroup=albatross\nSocketMode=0660$/m, name);
  });

  it("start a daemon again that has crashed, and tell systemd when it is ready (packaging.md 10, 4 and 8)", () => {
    for (const [name, text] of units) {
      if (!name.endsWith(".service")) continue;
      assert.match(text, /^Type=notify$/m, name);
      assert.match(text, /^Restart=on-failure$/m, name);
      assert.doesNotMatch(text, /PIDFile|RuntimeDirectory/, name);
    }
    assert.match(units.get("albatross_daemon.service") ?? "", /^KillMode=process$/m);
  });

  it("leave albatrossd what it needs: it starts a unikernel with a network, and adopts it, with their capabilities only", async () => {
    const set = /^CapabilityBoundingSet=(.*)$/m.exec(units.get("albatross_daemon.service") ?? "")?.[1] ?? "";
    const kept = set.split(" ").map((name) => `+${name.replace("CAP_", "").toLowerCase()}`);
    const wrapper = ["setpriv", `--bounding-set=-all,${kept.join(",")}`, "--no-new-privs"];
    const kernels = await images();
    await Machine.with(async (machine) => {
      const bridge = machine.bridge();
      await machine.startConsole();
      let daemon = await machine.startDaemon({ wrapper, flags: ["--on-sigterm", "keep"] });
      const networks = [network("service", bridge)];
      await machine.expect("web", create(kernels["net-echo"], { networks }), "created unikernel");
      const [pid] = machine.processesOf("web");
      await daemon.stop();
      daemon = await machine.startDaemon({ wrapper });
      assert.deepEqual(machine.processesOf("web"), [pid], daemon.log);
      await machine.expect("web", destroy, "destroyed unikernel");
      assert.deepEqual(machine.taps(), []);
    });
  });
});
