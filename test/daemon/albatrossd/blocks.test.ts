/** What albatrossd itself does with block devices, where commands meet in the same instant. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { apply } from "../../../core/engine/apply.ts";
import type { Event } from "../../../core/engine/event.ts";
import { EMPTY_STATE, type State } from "../../../core/engine/state.ts";
import { type Name, parseName } from "../../../core/name.ts";
import { blockFile } from "../../../core/paths.ts";
import { prepareBlocks } from "../../../daemon/albatrossd/block-files.ts";
import { BlockCommands } from "../../../daemon/albatrossd/blocks.ts";
import type { Outcome } from "../../../daemon/albatrossd/session.ts";
import { TENANT_STREAMS_MAX } from "../../../daemon/albatrossd/streams.ts";
import { takeDescriptors } from "../../support/descriptors.ts";

let directory: string;
let state: State;
let told: (event: Event) => void;
let blocks: BlockCommands;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-blocks-"));
  prepareBlocks(directory);
  const policy = { unikernels: 9, cpuIds: [], memory: 9, block: 100, bridges: [] };
  state = apply(EMPTY_STATE, { kind: "policy-added", name: parseName(":"), policy });
  told = () => undefined;
  const restore = (...events: readonly Event[]) => {
    for (const event of events) state = apply(state, event);
  };
  const note = (...events: readonly Event[]) => {
    restore(...events);
    for (const event of events) told(event);
  };
  blocks = new BlockCommands(
    {
      get state() {
        return state;
      },
      restore,
      note,
    },
    directory,
  );
});

afterEach(() => rmSync(directory, { recursive: true }));

function textOf(outcome: Outcome): string {
  if (outcome.kind !== "reply") return outcome.kind;
  const { reply } = outcome;
  if (reply.kind === "failure") return `refused: ${reply.text}`;
  return reply.kind === "success" && reply.success.kind === "string" ? reply.success.text : reply.kind;
}

const add = async (name: Name) => textOf(await blocks.perform(name, { kind: "block-add", size: 1 }));
const content = (name: Name) => readFileSync(blockFile(directory, name));
const remove = async (name: Name) => textOf(await blocks.perform(name, { kind: "block-remove" }));

describe("the commands about block devices", () => {
  it("change nothing without a descriptor for the folder, if they are refused for that", async () => {
    const name = parseName("foo:disk");
    assert.equal(await add(name), "added block device");
    const outcome = await blocks.perform(name, { kind: "block-set", compressed: false });
    assert.ok(outcome.kind === "receive");
    await outcome.receiver.write(new Uint8Array(2 ** 20).fill(7));
    let giveBack = takeDescriptors();
    const reply = await outcome.receiver.finish().finally(giveBack);
    assert.match(textOf({ kind: "reply", reply, keep: false }), /^refused: error writing to file descriptor: EMFILE/);
    assert.ok(content(name).equals(new Uint8Array(2 ** 20)));
    giveBack = takeDescriptors();
    assert.match(await remove(name).finally(giveBack), /^refused: EMFILE/);
    assert.ok(state.blocks.has(name.key) && existsSync(blockFile(directory, name)));
    assert.equal(await remove(name), "removed block");
  });

  it("hold a device that is made while the removal of one of the same name comes to its end", async () => {
    const name = parseName("foo:disk");
    for (let round = 0; round < 20; round++) {
      assert.equal(await add(name), "added block device");
      let again: Promise<string> | undefined;
      let made = false;
      told = ({ kind }) => {
        if (kind !== "block-removed" || again !== undefined) return;
        again = Promise.resolve()
          .then(async () => await add(name))
          .finally(() => {
            made = true;
          });
      };
      assert.equal(await remove(name), "removed block");
      await Promise.resolve();
      await Promise.resolve();
      if (!made)
        assert.deepEqual(state.blocks.get(name.key)?.holds, ["write"], "nobody may have it before it is there");
      assert.equal(await again, "added block device");
      told = () => undefined;
      assert.equal(await remove(name), "removed block");
    }
  });

  it("keep a device that cannot be removed free for others", async () => {
    const name = parseName("foo:disk");
    assert.equal(await add(name), "added block device");
    rmSync(blockFile(directory, name));
    assert.equal(await remove(name), "refused: file does not exist");
    assert.deepEqual(state.blocks.get(name.key)?.holds, []);
  });

  it("leave places for others, however many contents a tenant sends and takes at a time", async () => {
    const names = Array.from({ length: TENANT_STREAMS_MAX + 1 }, (_, at) => parseName(`foo:sub:d${at}`));
    const other = parseName("bar:disk");
    for (const name of [...names, other]) assert.equal(await add(name), "added block device");
    const set = async (name: Name) => await blocks.perform(name, { kind: "block-set", compressed: false });
    const outcomes: Outcome[] = [];
    for (const name of names) outcomes.push(await set(name));
    const last = outcomes.pop();
    assert.ok(last !== undefined);
    assert.match(
      textOf(last),
      /^refused: 8 block devices are being sent, received or copied already; try again later$/,
    );
    outcomes.push(await set(other));
    for (const outcome of outcomes) {
      assert.ok(outcome.kind === "receive");
      await outcome.receiver.abort();
      await outcome.receiver.abort();
    }
    const [first] = names;
    assert.ok(first !== undefined);
    const again = await set(first);
    assert.ok(again.kind === "receive");
    assert.equal((await again.receiver.finish()).kind, "success");
    assert.ok(existsSync(blockFile(directory, first)));
  });
});
