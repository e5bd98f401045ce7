/** Completions, by the real shells. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { COMPLETION_PATIENCE_MS, COMPLETIONS_MAX } from "../../cli/completion/complete.ts";
import { commandModel, flagsWithValue } from "../../cli/completion/model.ts";
import { registry } from "../../cli/registry.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import type { Success } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "../client/scripted-peer.ts";
import { Terminal } from "../support/terminal.ts";
import { unikernelInfo } from "../support/unikernel-info.ts";
import { clientCommand, runClient } from "./run-client.ts";

const run = promisify(execFile);

const shells = ["bash", "zsh", "fish"] as const;

let directory = "";
let peer: ScriptedPeer;
let names = ["hello", "foo:bar", "foo:baz"];

const info: UnikernelInfo = unikernelInfo({ memory: 16 });
const bridges = ["br1", "service", "$(touch hacked)"].map(fromText);
const policy = { unikernels: 1, cpuIds: [0], memory: 32, block: undefined, bridges };

function replyTo(kind: string): Success | undefined {
  switch (kind) {
    case "unikernel-info":
      return { kind: "unikernels", unikernels: names.map((name) => ({ name: parseName(name), info })) };
    case "policy-info":
      return {
        kind: "policies",
        policies: ["alice:", "alice:lab:", ":"].map((name) => ({ name: parseName(name), policy })),
      };
    case "block-info":
      return { kind: "block-devices", devices: [{ name: parseName("alice:disk"), size: 1, active: false }] };
    default:
      return undefined;
  }
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "albatross-completion-"));
  for (const folder of ["bin", "run/util", "home/.config/albatross"])
    mkdirSync(join(directory, folder), { recursive: true });
  const [program, words] = clientCommand([]);
  const client = join(directory, "bin/albatross-client");
  writeFileSync(client, `#!/bin/sh\nexec '${program}' ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`);
  chmodSync(client, 0o755);
  writeFileSync(join(directory, "home/image.hvt"), "");
  writeFileSync(
    join(directory, "home/.config/albatross/config.json"),
    JSON.stringify({ remotes: { prod: { host: "h" }, lab: { host: "h" } } }),
  );
  for (const shell of shells) {
    writeFileSync(join(directory, shell), (await runClient(["completion", shell])).stdout);
  }
  peer = await listenPeer(
    (socket) =>
      onFrames(socket, (payload) => {
        const { header, payload: content } = decodeMessage(payload);
        const success = content.kind === "command" ? replyTo(content.command.kind) : undefined;
        if (success !== undefined) socket.write(encodeFrame({ header, payload: { kind: "success", success } }));
        socket.end();
      }),
    join(directory, "run/util/vmmd.sock"),
  );
});

after(async () => {
  await peer.close();
  rmSync(directory, { recursive: true });
});

const environment = () => ({
  PATH: `${join(directory, "bin")}:${process.env["PATH"] ?? ""}`,
  HOME: join(directory, "home"),
});

/** What the shell makes of a line after a tab: its words. */
async function completed(shell: "bash" | "zsh", line: string): Promise<readonly string[]> {
  const terminal = new Terminal(shell === "bash" ? "bash --norc --noprofile -i" : "zsh -f -i", { env: environment() });
  try {
    if (shell === "zsh") terminal.type("bindkey -e; unsetopt BEEP; autoload -U compinit && compinit -u -D\n");
    terminal.type(`cd; source ${join(directory, shell)}; echo rea''dy\n`);
    await terminal.shows(/ready\n/);
    terminal.type(`${line}\t`);
    terminal.type("\x01printf '<%s>\\n' \x05; echo en''d\n");
    await terminal.shows(/end\n/);
    return [...terminal.shown.matchAll(/<([^<>\n]*)>\n/g)].map(([, word = ""]) => word);
  } finally {
    await terminal.close();
  }
}

/** What fish offers for the last word of a line. */
async function offeredByFish(line: string): Promise<readonly string[]> {
  const script = `cd; source ${join(directory, "fish")}; complete -C ${JSON.stringify(line)}`;
  const { stdout, stderr } = await run("fish", ["--no-config", "-c", script], { env: environment() });
  assert.equal(stderr, "");
  return stdout
    .trimEnd()
    .split("\n")
    .map((each) => each.split("\t")[0] ?? "");
}

describe("the completion scripts", () => {
  const lines: readonly (readonly [string, string])[] = [
    ["inf", "info"],
    ["remote li", "list"],
    ["info --rem", "--remote"],
    ["create --typ=so", "--typ=solo5"],
    ["create --typ so", "solo5"],
    ["completion z", "zsh"],
    ["create hello im", "image.hvt"],
    ["certificate --data im", "image.hvt"],
    ["info --remote=pr", "--remote=prod"],
    ["remote remove la", "lab"],
    ["info --remote al", "all"],
    ["destroy --tmpdir=RUN hel", "hello"],
    ["destroy --tmpdir RUN -v foo:bar", "foo:bar"],
    ["info --tmpdir=RUN --name=foo:ba", "--name=foo:ba"],
    ["policy --tmpdir=RUN -p alice:l", "alice:lab"],
    ["create --tmpdir=RUN --net=b", "--net=br1"],
    ["create --tmpdir=RUN --net=eth0:b", "--net=eth0:br1"],
    ["create --tmpdir=RUN --net eth0:se", "eth0:service"],
    ["create --tmpdir=RUN --block=storage:d", "--block=storage:disk"],
  ];
  for (const shell of ["bash", "zsh"] as const) {
    for (const [line, word] of lines) {
      it(`${shell}: ${line}⇥ gives ${word}`, async () => {
        const typed = `albatross-client ${line.replaceAll("RUN", join(directory, "run"))}`;
        const got = await completed(shell, typed);
        assert.deepEqual(got, [...typed.split(" ").slice(0, -1), word]);
      });
    }
  }
  it("zsh: are found in a directory of $fpath, too", async () => {
    const folder = join(directory, "functions");
    mkdirSync(folder);
    writeFileSync(join(folder, "_albatross-client"), (await runClient(["completion", "zsh"])).stdout);
    const terminal = new Terminal("zsh -f -i", { env: environment() });
    try {
      terminal.type(`bindkey -e; unsetopt BEEP; fpath=(${folder} $fpath); autoload -U compinit && compinit -u -D\n`);
      terminal.type("echo rea''dy\n");
      await terminal.shows(/ready\n/);
      terminal.type("albatross-client remote remove la\t\x01printf '<%s>\\n' \n");
      await terminal.shows(/<remove>\n<lab>\n/);
    } finally {
      await terminal.close();
    }
  });

  for (const [line, word] of lines) {
    it(`fish: ${line}⇥ offers ${word}`, async () => {
      const offered = await offeredByFish(`albatross-client ${line.replaceAll("RUN", join(directory, "run"))}`);
      const wanted = line.endsWith("--name=foo:ba") ? ["--name=foo:bar", "--name=foo:baz"] : [word];
      for (const each of wanted) assert.ok(offered.includes(each), JSON.stringify(offered));
    });
  }

  it("fish: offers nothing of another command, and no file where none is meant", async () => {
    assert.ok(!(await offeredByFish("albatross-client info --")).includes("--force"));
    assert.deepEqual(await offeredByFish("albatross-client destroy im"), [""]);
    assert.deepEqual(await offeredByFish("albatross-client remote list x"), [""]);
  });

  it("take a flag for the same thing in every command: with a value, or without", async () => {
    const models = await Promise.all(
      [...registry.values()].map(async (entry) => commandModel(await entry.definition())),
    );
    const bare = models.flatMap(({ options }) =>
      options.flatMap(({ flags, value }) => (value === undefined ? flags : [])),
    );
    assert.deepEqual(
      flagsWithValue(models).filter((flag) => bare.includes(flag)),
      [],
    );
  });

  for (const shell of shells) {
    it(`${shell}: know every command and every option`, async () => {
      const { stdout } = await runClient(["completion", shell]);
      for (const [name, entry] of registry) {
        assert.ok(stdout.includes(name.split(" ").at(-1) ?? name), name);
        for (const { flags } of Object.values((await entry.definition()).options)) {
          for (const flag of flags) assert.ok(stdout.includes(flag.replace(/^-+/, "")), flag);
        }
      }
    });
  }
});

describe("what completions ask for", () => {
  const ask = (...words: string[]) => runClient(["__complete", ...words], { env: environment() });
  const here = () => `--tmpdir=${join(directory, "run")}`;

  it("are names as they are typed", async () => {
    assert.equal((await ask("unikernels", "destroy", here())).stdout, "hello\nfoo:bar\nfoo:baz\n");
    assert.equal((await ask("blocks", here())).stdout, "alice:disk\n");
    assert.equal((await ask("policies", here())).stdout, "alice\nalice:lab\n");
    assert.equal((await ask("remotes")).stdout, "lab\nprod\n");
    assert.equal((await ask("devices", here())).stdout, "disk\n");
    assert.equal((await ask("all-remotes")).stdout, "lab\nprod\nall\n");
  });

  it("are nothing that a shell would carry out, whatever the server says", async () => {
    assert.equal((await ask("bridges", here())).stdout, "br1\nservice\n");
    await completed("bash", `albatross-client create --tmpdir=${join(directory, "run")} --net=`);
    assert.ok(!existsSync(join(directory, "home/hacked")));
  });

  it("are nothing that a shell would carry out, whatever was typed before the colon", async () => {
    for (const [word, offered] of [
      ["eth0:", "eth0:disk\n"],
      ["$(touch hacked):", ""],
      ["`touch hacked`:", ""],
    ] as const) {
      const env = { ...environment(), ALBATROSS_WORD: word };
      assert.equal((await runClient(["__complete", "devices", here()], { env })).stdout, offered);
    }
  });

  it("come from the socket that is named on the line, whatever else is there", async () => {
    const socket = join(directory, "run/util/vmmd.sock");
    const got = await ask("unikernels", "create", "--bogus", "--force", "--socket", socket, "x", "--name=a_b");
    assert.equal(got.stdout, "hello\nfoo:bar\nfoo:baz\n");
  });

  it("are not there without a word, if anything is wrong", async () => {
    const nothing = { status: 0, stdout: "", stderr: "" };
    for (const words of [
      ["unikernels", "--tmpdir=/nonexistent"],
      ["unikernels", "--socket=/nonexistent"],
      ["unikernels", "--remote=unknown"],
      ["unikernels", "--remote=prod", "--destination=h"],
      ["unikernels", "--destination=-"],
      ["nonsense"],
      [],
    ]) {
      assert.deepEqual(await ask(...words), nothing, words.join(" "));
    }
  });

  it("are limited in number", async () => {
    const before = names;
    names = Array.from({ length: COMPLETIONS_MAX + 1 }, (_, at) => `n${at}`);
    assert.equal((await ask("unikernels", here())).stdout.split("\n").length, COMPLETIONS_MAX + 1);
    names = names.slice(0, COMPLETIONS_MAX);
    assert.equal((await ask("unikernels", here())).stdout.split("\n").length, COMPLETIONS_MAX + 1);
    names = before;
  });

  it("do not wait for a daemon that is silent", async () => {
    assert.ok(COMPLETION_PATIENCE_MS <= 1000);
    const silent = await listenPeer(() => undefined);
    try {
      assert.deepEqual(await ask("unikernels", `--socket=${silent.path}`), { status: 0, stdout: "", stderr: "" });
    } finally {
      await silent.close();
    }
  });
});
