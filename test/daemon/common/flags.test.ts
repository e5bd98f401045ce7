import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { activationFlag, logFlags, logLevelOf, tmpdirFlag } from "../../../daemon/common/daemon-flags.ts";
import { helpText, integer, parseFlags, UsageError, valueFlag } from "../../../daemon/common/flags.ts";

const flags = {
  tmpdir: tmpdirFlag,
  activation: activationFlag,
  count: valueFlag("--max-subscribers", "N", "How many.", integer(1, "must be at least 1"), () => 5),
  ...logFlags,
};

function refusal(...args: string[]): string {
  try {
    parseFlags(flags, args);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "accepted";
}

describe("command-line flags", () => {
  it("have defaults", () => {
    const { values, positional } = parseFlags(flags, []);
    assert.equal(values.count, 5);
    assert.equal(values.activation, false);
    assert.equal(values.tmpdir, "/run/albatross");
    assert.equal(logLevelOf(values), "warning");
    assert.deepEqual(positional, []);
  });

  it("take values attached or apart, joined short flags, and stop at --", () => {
    const { values, positional } = parseFlags(flags, [
      "--tmpdir=/tmp/",
      "--max-subscribers",
      "1",
      "-vv",
      "--systemd-socket-activation",
      "x",
      "--",
      "--y",
    ]);
    assert.equal(values.tmpdir, "/tmp");
    assert.equal(values.count, 1);
    assert.equal(values.activation, true);
    assert.equal(logLevelOf(values), "debug");
    assert.deepEqual(positional, ["x", "--y"]);
  });

  it("take integers in every form that the client takes", () => {
    for (const [text, value] of [
      ["0x1F", 31],
      ["0b101", 5],
      ["0o17", 15],
      ["1_000", 1000],
    ] as const) {
      assert.equal(parseFlags(flags, [`--max-subscribers=${text}`]).values.count, value);
    }
  });

  it("complain about everything else", () => {
    assert.equal(refusal("--nonsense"), "unknown option --nonsense");
    assert.equal(refusal("-x"), "unknown option -x");
    assert.equal(refusal("--verb"), "unknown option --verb");
    assert.equal(refusal("--tmpdir"), "option --tmpdir needs an argument");
    assert.equal(refusal("--tmpdir=/nowhere"), "option --tmpdir: no /nowhere directory");
    assert.equal(refusal("--tmpdir=/etc/passwd"), "option --tmpdir: /etc/passwd is not a directory");
    assert.equal(refusal("--max-subscribers=0"), "option --max-subscribers: must be at least 1");
    assert.equal(refusal("--max-subscribers=1e1"), "option --max-subscribers: invalid value 1e1, expected an integer");
    assert.equal(refusal("--max-subscribers=0x"), "option --max-subscribers: invalid value 0x, expected an integer");
    assert.equal(refusal(`--max-subscribers=${2 ** 53}`).endsWith("expected an integer"), true);
    assert.equal(refusal("--max-subscribers=1", "--max-subscribers=2"), "option --max-subscribers cannot be repeated");
    assert.equal(refusal("--quiet=yes"), "option --quiet is a flag, it cannot take the argument yes");
    assert.match(refusal("--verbosity=loud"), /^option --verbosity: invalid value loud, expected one of quiet, /);
  });

  it("choose the log level: quiet before --verbosity before -v", () => {
    const level = (...args: string[]) => logLevelOf(parseFlags(flags, args).values);
    assert.equal(level("-v"), "info");
    assert.equal(level("-v", "--verbosity=error"), "error");
    assert.equal(level("-q", "--verbosity=debug"), "quiet");
  });

  it("appear in the help", () => {
    const text = helpText("albatross-x", "Does it.", flags);
    for (const flag of Object.values(flags)) for (const name of flag.names) assert.ok(text.includes(name), name);
  });
});
