/** The programs in `examples/` do what they say on a real host. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { images, until } from "../end-to-end/harness.ts";
import { root } from "./documentation.ts";
import { type Ran, Stage } from "./stage.ts";

const stage = new Stage();
const script = (name: string) => join(root, "examples", `${name}.ts`);
let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
  await stage.set();
  for (const name of ["spin", "abort"] as const) writeFileSync(join(stage.directory, `${name}.hvt`), kernels[name]);
});
beforeEach(() => stage.reset());
after(() => stage.close());

describe("deploy-from-ci", () => {
  const secrets = () => {
    const text = (file: string) => readFileSync(join(stage.directory, file), "utf8");
    return {
      ALBATROSS_HOST: "127.0.0.1",
      ALBATROSS_PORT: String(stage.port),
      ALBATROSS_CA: text("user.pem"),
      ALBATROSS_CA_KEY: text("user.key"),
      ALBATROSS_SERVER_CA: text("cacert.pem"),
    };
  };
  const deploy = (words: readonly string[], changes: Readonly<Record<string, string>> = {}): Promise<Ran> =>
    stage.run(script("deploy-from-ci"), words, { environment: { ...secrets(), ...changes } });
  const found = async () =>
    (await stage.albatross.info("user:")).map(({ name, memoryMb, started }) => [
      name.text,
      memoryMb,
      started.getTime(),
    ]);

  it("deploys once, and again only what is another", async () => {
    const words = ["web", "ticker.hvt", "--memory=16", "--arg=interval=20"];
    const first = await deploy(words);
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /^web was started with [0-9a-f]{64}/);
    const before = await found();
    assert.deepEqual(before[0]?.slice(0, 2), ["user:web", 16]);
    const second = await deploy(words);
    assert.match(second.stdout, /^web runs [0-9a-f]{64} already\n$/);
    assert.equal(second.status, 0);
    assert.deepEqual(await found(), before);
    const larger = await deploy(["web", "ticker.hvt", "--memory=18", "--arg=interval=20"]);
    assert.match(larger.stdout, /which the host had already/);
    assert.equal((await found())[0]?.[1], 18);
  });

  it("tells by its exit status what went wrong", async () => {
    const soon = await deploy(["web", "abort.hvt", "--memory=16"]);
    assert.equal(soon.status, 115, soon.stderr);
    assert.equal((await deploy(["web", "missing.hvt"])).status, 124);
    assert.equal((await deploy(["web", "hello.hvt", "--net=service"])).status, 124);
    assert.equal((await deploy([])).status, 124);
    assert.equal((await deploy(["web", "hello.hvt"], { ALBATROSS_HOST: "" })).status, 124);
    assert.equal((await deploy(["web", "hello.hvt"], { ALBATROSS_PORT: "1" })).status, 122);
    assert.equal((await deploy(["web", "hello.hvt"], { ALBATROSS_SERVER_NAME: "other" })).status, 120);
    const refused = await deploy(["web", "hello.hvt", "--memory=1000"]);
    assert.equal(refused.status, 124);
    assert.match(refused.stderr, /exceeds policy/);
  });
});

describe("blue-green", () => {
  const update = (...words: readonly string[]) =>
    stage.run(script("blue-green"), [...words, `--tmpdir=${stage.machine.tmpdir}`]);
  const digest = async () => (await stage.albatross.info("hello"))[0]?.digest;

  it("keeps what is healthy, by its console and by an address", async () => {
    const before = await digest();
    const line = await update("hello", "spin.hvt", "--healthy=spin+ing");
    assert.equal(line.status, 0, line.stderr);
    assert.notEqual(await digest(), before);
    let asked = 0;
    const server = createServer((_, answer) => answer.writeHead(asked++ === 0 ? 503 : 200).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const address = await update("hello", "ticker.hvt", `--url=http://127.0.0.1:${port}/health`);
      assert.equal(address.status, 0, address.stderr);
    } finally {
      server.close();
    }
    assert.equal(asked, 2);
    assert.equal(await digest(), before);
  });

  it("goes back from what is not", async () => {
    const before = await digest();
    const silent = await update("hello", "spin.hvt", "--healthy=never printed", "--within=1");
    assert.equal(silent.status, 1, silent.stderr);
    assert.match(silent.stderr, /it is again what it was/);
    assert.equal(await digest(), before);
    const ended = await update("hello", "abort.hvt", "--healthy=.", "--within=2");
    assert.equal(ended.status, 1, ended.stderr);
    assert.equal(await digest(), before);
    const [hello] = await stage.albatross.info("hello");
    assert.equal(hello?.status?.state, "running");
    assert.equal(hello?.addName, false);
    assert.equal((await update("nobody", "spin.hvt", "--healthy=.")).status, 124);
    assert.equal((await update("hello", "spin.hvt")).status, 124);
  });
});

describe("autoscale", () => {
  it("follows the load up and down within its limits", async () => {
    // Low thresholds: on a machine with other work a busy unikernel gets little of a CPU.
    const flags = ["--min=1", "--max=2", "--up=0.04", "--down=0.02", "--cool-down=0", "--memory=16"];
    const words = ["worker", "spin.hvt", ...flags, `--tmpdir=${stage.machine.tmpdir}`];
    const running = async () =>
      (await stage.albatross.info()).map(({ name }) => name.text).filter((name) => /worker/.test(name));
    const { status, stdout, stderr } = await stage.run(script("autoscale"), words, {
      meanwhile: async (printed) => {
        await until(
          () => `it scales up: ${printed()}`,
          async () => (await running()).length === 2,
        );
        // The load goes.
        for (const name of ["worker-1", "worker-2"]) {
          const idle = { memoryMb: 16, addName: false, arguments: ["interval=1000"], image: kernels.ticker };
          await stage.albatross.create(name, { ...idle, force: true });
        }
        await until(
          () => `it scales down: ${printed()}`,
          async () => (await running()).join() === ":worker-1",
        );
      },
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(stdout.split("\n"), ["started worker-1", "started worker-2", "stopped worker-2", ""]);
    assert.deepEqual(await running(), [":worker-1"]);
  });

  it("refuses limits that make no sense", async () => {
    const { status } = await stage.run(script("autoscale"), ["worker", "spin.hvt", "--min=3", "--max=2"]);
    assert.equal(status, 124);
  });
});
