/** `create --typ bhyve`: what is sent of it (client.md 4). */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import type { UnikernelConfig } from "../../core/unikernel.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { listenPeer, onFrames } from "../client/scripted-peer.ts";
import { runClient } from "./run-client.ts";

describe("create --typ bhyve", () => {
  let directory = "";
  let image = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "albatross-bhyve-cli-"));
    mkdirSync(join(directory, "util"));
    image = join(directory, "no-image");
    writeFileSync(image, "this is no image, and is not read");
  });
  after(() => rmSync(directory, { recursive: true }));

  const run = async (...words: readonly string[]) => {
    const configs: UnikernelConfig[] = [];
    const text = fromText("created unikernel");
    const accept = (socket: Parameters<Parameters<typeof listenPeer>[0]>[0]) =>
      onFrames(socket, (bytes) => {
        const { header, payload } = decodeMessage(bytes);
        if (payload.kind === "command" && payload.command.kind === "unikernel-create")
          configs.push(payload.command.config);
        socket.end(encodeFrame({ header, payload: { kind: "success", success: { kind: "string", text } } }));
      });
    const peer = await listenPeer(accept, join(directory, "util/vmmd.sock"));
    try {
      const done = await runClient(["create", "vm", ...words, "--typ=bhyve", "--no-wait", `--tmpdir=${directory}`]);
      return { ...done, configs };
    } finally {
      await peer.close();
    }
  };

  it("sends CPUs, boot partition and devices, and no image, whatever the file is", async () => {
    const words = ["--cpus=4", "--linux-boot=gpt2", "--mem=512", "--block=0:disk", "--block=1:data", "--net=0:service"];
    const { status, stdout, configs } = await run(image, ...words);
    assert.equal(status, 0);
    assert.equal(stdout, "host [unikernel: :vm]: success: created unikernel\n");
    assert.equal(configs.length, 1);
    const [config] = configs;
    assert.deepEqual([config?.type, config?.compressed, config?.image.length], ["bhyve", false, 0]);
    assert.deepEqual([config?.cpus, config?.linuxBootPartition, config?.memory], [4, "gpt2", 512]);
    assert.deepEqual(
      config?.blockDevices.map(({ name, device }) => [name, device]),
      [
        ["0", "disk"],
        ["1", "data"],
      ],
    );
    assert.deepEqual(
      config?.networks.map(({ name, bridge }) => [name, bridge]),
      [["0", "service"]],
    );
  });

  it("has one CPU and no boot partition unless told", async () => {
    const { configs } = await run(image, "--block=0:disk");
    assert.deepEqual(
      [configs[0]?.cpus, configs[0]?.linuxBootPartition, configs[0]?.arguments],
      [1, undefined, undefined],
    );
  });

  it("still wants the file to be there, and at least one CPU", async () => {
    for (const words of [[join(directory, "none")], [image, "--cpus=0"], [image, "--cpus=-1"], [image, "--cpus=x"]]) {
      const { status, configs } = await run(...words);
      assert.deepEqual([status, configs.length], [124, 0], words.join(" "));
    }
  });
});
