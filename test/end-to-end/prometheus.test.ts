/** A real Prometheus reads what the daemons tell; its values are those of the kernel, and the dashboard finds them. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EndpointRig, leafFor } from "../daemon/tls-endpoint/endpoint-rig.ts";
import { create, images, network, until } from "./harness.ts";

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

const rig = new EndpointRig();
const { machine } = rig;
let scraped = 0;
let prometheus = 0;
let server: ReturnType<typeof spawn> | undefined;

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function query(expression: string): Promise<readonly Result[]> {
  const address = `http://127.0.0.1:${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`;
  const response = await fetch(address);
  const answer = (await response.json()) as { status: string; error?: string; data: { result: readonly Result[] } };
  assert.equal(answer.status, "success", `${expression}: ${answer.error}`);
  return answer.data.result;
}

/** Waits until an expression has a value that passes; gives it. */
async function value(expression: string, passes: (value: number) => boolean = () => true): Promise<number> {
  return await until(`Prometheus knows ${expression}`, async () => {
    const found = Number((await query(expression))[0]?.value[1] ?? Number.NaN);
    return !Number.isNaN(found) && passes(found) ? found : undefined;
  });
}

before(async () => {
  const socket = (daemon: string) => join(machine.tmpdir, "util", `${daemon}.metrics`);
  for (const folder of ["util", "fifo"]) mkdirSync(join(machine.tmpdir, folder), { recursive: true });
  await machine.startConsole();
  await machine.startDaemon({ flags: [`--metrics=${socket("albatrossd")}`] });
  await rig.start([`--metrics=${socket("endpoint")}`]);
  const common = [`--tmpdir=${machine.tmpdir}`, "-v"];
  const stats = machine.launch("albatross-stats", [...common, "--metrics=127.0.0.1:0"]);
  const log = await stats.logged(/serving metrics on 127\.0\.0\.1 port \d+/);
  scraped = Number(/serving metrics on 127\.0\.0\.1 port (\d+)/.exec(log)?.[1]);
  prometheus = await freePort();
  const configuration = join(machine.directory, "prometheus.yml");
  writeFileSync(
    configuration,
    `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: albatross, static_configs: [{targets: ['127.0.0.1:${scraped}']}]}]\n`,
  );
  server = spawn(
    "prometheus",
    [
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${join(machine.directory, "prometheus")}`,
      `--web.listen-address=127.0.0.1:${prometheus}`,
      "--log.level=error",
    ],
    { stdio: "ignore" },
  );
  const bridge = machine.bridge();
  const image = await images();
  await machine.expect(
    "shop:",
    { kind: "policy-add", policy: { unikernels: 4, cpuIds: [0], memory: 64, block: undefined, bridges: [bridge] } },
    "added policy",
  );
  await machine.expect(
    "shop:web",
    create(image["net-echo"], { networks: [network("service", bridge)] }),
    "created unikernel",
  );
  await machine.expect("none", { kind: "unikernel-destroy" }, "refused: destroy: not found");
  const leaf = leafFor(rig.root, ".", { kind: "unikernel-info" });
  assert.equal(await rig.ask(leaf), "unikernels");
  await until("Prometheus is ready", async () => {
    try {
      return (await fetch(`http://127.0.0.1:${prometheus}/-/ready`)).ok;
    } catch {
      return false; // it does not listen yet
    }
  });
});

after(async () => {
  const ended = new Promise((resolve) => server?.once("exit", resolve));
  server?.kill();
  if (server !== undefined) await ended;
  await rig.close();
});

describe("the metrics in Prometheus", () => {
  it("are scraped without a complaint", async () => {
    assert.equal(await value('up{job="albatross"}', (up) => up === 1), 1);
  });

  it("tell of unikernels and policies", async () => {
    assert.equal(await value('albatross_unikernel_state{path="shop",unikernel="web",state="running"}'), 1);
    assert.equal(await value('albatross_policy_unikernels{path="shop"}'), 4);
    assert.equal(await value('albatross_policy_used_unikernels{path="shop"}'), 1);
    assert.equal(await value('albatross_policy_used_memory_bytes{path="shop"}'), 16 * 2 ** 20);
    assert.equal(await value('albatross_policy_block_bytes{path="shop"}'), 0);
  });

  it("count commands by success, at the socket and from afar", async () => {
    const refused = 'albatross_requests_total{daemon="albatrossd",command="unikernel-destroy",result="failure"}';
    assert.equal(await value(refused), 1);
    const remote =
      'albatross_requests_total{daemon="albatross-tls-endpoint",command="unikernel-info",result="success"}';
    assert.equal(await value(remote, (count) => count === 1), 1);
    assert.equal(await value('albatross_tls_handshakes_total{result="success"}', (count) => count === 1), 1);
  });

  it("agree with /proc and with ip -s link", async () => {
    const [pid = 0] = machine.processesOf("shop:web");
    const [tap = ""] = machine.taps();
    const labels = '{path="shop",unikernel="web"}';
    await until("value and source agree", async () => {
      const [{ stats64 }] = JSON.parse(execFileSync("ip", ["-j", "-s", "link", "show", tap], { encoding: "utf8" })) as [
        { stats64: { rx: { bytes: number }; tx: { bytes: number } } },
      ];
      const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
      const received = await value(`albatross_unikernel_network_receive_bytes_total${labels}`);
      const sent = await value(`albatross_unikernel_network_transmit_bytes_total${labels}`);
      const memory = await value(`albatross_unikernel_resident_memory_bytes${labels}`);
      // The kernel counts some pages of a process late.
      return received === stats64.tx.bytes && sent === stats64.rx.bytes && Math.abs(memory - resident) < 2 ** 21;
    });
  });

  it("see a unikernel end", async () => {
    await machine.expect("shop:web", { kind: "unikernel-destroy" }, "destroyed unikernel");
    await until("nothing is used", async () => (await value('albatross_policy_used_unikernels{path="shop"}')) === 0);
    await until(
      "it is not measured any more",
      async () => (await query("albatross_unikernel_cpu_seconds_total")).length === 0,
    );
  });
});

describe("the Grafana dashboard", () => {
  const text = readFileSync(join(import.meta.dirname, "../../packaging/grafana/albatross.json"), "utf8");
  const { panels, templating } = JSON.parse(text) as {
    panels: readonly { title: string; targets: readonly { expr: string }[] }[];
    templating: { list: readonly { definition?: string }[] };
  };
  const expressions = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
  const variables = templating.list.flatMap(({ definition }) =>
    definition === undefined ? [] : [{ title: "variable", expr: definition }],
  );

  it("asks only for what there is", async () => {
    // Also of what has no sample at present: the unikernel has ended.
    const response = await fetch(`http://127.0.0.1:${prometheus}/api/v1/label/__name__/values`);
    const known = new Set(((await response.json()) as { data: readonly string[] }).data);
    for (const { title, expr } of [...expressions, ...variables]) {
      for (const [name] of expr.matchAll(/albatross_\w+/g)) assert.ok(known.has(name), `${title} asks for ${name}`);
    }
  });

  for (const { title, expr } of expressions) {
    it(`${title}: Prometheus understands ${expr}`, async () => {
      const filled = expr.replaceAll("$__rate_interval", "1m").replaceAll("$path", ".*").replaceAll("$unikernel", ".*");
      await query(filled);
    });
  }
});
