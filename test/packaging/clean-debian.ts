/**
 * A Debian as it is fresh from its installer, running with a systemd of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What a command in the Debian gave. */
export interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

/** Longest time for the start, and for the end, milliseconds. */
const PATIENCE_MS = 90_000;

/** Longest time for the installation, milliseconds. */
const INSTALLATION_TIMEOUT_MS = 480_000;

/** How its installer fetches packages: a server that says nothing is soon asked again, not after a quarter of an hour. */
const wgetSettings = "timeout = 20\ntries = 5\nretry_connrefused = on\n";

/** A file system in memory: a package manager waits for the disk after every file. */
const memory = "/dev/shm";

/** Packages beyond those that every Debian has. */
const packages = "systemd,systemd-sysv,dbus,libssl3,procps";

/** Where this host gets its own packages from, and which release it is. */
function origin(): { readonly site: string; readonly release: string } {
  const targets = execFileSync("apt-get", ["indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages"], {
    encoding: "utf8",
  });
  const [site = "", release = ""] = targets.split("\n")[0]?.split(" ") ?? [];
  return { site, release };
}

export class CleanDebian {
  readonly root: string = join(mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), "albatross-debian-")), "root");
  #container: ChildProcess | undefined;
  #log = "";

  /** Installs it. */
  install(): void {
    const { site, release } = origin();
    const words = ["--variant=minbase", `--include=${packages}`, release, this.root, site];
    const WGETRC = join(this.root, "..", "wgetrc");
    writeFileSync(WGETRC, wgetSettings);
    const done = spawnSync("debootstrap", words, {
      encoding: "utf8",
      timeout: INSTALLATION_TIMEOUT_MS,
      env: { ...process.env, WGETRC },
    });
    const cause = done.error?.message ?? "";
    assert.equal(done.status, 0, `debootstrap failed: ${cause}\n${done.stdout.slice(-2000)}${done.stderr}`);
  }

  /** Starts it, with a network of its own, and waits until it is up. */
  async boot(): Promise<void> {
    const devices = ["/dev/kvm", "/dev/net/tun"].map((device) => `--bind=${device}`);
    const words = ["-D", this.root, "--boot", "--register=no", "--keep-unit", "--private-network", "--capability=all"];
    const container = spawn("systemd-nspawn", [...words, ...devices], { stdio: ["ignore", "pipe", "pipe"] });
    this.#container = container;
    const take = (chunk: Buffer) => {
      this.#log += chunk.toString();
    };
    container.stdout.on("data", take);
    container.stderr.on("data", take);
    const end = performance.now() + PATIENCE_MS;
    while (!/^(running|degraded)$/.test(this.try("systemctl is-system-running").output.trim())) {
      assert.ok(
        performance.now() < end && container.exitCode === null,
        `it does not start:\n${this.#log.slice(-3000)}`,
      );
      await sleep(200);
    }
  }

  /** Its first process, as this host numbers it. */
  get #init(): string | undefined {
    const pid = this.#container?.pid;
    if (pid === undefined) return undefined;
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0] || undefined;
    } catch {
      return undefined; // it has ended
    }
  }

  /** Runs shell commands in it, as root in its home. */
  try(script: string): Outcome {
    const init = this.#init;
    if (init === undefined) return { status: null, output: "" };
    const enter = ["-t", init, "-m", "-u", "-i", "-n", "-p", "--", "env", "-i", "HOME=/root", "TERM=dumb"];
    const path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    const words = [...enter, path, "sh", "-c", `cd /root\n${script}`];
    const done = spawnSync("nsenter", words, { encoding: "utf8", timeout: PATIENCE_MS });
    return { status: done.status, output: `${done.stdout}${done.stderr}${done.error?.message ?? ""}` };
  }

  /** Runs shell commands that must succeed; gives what they print. */
  run(script: string): string {
    const { status, output } = this.try(`set -e\n${script}`);
    assert.equal(status, 0, `${script}\n${output}\n${this.try("journalctl -n 50 --no-pager").output}`);
    return output;
  }

  /** Runs shell commands until what they print matches; gives that. */
  async until(script: string, pattern: RegExp): Promise<string> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const { output } = this.try(script);
      if (pattern.test(output)) return output;
      assert.ok(performance.now() < end, `${script} never printed ${pattern}, but:\n${output}`);
      await sleep(100);
    }
  }

  /** Ends it and removes everything. */
  async close(): Promise<void> {
    const container = this.#container;
    if (container !== undefined && container.exitCode === null) {
      const ended = new Promise<void>((resolve) => container.once("exit", () => resolve()));
      container.kill("SIGTERM"); // an orderly end
      if (!(await Promise.race([ended.then(() => true), sleep(PATIENCE_MS / 3).then(() => false)]))) {
        container.kill("SIGKILL");
        await ended;
      }
    }
    // An installation that was cut short leaves this host's /proc mounted in there.
    for (const folder of ["proc", "sys", "dev/pts", "dev"]) spawnSync("umount", ["-l", join(this.root, folder)]);
    rmSync(join(this.root, ".."), { recursive: true, force: true });
  }
}
