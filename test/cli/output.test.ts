import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, afterEach, before, describe, it } from "node:test";
import { hexDump } from "../../cli/hex-dump.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { Success } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { makeImage } from "../backends/synthetic-image.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "../client/scripted-peer.ts";
import { readRecordedCalls, recordedCall } from "./recorded-calls.ts";
import { playTranscript, readTranscript } from "./recorded-peer.ts";
import { clientCommand, runClient } from "./run-client.ts";

let directory = "";
let peers: ScriptedPeer[] = [];

before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-output-"));
  mkdirSync(join(directory, "util"));
  writeFileSync(join(directory, "hello.hvt"), makeImage());
});

afterEach(async () => {
  for (const peer of peers) await peer.close();
  peers = [];
});

after(() => rmSync(directory, { recursive: true }));

async function listen(role: "vmmd" | "console", accept: (socket: Socket) => void): Promise<void> {
  peers.push(await listenPeer(accept, join(directory, "util", `${role}.sock`)));
}

/** A daemon that answers every command, by its kind; commands it does not know end the connection. */
async function answer(role: "vmmd" | "console", replies: Readonly<Record<string, Success>>): Promise<void> {
  await listen(role, (socket) =>
    onFrames(socket, (payload) => {
      const { header, payload: content } = decodeMessage(payload);
      const success = content.kind === "command" ? replies[content.command.kind] : undefined;
      if (success !== undefined) socket.write(encodeFrame({ header, payload: { kind: "success", success } }));
      socket.end();
    }),
  );
}

const client = (...words: string[]) => runClient([...words, `--tmpdir=${directory}`]);
const created: Success = { kind: "string", text: fromText("created unikernel") };
const none: Success = { kind: "unikernels", unikernels: [] };

function consoleLine(line: Uint8Array, timestamp = 1_795_296_029_123): Uint8Array {
  const data = { kind: "console", timestamp, line } as const;
  return encodeFrame({ header: { sequence: 0n, name: parseName("hello") }, payload: { kind: "data", data } });
}

async function serveConsole(lines: readonly Uint8Array[], end: boolean): Promise<void> {
  await listen("console", (socket) =>
    onFrames(socket, (payload) => {
      const { header } = decodeMessage(payload);
      const success = { kind: "string", text: fromText("subscribed") } as const;
      socket.write(encodeFrame({ header, payload: { kind: "success", success } }));
      for (const line of lines) socket.write(line);
      if (end) socket.end();
    }),
  );
}

describe("a dead socket", () => {
  it("is reported as recorded, with a hint on standard error", async () => {
    const recorded = readRecordedCalls().find(({ status }) => status === 122);
    const got = await client("info");
    const path = join(directory, "util/vmmd.sock");
    assert.equal(got.stdout, recorded?.stdout.replaceAll("$W/util/vmmd.sock", path));
    assert.equal(got.stderr, "albatross-client: is the daemon running? Its directory can be given with --tmpdir\n");
    assert.equal(got.status, 122);
  });

  it("is an object with --json, and nothing with -q", async () => {
    const got = await client("info", "--json");
    const { kind, code, exitStatus } = JSON.parse(got.stdout) as Record<string, unknown>;
    assert.deepEqual({ kind, code, exitStatus }, { kind: "error", code: "connect", exitStatus: 122 });
    assert.equal(got.stderr, "");
    assert.deepEqual(await client("info", "-q"), { status: 122, stdout: "", stderr: "" });
  });
});

describe("a daemon that misbehaves", () => {
  for (const [what, bytes] of [
    ["closes without a reply", new Uint8Array(0)],
    ["sends garbage", Uint8Array.of(0, 0, 0, 2, 5, 5)],
    ["closes within a reply", Uint8Array.of(0, 0, 0, 20, 0x30)],
  ] as const) {
    it(`and ${what}: 121`, async () => {
      await listen("vmmd", (socket) => onFrames(socket, () => socket.end(bytes)));
      const got = await client("destroy", "hello");
      assert.equal(got.status, 121);
      assert.match(got.stdout, /^albatross-client: \[ERROR\] .+\n$/);
    });
  }
  it("and closes a console without a reply: 121", async () => {
    await listen("console", (socket) => onFrames(socket, () => socket.end()));
    const got = await client("console", "hello");
    assert.equal(got.status, 121);
    assert.match(got.stdout, /closed without a reply/);
  });
});

describe("what is printed", () => {
  it("-q and the levels hide", async () => {
    const { frames, output } = readTranscript("destroy-missing");
    const text = output.replace(/exit .*\n/, "");
    for (const [words, expected] of [
      [["-q"], ""],
      [["--quiet", "-vv", "--verbosity=debug"], ""],
      [["--verbosity=quiet"], ""],
      [["--verbosity=error"], ""],
      [["--verbosity=warning"], text],
      [["-v"], text],
      [["--color=always"], text.replace("WARNING", "\x1b[33mWARNING\x1b[0m")],
    ] as const) {
      const peer = await playTranscript(join(directory, "util/vmmd.sock"), frames);
      const got = await client("destroy", "foo:net7", ...words);
      await peer.close();
      assert.deepEqual(got, { status: 117, stdout: expected, stderr: "" }, words.join(" "));
    }
  });

  it("-vv shows the arguments of a unikernel", async () => {
    const { frames } = readTranscript("info");
    const peer = await playTranscript(join(directory, "util/vmmd.sock"), frames);
    const got = await client("info", "-vv");
    await peer.close();
    assert.match(got.stdout, /\nargv no\n$| argv no\n$/);
  });

  it("escapes console lines", async () => {
    await serveConsole([consoleLine(Uint8Array.of(0x1b, 0x22, 0x5c, 9, 0xc3, 0xa9, 0x41))], true);
    const got = await client("console", "hello");
    assert.equal(got.status, 0);
    assert.match(got.stdout, /\nconsole 2026-11-21T\d\d:\d\d:29-00:00: \\027\\"\\\\\\t\\195\\169A\n$/);
  });

  it("hex dumps are as recorded, for lines of every length", async () => {
    const { stdout } = recordedCall("info --socket=-");
    assert.equal((await runClient(["info", "--socket=-"])).stdout, stdout);
    for (let length = 0; length < 40; length++) {
      const lines = hexDump(new Uint8Array(length).fill(0x41)).split("\n");
      assert.equal(lines.length - 1, Math.ceil(length / 16));
      for (const line of lines.slice(0, -1)) assert.equal(line.indexOf("A"), 50);
    }
  });

  it("a create command can be shown, too", async () => {
    const got = await runClient(["create", "hello", join(directory, "hello.hvt"), "--socket=-"]);
    assert.equal(got.status, 121);
    const hexes = got.stdout.split("\n").slice(1, -2);
    const bytes = Buffer.from(hexes.map((line) => line.slice(8, 49).replaceAll(" ", "")).join(""), "hex");
    const { payload } = decodeMessage(bytes);
    assert.ok(payload.kind === "command" && payload.command.kind === "unikernel-create");
    assert.ok(Buffer.from(payload.command.config.image).equals(makeImage()));
  });
});

describe("json", () => {
  it("for every kind of reply", async () => {
    for (const [name, command, check] of [
      ["info", ["info", "--json"], (value) => assert.equal(value["kind"], "unikernels")],
      [
        "policy-info",
        ["policy", "--json"],
        (value) => {
          const [policy] = value["policies"] as Record<string, unknown>[];
          assert.equal(policy?.["unikernels"], "4611686018427387903");
          assert.deepEqual(policy?.["cpuIds"], [0, 1]);
        },
      ],
      ["console-inactive", ["inactive-consoles", "--json"], (value) => assert.deepEqual(value["consoles"], [":hello"])],
      [
        "destroy",
        ["destroy", "foo:net1", "--json"],
        (value) => assert.deepEqual(value, { kind: "success", host: "foo:net1", text: "destroyed unikernel" }),
      ],
      [
        "destroy-missing",
        ["destroy", "foo:net7", "--json", "-q"],
        (value) => assert.deepEqual(value, { kind: "failure", host: "foo:net7", text: "destroy: not found" }),
      ],
    ] as readonly (readonly [string, readonly string[], (value: Record<string, unknown>) => void])[]) {
      const role = name.startsWith("console") ? "console" : "vmmd";
      const peer = await playTranscript(join(directory, `util/${role}.sock`), readTranscript(name).frames);
      const got = await client(...command);
      await peer.close();
      assert.equal(got.stdout.split("\n").length, 2, name);
      assert.equal(got.stderr, "");
      check(JSON.parse(got.stdout) as Record<string, unknown>);
    }
  });

  it("of info has all that is reported", async () => {
    const peer = await playTranscript(join(directory, "util/vmmd.sock"), readTranscript("info").frames);
    const got = await client("info", "--json");
    await peer.close();
    const { unikernels } = JSON.parse(got.stdout) as { unikernels: Record<string, unknown>[] };
    const { started, ...rest } = unikernels[0] ?? {};
    assert.match(String(started), /^2026-11-21T21:13:33\.\d{3}Z$/);
    assert.deepEqual(rest, {
      name: "foo:net1",
      type: "solo5",
      onFailure: { action: "quit" },
      startup: null,
      cpuIds: [0],
      memoryMb: 16,
      blocks: [],
      networks: [{ name: "service0", bridge: "service", mac: "00:80:41:b1:b3:d7" }],
      digest: "6f40ec4f122a6e152e7476c3a2d71d10efbb13f22edb1c8f3728d40912a6d411",
      vmName: null,
      arguments: null,
      cpus: 1,
      linuxBootPartition: null,
      status: null,
    });
  });

  it("of a console is one object a line, warnings go elsewhere", async () => {
    await serveConsole([consoleLine(new TextEncoder().encode("é")), consoleLine(Uint8Array.of(0xff))], true);
    const got = await client("console", "hello", "--json");
    const objects = got.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      objects.map(({ kind, line }) => [kind, line]),
      [
        ["success", undefined],
        ["console", "é"],
        ["console", { hex: "ff" }],
      ],
    );
    const policy = await client("add-policy", "foo", "1", "--json");
    assert.equal(policy.stderr, "albatross-client: [WARNING] policy without any network access\n");
    assert.equal((JSON.parse(policy.stdout) as { kind: string }).kind, "error");
  });
});

describe("inspect", () => {
  it("shows an image and a command line that starts it", async () => {
    const image = join(directory, "net.hvt");
    writeFileSync(image, makeImage({ devices: [{ name: "service0", type: 2 }] }));
    const got = await runClient(["inspect", image]);
    assert.equal(got.status, 0);
    assert.match(got.stdout, /service0/);
    assert.match(got.stdout, new RegExp(`albatross-client create net ${image} --net=service0:BRIDGE\n$`));
    const object = JSON.parse((await runClient(["inspect", image, "--json"])).stdout) as Record<string, unknown>;
    assert.equal(object["kind"], "image-report");
    assert.deepEqual(object["devices"], [{ type: "network", name: "service0" }]);
  });
  it("tells what is no image", async () => {
    const got = await runClient(["inspect", "/etc/hostname"]);
    assert.equal(got.status, 124);
    assert.match(got.stdout, /Cannot inspect \/etc\/hostname: error during ELF parsing/);
  });
});

describe("create", () => {
  const words = () => ["create", "hello", join(directory, "hello.hvt")];
  const bad = [consoleLine(new TextEncoder().encode("oh no"), Date.now() + 1000)];
  const failed = [...bad, consoleLine(new TextEncoder().encode("Solo5: solo5_exit(3) called"), Date.now() + 1001)];
  const success = "host [unikernel: :hello]: success: created unikernel\n";

  it("tells of an early failure, with the last lines, and exits 0", async () => {
    await answer("vmmd", { "unikernel-create": created, "unikernel-info": none });
    await serveConsole(failed, false);
    const got = await client(...words());
    assert.equal(got.status, 0);
    assert.equal(got.stdout, success);
    assert.match(
      got.stderr,
      /^albatross-client: \[unikernel: :hello\] ended within 0\.\d s with exit status 3, its last console lines:\nconsole .*: oh no\nconsole .*: Solo5: solo5_exit\(3\) called\n$/,
    );
  });

  it("exits 115 then with --wait-fail, and says so in JSON", async () => {
    await answer("vmmd", { "unikernel-create": created, "unikernel-info": none });
    await serveConsole(failed, false);
    assert.equal((await client(...words(), "--wait-fail", "-q")).status, 115);
    const got = await client(...words(), "--wait-fail", "--json");
    assert.equal(got.status, 115);
    const { kind, watch } = JSON.parse(got.stdout) as { kind: string; watch: Record<string, unknown> };
    assert.equal(kind, "success");
    assert.deepEqual([watch["state"], watch["failed"], watch["exitStatus"]], ["ended", true, 3]);
  });

  it("does not mind a missing console daemon", async () => {
    await answer("vmmd", { "unikernel-create": created, "unikernel-info": none });
    const got = await client(...words());
    assert.equal(got.status, 0);
    assert.equal(got.stdout, success);
    assert.match(got.stderr, /ended within 0\.\d s\n$/);
  });

  it("does not watch with --no-wait", async () => {
    await answer("vmmd", { "unikernel-create": created });
    assert.deepEqual(await client(...words(), "--no-wait"), { status: 0, stdout: success, stderr: "" });
  });
});

describe("standard output", () => {
  it("may be closed by its reader", async () => {
    const line = consoleLine(new Uint8Array(400).fill(0x41));
    await serveConsole(
      Array.from({ length: 5000 }, () => line),
      false,
    );
    const [program, words] = clientCommand(["console", "hello", `--tmpdir=${directory}`]);
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "" },
    });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.on("close", resolve));
    assert.equal(status, 141);
    assert.equal(stderr, "");
  });

  it("that takes nothing more is told of in one sentence", { skip: process.platform !== "linux" }, () => {
    const [program, words] = clientCommand(["info", "--version"]);
    const shell = spawnSync("sh", ["-c", 'exec "$@" >/dev/full', "sh", program, ...words], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(shell.status, 125);
    assert.match(
      shell.stderr,
      /^albatross-client: internal error, uncaught exception:\n.*no space left on device.*\n$/i,
    );
  });

  it("gets everything, though its reader is slow", async () => {
    const line = consoleLine(new Uint8Array(400).fill(0x41));
    await serveConsole(
      Array.from({ length: 3000 }, () => line),
      true,
    );
    const got = await client("console", "hello");
    assert.equal(got.status, 0);
    assert.equal(got.stdout.split("\n").length, 3002);
  });

  it("an interrupt ends a console with 130", async () => {
    await serveConsole([consoleLine(new TextEncoder().encode("tick"))], false);
    const got = await runClient(["console", "hello", `--tmpdir=${directory}`], {
      onOutput: (text, kill) => {
        if (text.includes("tick")) kill("SIGINT");
      },
    });
    assert.equal(got.status, 130);
    assert.match(got.stdout, /tick\n$/);
  });
});
