/** Plugins in real daemons: from the compiled executable, if there is one. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { type BackendType, parseUnikernelType } from "../../core/unikernel-type.ts";
import type { Command } from "../../core/wire/message.ts";
import { STATUS_SEQUENCE } from "../../core/wire/status-request.ts";
import { runClient } from "../cli/run-client.ts";
import { copyExample } from "../examples/copy-example.ts";
import { buildKernel } from "../examples/kernel/build.ts";
import { idlePlugin, PluginFolder } from "../plugins/plugin-files.ts";
import {
  commandFrame,
  config,
  create,
  destroy,
  images,
  Machine,
  network,
  type plain,
  restarting,
  until,
} from "./harness.ts";

const isRoot = process.getuid?.() === 0;
const none = new Uint8Array();

/** A create for a backend. */
function createBy(type: string, image: Uint8Array, changes: Parameters<typeof plain>[0] = {}): Command {
  const known = parseUnikernelType(type) ?? assert.fail(`${type} is no type`);
  return { kind: "unikernel-create", config: { ...config(image, changes), type: known as BackendType } };
}

/** The source of a plugin with a backend whose `check` is this. */
function backendPlugin(name: string, check: string, more = ""): string {
  return `({ startProcess, log }) => ({
    apiVersion: 1,
    name: "${name}",
    backends: [{ interfaceVersion: 1, name: "${name}", handles: (type) => type === "${name}", ${more} check: ${check} }],
  });`;
}

/** A check whose guests are shells that run this. */
function shell(script: string): string {
  return `async () => ({
    description: "a shell",
    emulated: false,
    launch: async (request) => startProcess(["/bin/sh", "-c", ${JSON.stringify(script)}, request.imageFile], request),
  })`;
}

/** A name space in which this file names the plugins. */
function withSettings(machine: Machine, settings: object): readonly string[] {
  const etc = join(machine.directory, "etc");
  mkdirSync(join(etc, "albatross"), { recursive: true, mode: 0o755 });
  writeFileSync(join(etc, "albatross", "plugins.json"), JSON.stringify(settings), { mode: 0o644 });
  return ["unshare", "--mount", "sh", "-c", `mount --bind ${etc} /etc && exec "$@"`, "sh"];
}

/** Whether name spaces can be made here. */
const hasNameSpaces = isRoot && spawnSync("unshare", ["--mount", "true"]).status === 0;

describe("a backend of a plugin", () => {
  it("boots kernels in QEMU, which are watched, adopted, and destroyed like all others", {
    skip: !hasNameSpaces,
  }, async () => {
    await Machine.with(async (machine) => {
      const kernel = new Uint8Array(readFileSync(buildKernel(machine.directory)));
      const file = copyExample("qemu-backend");
      const wrapper = withSettings(machine, { albatrossd: [{ file, options: { accelerator: "tcg" } }] });
      await machine.startConsole();
      const albatrossd = await machine.startDaemon({ wrapper });
      await albatrossd.logged(`loaded the plugin qemu (${file}): backends`);
      const bridge = machine.bridge();
      await machine.expect(
        "t:web",
        createBy("qemu", kernel, {
          memory: 64,
          addName: true,
          words: ["a b", "tick"],
          networks: [network("net", bridge)],
        }),
        "created unikernel",
      );
      const console = await machine.console("t:web");
      await console.line(/^command line: \S+ --name=web a b tick$/);
      await console.line(/^net (..:){5}..$/);
      await console.line("tick 3");
      const status = await machine.reaches("t:web", "running");
      assert.match(status.launcher ?? "", /^QEMU with an emulated CPU/);
      // Others are told the nearest type that they know; who asks for more gets the name.
      assert.equal((await machine.info("t:web"))[0]?.info.type, "solo5");
      const [first] = await machine.converse("t:web", { kind: "unikernel-info" }, STATUS_SEQUENCE);
      assert.ok(first?.kind === "success" && first.success.kind === "unikernels");
      assert.equal(first.success.unikernels[0]?.info.type, "qemu");

      // albatrossd dies, and the next one has not got the plugin: what runs is adopted all the same.
      await albatrossd.stop("SIGKILL");
      await machine.startDaemon();
      assert.equal((await machine.reaches("t:web", "running")).pid, status.pid);
      assert.equal(machine.taps().length, 1);
      await machine.expect("t:web", destroy, "destroyed unikernel");
      assert.deepEqual(machine.traces(), []);
    });
  });

  it("ends by itself, and is restarted as it shall be", async () => {
    await Machine.with(async (machine) => {
      using folder = new PluginFolder();
      const dies = folder.plugin("dies.js", backendPlugin("dies", shell("echo started; sleep 0.1; exit 3")));
      await machine.start({ flags: [`--plugin=${dies}`] });
      await machine.expect(":once", createBy("dies", none), "created unikernel");
      await machine.expect(":often", createBy("dies", none, { failBehaviour: restarting }), "created unikernel");
      await until("it has ended", async () => (await machine.statusOf(":once"))?.lastExit === "exit 3");
      await until("it was restarted", async () => ((await machine.statusOf(":often"))?.restarts ?? 0) > 0);
      const console = await machine.console(":often");
      await console.line("started", 2);
      await machine.expect(":often", destroy, /^destroyed/);
    });
  });

  it("is listed when there is no such one, and missed when it is gone", async () => {
    await Machine.with(async (machine) => {
      using folder = new PluginFolder();
      const file = folder.plugin("sleepy.js", backendPlugin("sleepy", shell("exec sleep 1000")));
      const daemon = await machine.start({ flags: ["--plugin", file] });
      await machine.expect(
        ":x",
        createBy("none", none),
        /^refused: .*of type none on this host: there are backends for hvt, spt, bhyve, sleepy only/,
      );
      await machine.expect(":x", createBy("sleepy", none), "created unikernel");
      await daemon.stop();
      await machine.startDaemon();
      const { reason } = await machine.reaches(":x", "failed");
      assert.match(reason ?? "", /of type sleepy on this host: there are backends for hvt, spt, bhyve only/);
    });
  });

  it("is bound by policies, and gets an image if it wants one", async () => {
    await Machine.with(async (machine) => {
      using folder = new PluginFolder();
      const inspect = `async (request) => {
        if (!require("node:fs").readFileSync(request.imageFile, "utf8").startsWith("good")) {
          throw Object.assign(new Error("this is no good image"), { name: "BackendRefusal" });
        }
        return await (${shell("cat $0; exec sleep 1000")})();
      }`;
      const wanting = folder.write(
        "wanting.cjs",
        `module.exports = ${backendPlugin("wanting", inspect, `images: "required",`)}`,
      );
      const refusing = folder.plugin(
        "without.js",
        backendPlugin("without", shell("exec sleep 1000"), `images: "none",`),
      );
      await machine.start({ flags: [`--plugin=${wanting}`, `--plugin=${refusing}`] });
      const policy = { unikernels: 1, cpuIds: [0], memory: 100, block: undefined, bridges: [] };
      await machine.expect("t:", { kind: "policy-add", policy }, "added policy");
      const good = Buffer.from("good image\n");
      await machine.expect("t:a", createBy("wanting", good, { memory: 101 }), /^refused: .*memory/);
      await machine.expect(
        "t:a",
        createBy("wanting", none, { memory: 50 }),
        /^refused: .*there is no image, and it boots from one/,
      );
      await machine.expect("t:a", createBy("wanting", Buffer.from("bad")), "refused: this is no good image");
      await machine.expect(
        "t:a",
        createBy("without", good),
        /^refused: .*it takes no image\. Give \/dev\/null in its place/,
      );
      await machine.expect("t:a", createBy("wanting", good), "created unikernel");
      await machine.expect("t:b", createBy("without", none), /^refused: /);
      await (await machine.console("t:a")).line("good image");
      await machine.expect(":b", createBy("without", none), "created unikernel");
      assert.equal((await machine.info(":b"))[0]?.info.type, "bhyve");
    });
  });

  it("is chosen by the client's --typ", async () => {
    await Machine.with(async (machine) => {
      using folder = new PluginFolder();
      const file = folder.plugin("sleepy.js", backendPlugin("sleepy", shell("cat $0; exec sleep 1000")));
      await machine.start({ flags: [`--plugin=${file}`] });
      const image = folder.write("image", "the image\n");
      const to = `--tmpdir=${machine.tmpdir}`;
      const run = async (...words: readonly string[]) => await runClient([...words, to]);
      assert.equal((await run("create", "a", image, "--typ=sleepy")).status, 0);
      assert.equal((await run("create", "b", "/dev/null", "--typ=sleepy", "--compression-level=9")).status, 0);
      const refused = await run("create", "c", image, "--typ=nothing");
      assert.equal(refused.status, 117);
      assert.match(refused.stdout + refused.stderr, /there are backends for hvt, spt, bhyve, sleepy only/);
      assert.equal((await run("create", "c", image, "--typ=No")).status, 124);
      const listed = JSON.parse((await run("info", "--json")).stdout) as {
        unikernels: { name: string; type: string; digest: unknown }[];
      };
      const types = listed.unikernels.map(({ name, type, digest }) => [name, type, digest === null]);
      assert.deepEqual(types.toSorted(), [
        [":a", "sleepy", false],
        [":b", "sleepy", true],
      ]);
    });
  });
});

describe("a faulty plugin", () => {
  it("is named in the log, and the daemon goes on", { timeout: 120_000 }, async () => {
    const kernels = await images();
    await Machine.with(async (machine) => {
      using folder = new PluginFolder();
      const later = `setTimeout(() => { throw new Error("in a timer") }, 1);
        void Promise.reject(new Error("rejected by nobody"));
        void Promise.reject("a text");
        void require("node:fs").promises.readFile("/nonexistent/file");`;
      const files = [
        folder.write("load.js", `throw new Error("at load")`),
        folder.plugin("version.js", idlePlugin("version", 2)),
        folder.plugin("throws.js", backendPlugin("throws", `() => { throw new Error("at once") }`)),
        folder.plugin("rejects.js", backendPlugin("rejects", `async () => { throw new Error("then") }`)),
        folder.plugin("never.js", backendPlugin("never", `() => new Promise(() => undefined)`)),
        folder.plugin("absurd.js", backendPlugin("absurd", `async () => 42`)),
        folder.write(
          "loose.cjs",
          `module.exports = ${backendPlugin("loose", `async () => { ${later} return await (${shell("exec sleep 1000")})() }`)}`,
        ),
      ];
      const open = folder.plugin("open.js", idlePlugin("open"));
      chmodSync(open, 0o666);
      const daemon = await machine.start({ flags: [...files, open].map((file) => `--plugin=${file}`) });
      await daemon.logged(`[ERROR] Cannot load the plugin ${files[0]}: at load`);
      await daemon.logged(`[ERROR] Cannot load the plugin ${files[1]}: it is for version 2 of the interface`);
      await daemon.logged(`[ERROR] Cannot load the plugin ${open}: ${open} can be written by everybody`);
      await machine.expect(":a", createBy("throws", none), "refused: the plugin throws failed to check: at once");
      await daemon.logged("[ERROR] plugin throws: the plugin throws failed to check: at once");
      await machine.expect(":a", createBy("rejects", none), "refused: the plugin rejects failed to check: then");
      const waiting = machine.ask(":n", createBy("never", none));
      await machine.expect(":a", createBy("absurd", none), /^refused: the plugin absurd gave no launcher/);
      await machine.expect(":l", createBy("loose", none), "created unikernel");
      await daemon.logged("[ERROR] plugin loose: an exception that nobody catches: in a timer");
      await daemon.logged("[ERROR] plugin loose: a rejection that nobody waits for: rejected by nobody");
      await daemon.logged(/one of the plugins throws, .*loose: a rejection that nobody waits for: a text/);
      await daemon.logged(/a rejection that nobody waits for: ENOENT/);
      await machine.expect(":s", create(kernels.ticker), "created unikernel"); // while one waits
      assert.equal(await waiting, "refused: the plugin never took longer than 10000 ms to check");
      await machine.expect(":l", destroy, "destroyed unikernel");
      assert.equal(await daemon.stop(), 0);
    });
  });
});

describe("plugins of albatross-stats", () => {
  it("measure, and report: named by the configuration file, with options", { skip: !hasNameSpaces }, async () => {
    const kernels = await images();
    await Machine.with(async (machine) => {
      using folder = new PluginFolder();
      const file = join(machine.directory, "stats.csv");
      const counting = folder.plugin(
        "counting.js",
        `({ options }) => ({ apiVersion: 1, name: "counting", collectors: [{ interfaceVersion: 1, name: "counting", open: () => ({
          sample: () => ({ hypervisor: [{ key: options.key, value: 42n }] }), close() {} }) }] })`,
      );
      const broken = folder.plugin(
        "broken.js",
        `{ apiVersion: 1, name: "broken", collectors: [{ interfaceVersion: 1, name: "broken", open: () => ({
          sample() { throw new Error("no sample") }, close() {} }) }], reporters: [{ name: "broken", report() { throw new Error("no report") } }] }`,
      );
      const wrapper = withSettings(machine, {
        "albatross-stats": [
          { file: copyExample("csv-reporter.ts"), options: { file } },
          { file: counting, options: { key: "answers" } },
          { file: broken },
        ],
      });
      await machine.start();
      const stats = await machine.startStats({ wrapper });
      await stats.logged(/loaded the plugin csv/);
      await machine.expect("t:web", create(kernels.ticker), "created unikernel");
      await until("there are samples", () => existsSync(file) && readFileSync(file, "utf8").split("\n").length > 3);
      assert.match(readFileSync(file, "utf8"), /^time,unikernel.*\n[^,\n]*,t:web,\d/);
      await stats.logged("[ERROR] plugin broken: the plugin broken failed to report: no report");
      const wire = await machine.connect(machine.statsSocket);
      wire.send(commandFrame("t:web", { kind: "statistics-subscribe" }));
      await wire.frame(1);
      const sample = wire.messages[1]?.payload;
      assert.ok(sample?.kind === "data" && sample.data.kind === "statistics");
      assert.deepEqual(sample.data.statistics.hypervisor, [{ key: fromText("answers"), value: 42n }]);
      assert.equal(await stats.stop(), 0);
    });
  });
});
