/** Statistics of real unikernels, from the kernel to a real InfluxDB. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runClient } from "../cli/run-client.ts";
import { freePort } from "../client/tls-peer.ts";
import { namesOf, samples, samplesOf, subscribe } from "../daemon/stats/rig.ts";
import { Influxd } from "../support/influxd.ts";
import {
  commandFrame,
  create,
  type Daemon,
  defaultFlags,
  destroy,
  images,
  Machine,
  network,
  restart,
  until,
  type Wire,
} from "./harness.ts";

/** Collects lines that come by TCP. */
class Collector {
  text = "";
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.#sockets.add(socket);
    socket
      .on("error", () => undefined)
      .on("data", (chunk) => {
        this.text += chunk.toString();
      });
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Complete lines so far, which are then forgotten. */
  take(): string {
    const end = this.text.lastIndexOf("\n") + 1;
    const lines = this.text.slice(0, end);
    this.text = this.text.slice(end);
    return lines;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

const isRoot = process.getuid?.() === 0;
const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;
let stats: Daemon;
let albatrossd: Daemon;
/** What the endpoint tells of itself. */
const endpointNumbers = new Collector();

/** Whether KVM's counters can be had: from a debugfs in a name space of its own. */
const debugfs = ["unshare", "--mount", "sh", "-c", 'mount -t debugfs none /sys/kernel/debug && exec "$@"', "sh"];
const hasCounters = spawnSync(debugfs[0] ?? "", [...debugfs.slice(1), "ls", "/sys/kernel/debug/kvm"]).status === 0;

async function subscription(name: string): Promise<Wire> {
  const wire = await machine.connect(machine.statsSocket);
  wire.send(commandFrame(name, subscribe));
  await wire.frame(0);
  return wire;
}

/** Waits for a sample that is taken from now on. */
async function freshSample(name: string) {
  const wire = await subscription(name);
  const [, second] = await samples(wire, 2);
  wire.close();
  return second?.statistics ?? assert.fail();
}

describe("statistics", { skip: isRoot ? false : "only root can make network devices" }, () => {
  let bridge: ReturnType<Machine["bridge"]>;
  const echoes = () => create(kernels["net-echo"], { networks: [network("service", bridge)] });

  before(async () => {
    kernels = await images();
    const wrapper = hasCounters ? debugfs : [];
    stats = await machine.startStats({ flags: ["--gather-vmm-stats"], wrapper });
    albatrossd = await machine.start();
    bridge = machine.bridge();
  });
  after(async () => {
    await machine.close();
    endpointNumbers.close();
  });

  it("begin with a unikernel and end with it, and a restart goes on under the same name", async () => {
    await stats.logged("connected to albatrossd");
    const wire = await subscription("foo:");
    await machine.expect("foo:echo", echoes(), "created unikernel");
    const first = (await samples(wire, 1))[0]?.statistics;
    await machine.expect("foo:echo", restart, "created unikernel");
    const startOf = (sample: typeof first) => `${sample?.memory?.start.seconds} ${sample?.memory?.start.microseconds}`;
    await until("the new process is measured", () =>
      samplesOf(wire).some(({ statistics }) => startOf(statistics) !== startOf(first)),
    );
    await machine.expect("foo:echo", destroy, "destroyed unikernel");
    const count = namesOf(wire).length;
    const other = await subscription(":");
    await machine.expect("later", create(kernels["spin"]), "created unikernel");
    await samples(other, 2);
    assert.ok(namesOf(wire).length <= count + 1, "one may have been on its way");
    assert.deepEqual(new Set(namesOf(other)), new Set([":later"]));
    assert.ok(namesOf(wire).every((name) => name === ":echo"));
    wire.close();
    other.close();
  });

  it("are those of the process, and of the traffic on its tap", async () => {
    await machine.expect("foo:echo", echoes(), "created unikernel");
    const [tap = ""] = machine.taps();
    const sender = create(kernels["net-echo"], { networks: [network("service", bridge)], words: ["send=100"] });
    await machine.expect("sender", sender, "created unikernel");
    const shown = () => {
      const [link] = JSON.parse(execFileSync("ip", ["-s", "-j", "link", "show", tap], { encoding: "utf8" }));
      const { rx, tx } = link.stats64;
      return [rx.packets, rx.bytes, tx.packets, tx.bytes, rx.dropped, tx.dropped] as const;
    };
    await until("the frames have come back", () => shown()[0] >= 100);
    const earlier = shown();
    const { interfaces, resourceUsage, memory } = await freshSample("foo:echo");
    const later = shown();
    const [data, ...more] = interfaces;
    assert.ok(data !== undefined && more.length === 0);
    const values = [
      data.inputPackets,
      data.inputBytes,
      data.outputPackets,
      data.outputBytes,
      data.inputDropped,
      data.outputDropped,
    ].map(Number);
    for (const [at, value] of values.entries()) {
      assert.ok(Number(earlier[at]) <= value && value <= Number(later[at]), `${earlier} ${values} ${later}`);
    }
    assert.ok(Number(values[0]) >= 100 && Number(values[1]) >= 100 * 60);
    assert.equal(data.bridge, "service");

    const [pid = 0] = machine.processesOf("foo:echo");
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const pages = (label: string) => BigInt(new RegExp(`^${label}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 4n;
    assert.equal(memory?.vsize, pages("VmSize") * 4096n);
    assert.equal(resourceUsage.maxrss, pages("VmHWM"));
    assert.ok(resourceUsage.nvcsw > 0n);
  });

  it("have KVM's counters", { skip: hasCounters ? false : "no counters of KVM here" }, async () => {
    const { hypervisor } = await freshSample("foo:echo");
    const [pid] = machine.processesOf("foo:echo");
    // The names and values that somebody else can read; an emulated CPU has none.
    const show = `cd /sys/kernel/debug/kvm/${pid}-* && grep -HE "^[0-9]+$" *`;
    const { stdout } = spawnSync(debugfs[0] ?? "", [...debugfs.slice(1), "sh", "-c", show], {
      encoding: "utf8",
      timeout: 60_000,
    });
    const names = stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.slice(0, line.indexOf(":"))]));
    assert.deepEqual(hypervisor?.map(({ key }) => key) ?? [], names.sort());
    const pages = stdout.match(/pages_4k:(\d+)/)?.[1];
    assert.equal(String(hypervisor?.find(({ key }) => key === "pages_4k")?.value), String(pages));
  });

  it("are shown by the client, as text and as JSON", async () => {
    const words = [`--tmpdir=${machine.tmpdir}`, "-n", "foo:"];
    const text = await runClient(["stats", ...words], {
      onOutput: (out, kill) => out.includes("bridge service flags") && kill("SIGINT"),
    });
    assert.equal(text.status, 130);
    assert.match(text.stdout, /^host \[unikernel: foo:\]: success: subscribed\nstats: utime \d+\.\d{6} /);
    assert.match(text.stderr, /\[unikernel: foo:echo\]/);
    const json = await runClient(["stats", "--json", ...words], {
      onOutput: (out, kill) => out.includes('"kind":"statistics"') && kill("SIGINT"),
    });
    const sample = JSON.parse(json.stdout.split("\n")[1] ?? "");
    assert.equal(sample.host, "foo:echo");
    assert.ok(sample.memory.rss > 0);
  });

  it("reach a remote client by certificate, who may only look", async () => {
    const cwd = join(machine.directory, "client");
    mkdirSync(cwd);
    const client = (words: readonly string[], onOutput?: Parameters<typeof runClient>[1]) =>
      runClient(words, { cwd, ...onOutput });
    assert.equal((await client(["generate", "ca", "db"])).status, 0);
    const port = await freePort();
    const files = ["cacert.pem", "server.pem", "server.key"].map((file) => join(cwd, file));
    const flags = [`--tmpdir=${machine.tmpdir}`, "--ip=127.0.0.1", `--port=${port}`, ...files];
    const influx = `--influx=127.0.0.1:${await endpointNumbers.listen()}`;
    const endpoint = machine.launch("albatross-tls-endpoint", [influx, ...flags, "-v"]);
    await endpoint.logged("listening on");
    const far = ["--ca=cacert.pem", "--ca-key=ca.key", `--destination=127.0.0.1:${port}`];
    const wanted = '"kind":"statistics"';
    const got = await client(["stats", "--json", "-n", "later", ...far], {
      onOutput: (out, kill) => out.includes(wanted) && kill("SIGINT"),
    });
    assert.equal(got.status, 130, got.stderr);
    const [reply, sample] = got.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(reply, { kind: "success", host: ":later", text: "subscribed" });
    assert.equal(sample.host, ":later");
    const subscribed = stats.log.split("a subscriber of [unikernel: :later]").length;
    assert.equal(subscribed, 2);
    // What only albatrossd may do is refused from afar.
    const refused = await client(["stats-remove", "-n", "later", ...far]);
    assert.equal(refused.status, 117, refused.stdout);
    assert.match(refused.stdout, /unexpected command/);
  });

  it("survive a restart of albatrossd, which leaves its unikernels running, without a gap in the subscription", async () => {
    const wire = await subscription("foo:echo");
    await samples(wire, 1);
    const [pid] = machine.processesOf("foo:echo");
    await albatrossd.stop("SIGKILL");
    albatrossd = await machine.startDaemon();
    const count = namesOf(wire).length;
    await samples(wire, count + 2);
    await until("it is connected again", () => stats.log.split("connected to albatrossd").length > 2);
    await samples(wire, namesOf(wire).length + 2);
    assert.equal(machine.processesOf("foo:echo")[0], pid);
    assert.equal(wire.closed, false);
    wire.close();
  });

  it("of the endpoint itself come every ten seconds", async () => {
    const line = "connections,vm=albatross_tls_endpoint,kind=tls active=0i,total=2i\n";
    await until("the endpoint tells of itself", () => endpointNumbers.text.includes(line));
  });
});

describe("a real InfluxDB", { skip: Influxd.unavailable() ?? false }, () => {
  const host = new Machine();
  const collector = new Collector();
  const own = new Collector();
  let influxd: Influxd;

  before(async () => {
    influxd = await Influxd.start();
    for (const name of ["tcp", "http", "own"]) await influxd.query(`CREATE DATABASE ${name}`);
    const ownFlag = `--influx=127.0.0.1:${await own.listen()}`;
    await host.startStats({ flags: [ownFlag] });
    await host.startConsole({ flags: [ownFlag] });
    await host.startDaemon({ flags: [...defaultFlags(), ownFlag] });
    const port = await collector.listen();
    host.launch("albatross-influx", [`--tmpdir=${host.tmpdir}`, `--influx=127.0.0.1:${port}`, "-vv"]);
    const file = join(host.directory, "credentials");
    writeFileSync(file, `${influxd.credentials}\n`, { mode: 0o600 });
    const words = [
      `--influx-url=${influxd.url}`,
      "--influx-database=http",
      `--influx-credentials-file=${file}`,
      "--influx-gzip",
    ];
    host.launch("albatross-influx", [`--tmpdir=${host.tmpdir}`, "--no-drop-path", "-vv", ...words]);
    kernels = await images();
    await host.expect("foo:spin", create(kernels["spin"]), "created unikernel");
  });
  after(async () => {
    await host.close();
    collector.close();
    own.close();
    await influxd?.stop();
  });

  it("takes what comes by TCP, line by line, with the values of the process", async () => {
    let lines = "";
    await until("lines come", () => {
      lines += collector.take();
      return lines.split("kinfo_mem").length > 3;
    });
    await influxd.write("tcp", lines);
    const rows = await influxd.query(`SELECT * FROM resource_usage WHERE vm='spin'`, "tcp");
    assert.ok(rows.length >= 3);
    const [pid = 0] = host.processesOf("foo:spin");
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    const now = (Number(stat[11]) + Number(stat[12])) / 100;
    const last = rows.at(-1);
    const used = Number(last?.["utime"]) + Number(last?.["stime"]);
    assert.ok(used > 0 && used <= now + 0.001, `${used} of ${now}`);
    assert.equal(last?.["maxflt"], last?.["majflt"]);
    const times = rows.map(({ time }) => Number(time) / 1e6);
    assert.ok(
      times.every((time, at) => at === 0 || time > (times[at - 1] ?? 0) + 500),
      String(times),
    );
    assert.ok(Math.abs(Date.now() - (times.at(-1) ?? 0)) < 60_000);
  });

  it("takes what comes by HTTP, with a user and a password, compressed, under full names", async () => {
    const rows = await until("rows come", async () => {
      const found = await influxd.query(`SELECT * FROM kinfo_mem WHERE vm='foo:spin'`, "http");
      return found.length >= 2 ? found : undefined;
    });
    const [pid = 0] = host.processesOf("foo:spin");
    const [size = ""] = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ");
    assert.equal(rows.at(-1)?.["vsize"], Number(size) * 4096);
    assert.ok(Number(rows.at(-1)?.["uptime"]) > 0);
  });

  it("takes what the daemons tell of themselves", async () => {
    let lines = "";
    const wanted = ["vm=albatross,", "vm=albatross_console,", "vm=albatross_stats,"];
    await until("all have told", () => {
      lines += own.take();
      return wanted.every((each) => lines.includes(`connections,${each}`)) && lines.includes("domain=foo");
    });
    await influxd.write("own", lines);
    const [used] = await influxd.query(`SELECT * FROM "albatross-unikernels" WHERE "domain"='foo'`, "own");
    assert.equal(used?.["running unikernels"], 1);
    assert.equal(used?.["used memory"], 16);
    const [policy] = await influxd.query(`SELECT * FROM "albatross-policies"`, "own");
    assert.ok(Number(policy?.["maximum memory"]) > 0);
    const kinds = await influxd.query("SELECT last(total) FROM connections GROUP BY vm, kind", "own");
    assert.deepEqual(kinds.map(({ vm, kind }) => `${vm} ${kind}`).sort(), [
      "albatross unix",
      "albatross_console fifo",
      "albatross_console unix",
      "albatross_stats unix",
    ]);
    for (const measurement of ["resource_usage", "kinfo_mem", "logs"]) {
      const rows = await influxd.query(`SELECT * FROM ${measurement} WHERE vm='albatross_stats'`, "own");
      assert.ok(rows.length > 0, measurement);
    }
  });
});
