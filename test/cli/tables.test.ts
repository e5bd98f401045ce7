import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createLog } from "../../cli/log.ts";
import { ansiStyle, plainStyle, wantsStyle } from "../../cli/style.ts";
import { unikernelColumns } from "../../cli/tables/lists.ts";
import { type Column, renderTable } from "../../cli/tables/table.ts";
import { fromText } from "../../core/byte-string.ts";
import { INT_MAX } from "../../core/int.ts";
import { parseName } from "../../core/name.ts";
import type { MacAddress, UnikernelInfo } from "../../core/unikernel.ts";
import type { Payload, Success } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { STATUS_SEQUENCE } from "../../core/wire/status-request.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "../client/scripted-peer.ts";
import { Terminal } from "../support/terminal.ts";
import { clientCommand, runClient } from "./run-client.ts";

const info: UnikernelInfo = {
  type: "solo5",
  startup: undefined,
  failBehaviour: { kind: "quit" },
  cpuIds: [0, 2],
  memory: 32,
  digest: new Uint8Array(32),
  blockDevices: [{ name: fromText("a"), device: fromText("disk"), sectorSize: 512, size: 1 }],
  networks: [{ name: fromText("service"), bridge: fromText("br0"), mac: "00:80:41:01:02:03" as MacAddress }],
  arguments: undefined,
  started: Date.now() - 90_061_000,
  cpus: 1,
  linuxBootPartition: undefined,
};
const status = [
  { name: ":web", state: "running", restarts: 0 },
  { name: "foo:db", state: "crash-loop", restarts: 7, lastExit: "exit 2", reason: "it ends at once \x1b[31mred" },
];

/** What somebody may have put into a text of a reply: another title, a cleared screen; and what is no harm. */
const evil = "gone \x1b]0;title\x07 \u009b2J\r\x7f \u00e4\tz\nend";

function replyTo(kind: string): Success | undefined {
  switch (kind) {
    case "unikernel-info":
      return { kind: "unikernels", unikernels: [":web", "foo:db"].map((name) => ({ name: parseName(name), info })) };
    case "policy-info":
      return {
        kind: "policies",
        policies: [
          {
            name: parseName(":"),
            policy: { unikernels: INT_MAX, cpuIds: [0, 1], memory: 512, block: 7, bridges: [fromText("br0")] },
          },
          {
            name: parseName("foo:"),
            policy: { unikernels: 3, cpuIds: [0], memory: 64, block: undefined, bridges: [] },
          },
        ],
      };
    case "block-info":
      return {
        kind: "block-devices",
        devices: [
          { name: parseName("data"), size: 2, active: false },
          { name: parseName("foo:d3"), size: 10, active: true },
        ],
      };
    case "console-inactive":
      return { kind: "consoles", names: [parseName("hello"), parseName("foo:b2")] };
    case "unikernel-destroy":
      return { kind: "string", text: fromText(evil) };
    default:
      return undefined;
  }
}

let directory = "";
const peers: ScriptedPeer[] = [];

function answer(socket: Socket): void {
  onFrames(socket, (bytes) => {
    const { header, payload: content } = decodeMessage(bytes);
    const send = (payload: Payload) => socket.write(encodeFrame({ header, payload }));
    const success = content.kind === "command" ? replyTo(content.command.kind) : undefined;
    if (success !== undefined) send({ kind: "success", success });
    if (header.sequence === STATUS_SEQUENCE) {
      send({ kind: "success", success: { kind: "string", text: fromText(JSON.stringify(status)) } });
    }
    socket.end();
  });
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "albatross-tables-"));
  mkdirSync(join(directory, "util"));
  for (const role of ["vmmd", "console"]) peers.push(await listenPeer(answer, join(directory, `util/${role}.sock`)));
  mkdirSync(join(directory, ".config/albatross"), { recursive: true });
  writeFileSync(
    join(directory, ".config/albatross/config.json"),
    JSON.stringify({ remotes: { prod: { host: "h", ca: "/ca.pem" }, lab: { host: "::1", serverName: "lab" } } }),
  );
});
after(async () => {
  for (const peer of peers) await peer.close();
  rmSync(directory, { recursive: true });
});

/** What a call shows on a terminal. */
async function onTerminal(words: readonly string[], columns = 120, env: Readonly<Record<string, string>> = {}) {
  const [program, args] = clientCommand(words);
  const line = [program, ...args].map((word) => `'${word}'`).join(" ");
  const terminal = new Terminal(line, { columns, env: { HOME: directory, NO_COLOR: "1", ...env } });
  try {
    assert.equal(await terminal.ended(), 0, terminal.shown);
    return terminal.shown.replaceAll("\x1b", "ESC");
  } finally {
    await terminal.close();
  }
}

const here = () => `--tmpdir=${directory}`;

describe("a list on a terminal", () => {
  it("of unikernels is a table, with how they are doing", async () => {
    assert.equal(
      await onTerminal(["info", here()]),
      "NAME    STATE       MEMORY  CPUS  UPTIME  RESTARTS  BRIDGES  BLOCKS  NOTE\n" +
        "web     running      32 MB  0,2   1d 01h         0  br0      disk\n" +
        "foo:db  crash-loop   32 MB  0,2                  7  br0      disk    it ends at once  [31mred, ended with exit 2\n",
    );
  });

  it("of policies, block devices, consoles and remotes is one, too", async () => {
    assert.equal(
      await onTerminal(["policy", here()]),
      "PATH  UNIKERNELS  MEMORY  CPUS  BLOCK  BRIDGES\n" +
        ":      unlimited  512 MB  0,1    7 MB  br0\n" +
        "foo            3   64 MB  0      none\n",
    );
    assert.equal(
      await onTerminal(["block", here()]),
      "NAME     SIZE  USED\n" + "data     2 MB  no\n" + "foo:d3  10 MB  yes\n",
    );
    assert.equal(await onTerminal(["inactive-consoles", here()]), "NAME\nhello\nfoo:b2\n");
    assert.equal(
      await onTerminal(["remote", "list"]),
      "NAME  ADDRESS     SERVER NAME  CA\n" + "lab   [::1]:1025  lab\n" + "prod  h:1025                   /ca.pem\n",
    );
  });

  it("fits into the terminal", async () => {
    for (const columns of [40, 20, 7]) {
      for (const line of (await onTerminal(["info", here()], columns)).trimEnd().split("\n")) {
        assert.ok(line.length <= columns, `${columns}: ${line}`);
        assert.match(line, /^(?:NAME|web|foo:db)/);
      }
    }
  });

  it("is the text of pipes with --plain, -v, or --json", async () => {
    const { stdout } = await runClient(["policy", here()]);
    assert.match(
      stdout,
      /^host \[unikernel: :\]: \[unikernel: :\]: policy: 4611686018427387903 unikernels 0,1 CPUids /,
    );
    assert.equal(await onTerminal(["policy", here(), "--plain"]), stdout);
    assert.equal(await onTerminal(["policy", here(), "-v"]), stdout);
    assert.equal(
      await onTerminal(["policy", here(), "--json"]),
      (await runClient(["policy", here(), "--json"])).stdout,
    );
    assert.equal(await onTerminal(["policy", here(), "-q"]), "");
  });

  it("has nothing of others in it that drives the terminal; pipes get every byte", async () => {
    const words = ["destroy", "web", here()];
    assert.ok((await runClient(words)).stdout.endsWith(`success: ${evil}\n`));
    assert.match(await onTerminal(words), /: success: gone \?\]0;title\? \?2J\?\? ä {0,8}\t? *z\nend\n$/);
  });

  it("keeps our own colours where others' texts are made harmless", () => {
    let written = "";
    const log = createLog({
      programName: "p",
      verbosity: "warning",
      colored: () => true,
      onTerminal: () => true,
      write: (text) => {
        written += text;
      },
    });
    const kept = "\x1b[32mok\x1b[0m \x1b[1mNAME\x1b[m \x1b[01ma\x1b[04mb";
    log.reply(fromText(`${kept} \x1b[8mhidden \x1b[2J \x1b[38;5;1m \x1b]0;t`));
    log.error(fromText("\x1b[H"));
    assert.equal(written, `${kept} ?[8mhidden ?[2J ?[38;5;1m ?]0;t\np: [\x1b[31mERROR\x1b[0m] ?[H\n`);
  });

  it("has colours, unless these are not wanted or not possible", async () => {
    const colored = /^ESC\[1mNAMEESC\[0m .*\n(?:.*\n)*foo:db {2}ESC\[31mcrash-loopESC\[0m/;
    const words = ["info", here()];
    assert.match(await onTerminal(words, 120, { NO_COLOR: "" }), colored);
    assert.match(await onTerminal([...words, "--color=always"]), colored);
    assert.match(await onTerminal(words, 120, { FORCE_COLOR: "1" }), colored);
    for (const [more, env] of [
      [[], { NO_COLOR: "1" }],
      [["--color=never"], { NO_COLOR: "", FORCE_COLOR: "1" }],
      [[], { NO_COLOR: "", TERM: "dumb" }],
      [[], { NO_COLOR: "", FORCE_COLOR: "0" }],
    ] as const) {
      assert.ok(!(await onTerminal([...words, ...more], 120, env)).includes("ESC"), JSON.stringify([more, env]));
    }
  });
});

describe("tables", () => {
  const column = (head: string, cells: readonly string[], more: Partial<Column> = {}): Column => ({
    head,
    cells,
    ...more,
  });

  it("leave columns without text out, but never the first", () => {
    assert.deepEqual(renderTable([column("A", [""]), column("B", [""])], 80, false), ["A", ""]);
  });

  it("shorten what may be shortened before anything is left out, and drop the last ones first", () => {
    const columns = [
      column("NAME", ["web"]),
      column("STATE", ["running"]),
      column("NOTE", ["a rather long note"], { flexible: true }),
    ];
    assert.deepEqual(renderTable(columns, 33, false)[1], "web   running  a rather long note");
    assert.deepEqual(renderTable(columns, 32, false)[1], "web   running  a rather long no…");
    assert.deepEqual(renderTable(columns, 23, false)[1], "web   running  a rathe…");
    assert.deepEqual(renderTable(columns, 22, false)[1], "web   a rather long n…");
    assert.deepEqual(renderTable(columns, 13, false)[1], "web");
  });

  it("let nothing in a cell move the cursor", () => {
    const lines = renderTable([column("A", ["x\x1b[2Jy\n\x9bz"])], 80, false);
    assert.equal(lines[1], "x [2Jy  z");
  });

  it("leave out the state where the daemon does not tell it", () => {
    const rows = [{ remote: "", name: ":web", info, status: undefined }];
    const [heads = ""] = renderTable(unikernelColumns(rows, info.started), 120, false);
    assert.equal(heads, "NAME  MEMORY  CPUS  UPTIME  BRIDGES  BLOCKS");
  });
});

describe("FORCE_COLOR", () => {
  const wants = (env: Readonly<Record<string, string>>) => wantsStyle(-1, "auto", env); // no terminal
  it("gives colours without a terminal, and wins over NO_COLOR and TERM", () => {
    assert.ok(wants({ FORCE_COLOR: "1" }));
    assert.ok(wants({ FORCE_COLOR: "true", NO_COLOR: "1", TERM: "dumb" }));
    for (const env of [{}, { TERM: "xterm" }, { FORCE_COLOR: "" }, { FORCE_COLOR: "0" }, { FORCE_COLOR: "false" }])
      assert.ok(!wants(env));
    assert.ok(!wantsStyle(1, "never", { FORCE_COLOR: "1" }));
    assert.notEqual(ansiStyle.quote("a"), plainStyle.quote("a"));
  });
});
