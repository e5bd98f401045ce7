/** From the original's state file to our albatrossd and back, with real daemons; and what is broken is never ignored. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { parseName } from "../../core/name.ts";
import { decodeState, encodeState } from "../../core/wire/state.ts";
import { runClient } from "../cli/run-client.ts";
import { unhex, vectorList } from "../support/vectors.ts";
import { config, create, destroy, images, Machine, plain, until } from "./harness.ts";

let kernels: Awaited<ReturnType<typeof images>>;
before(async () => {
  kernels = await images();
});

const endless = { words: ["sleep=1000"] } as const;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const client = (machine: Machine, ...words: readonly string[]) =>
  runClient([...words, `--dbdir=${machine.dbdir}`], { env: { TMPDIR: machine.directory } });

/** A state file without the root's policy: what this host has changes with the bridges of other tests. */
function withoutHost(bytes: Uint8Array) {
  const { unikernels, policies } = decodeState(bytes);
  return { unikernels, policies: policies.filter(({ name }) => name.text !== ":") };
}

describe("albatrossd", () => {
  it("does not start, and says so by its exit status, on a state file that it cannot read or understand", async () => {
    await Machine.with(async (machine) => {
      await machine.startConsole();
      const file = join(machine.dbdir, "state");
      const refuses = async (what: string, text: RegExp) => {
        const daemon = machine.launch("albatrossd", machine.words);
        assert.equal(await daemon.ends(), 125, `${what}: ${daemon.log}`);
        assert.match(daemon.log, text, what);
        assert.deepEqual(machine.rows(), [], what);
        assert.deepEqual(readdirSync(join(machine.dbdir, "images")), [], what);
      };
      const cannot = /Cannot import .*\/state: .*Nothing was started; repair the file, or move it away/s;
      const good = unhex(vectorList("state.json")[1]?.hex ?? "");
      const broken = vectorList("state.json").filter(({ error }) => error !== undefined);
      assert.ok(broken.length >= 4);
      for (const [what, bytes] of [
        ...broken.map(({ description, hex }) => [description ?? "", unhex(hex ?? "")] as const),
        ["empty", new Uint8Array()] as const,
        ["cut short", good.subarray(0, good.length - 1)] as const,
        ["with something behind it", Buffer.concat([good, Buffer.from("x")])] as const,
      ]) {
        writeFileSync(file, bytes);
        await refuses(what, cannot);
        assert.ok(Buffer.from(bytes).equals(readFileSync(file)), `${what}: it was changed`);
      }
      rmSync(file);
      mkdirSync(file);
      await refuses("a directory", cannot);
      rmSync(file, { recursive: true });
      writeFileSync(`${file}.bak`, good);
      await refuses("only its predecessor", /state: it is missing, but .*state\.bak is there/);
      rmSync(`${file}.bak`);
      await machine.startDaemon();
      assert.deepEqual(await machine.info(), []);
    });
  });
});

describe("the way back to the original", () => {
  it("gives everything that albatrossd has, in a file that another one can be started from", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      const policy = { unikernels: 4, cpuIds: [0], memory: 100, block: 3, bridges: [] };
      await machine.expect("foo:", { kind: "policy-add", policy }, "added policy");
      const wishes = { ...endless, memory: 20, startup: 3, addName: true };
      await machine.expect("foo:one", create(kernels["exit-code"], wishes), "created unikernel");
      await machine.expect("two", create(kernels["ticker"]), "created unikernel");
      const exported = await client(machine, "export-state");
      assert.deepEqual(exported.stderr, "");
      assert.match(exported.stdout, /^exported 2 unikernels and 2 policies to /);
      const file = join(machine.dbdir, "state");
      const state = decodeState(readFileSync(file));
      assert.deepEqual(
        state.unikernels.map(({ name, value: { image, ...rest } }) => [name.text, sha256(image), rest]),
        [
          ["foo:one", sha256(kernels["exit-code"]), { ...plain(wishes), type: "solo5", compressed: false }],
          [":two", sha256(kernels["ticker"]), { ...plain(), type: "solo5", compressed: false }],
        ],
      );
      const [root, foo] = state.policies;
      assert.deepEqual([root?.name.text, foo?.name.text, foo?.value], [":", "foo:", policy]);
      const shown = await client(machine, "inspect-dump");
      assert.deepEqual(await client(machine, "inspect-dump", "--file=state"), shown);
      await Machine.with(async (other) => {
        writeFileSync(join(other.dbdir, "state"), readFileSync(file));
        await other.start();
        await until("both run", async () => {
          const all = await other.status();
          return all.length === 2 && all.every((one) => one.state === "running");
        });
        assert.equal((await client(other, "export-state", "--force")).status, 0);
        assert.deepEqual(withoutHost(readFileSync(join(other.dbdir, "state"))), withoutHost(readFileSync(file)));
        const [payload] = await other.converse("foo:one", { kind: "unikernel-revisions", count: 1 });
        assert.ok(payload?.kind === "success" && payload.success.kind === "string");
        assert.match(payload.success.text, /"command":"imported"/, "what was taken over can be gone back to");
      });
    });
  });

  it("can be taken at any time, whatever albatrossd does meanwhile", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      let over = false;
      // Images come and go under the eyes of the export: each create has one of its own.
      const busy = Array.from({ length: 3 }, async (_, at) => {
        while (!over) {
          const image = Buffer.concat([kernels["exit-code"], randomBytes(1000)]);
          await machine.expect(`busy${at}`, create(image, endless), "created unikernel");
          await machine.expect(`busy${at}`, destroy, "destroyed unikernel");
        }
      });
      const file = join(machine.dbdir, "state");
      try {
        for (let at = 0; at < 12; at++) {
          const { status, stdout } = await client(machine, "export-state", "--force");
          assert.equal(status, 0, stdout);
          const { unikernels } = decodeState(readFileSync(file));
          for (const { value } of unikernels) assert.equal(value.image.length, kernels["exit-code"].length + 1000);
          assert.equal(statSync(file).mode & 0o777, 0o600);
        }
      } finally {
        over = true;
        await Promise.all(busy);
      }
      const left = readdirSync(machine.dbdir).filter((name) => name.startsWith("state"));
      assert.deepEqual(left, ["state"]);
      assert.ok(existsSync(file));
    });
  });

  it("is read as what it is by the daemon that finds a state file beside a database: not at all", async () => {
    await Machine.with(async (machine) => {
      const first = await machine.start();
      await machine.expect("mine", create(kernels["exit-code"], endless), "created unikernel");
      await first.stop();
      const foreign = [{ name: parseName("foreign"), value: config(kernels["ticker"]) }];
      writeFileSync(join(machine.dbdir, "state"), encodeState({ unikernels: foreign, policies: [] }));
      await machine.startDaemon();
      await machine.reaches("mine", "running");
      assert.deepEqual(
        (await machine.info()).map(({ name }) => name),
        [":mine"],
      );
    });
  });
});
