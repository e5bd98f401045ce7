/**
 * The role `albatross wire`: shows what the codec makes of its input, one JSON value per line.
 *
 * It answers every line and goes on, whatever the line holds; it ends when its input does. Only a certificate chain
 * stands on many lines: that is the whole input.
 *
 * @module
 */
import { asksForBuild, versionText } from "../../core/version.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import {
  answerEncode,
  answerExtension,
  answerMessage,
  answerName,
  answerPolicy,
  answerRestart,
  answerState,
} from "./answers.ts";
import { fromHex } from "./json-reader.ts";
import type { Json } from "./json-values.ts";
import { LINE_LIMIT, LineSplitter, TOO_LONG } from "./lines.ts";

function ofHex(answer: (bytes: Uint8Array) => Json): (line: string) => Json {
  return (line) => {
    const bytes = fromHex(line.trim());
    if (bytes === undefined) throw new DecodeError("not hex: give two digits per byte");
    return answer(bytes);
  };
}

const kinds: ReadonlyMap<string, (line: string) => Json> = new Map([
  ["message", ofHex(answerMessage)],
  ["extension", ofHex(answerExtension)],
  ["state", ofHex(answerState)],
  ["name", answerName],
  ["policy", answerPolicy],
  ["restart", answerRestart],
  ["encode", answerEncode],
]);

/** The exit code for wrong usage. */
const USAGE_EXIT_CODE = 124;

const usage = `Usage: albatross wire ${[...kinds.keys()].join("|")}|chain

Reads one value per line from standard input and writes one line of JSON for each.
message, extension, state: hex digits. name: the name itself. policy, restart, encode: JSON.
chain: the whole input is one certificate chain in PEM, the leaf first; one line of JSON is written.
`;

/** The longest error text, in characters: some quote their input. */
const ERROR_TEXT_MAX = 500;

/** The answer to one line; an error of any kind becomes `{"error": …}`. */
function answerLine(answer: (line: string) => Json, line: string | typeof TOO_LONG): string {
  if (line === TOO_LONG) return JSON.stringify({ error: `line longer than ${LINE_LIMIT} bytes` });
  return guardedAnswer(answer, line);
}

function guardedAnswer(answer: (text: string) => Json, text: string): string {
  try {
    return JSON.stringify(answer(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return JSON.stringify({ error: reason.slice(0, ERROR_TEXT_MAX) });
  }
}

/** Answers are written once they amount to this many characters, and at the end of what is there of the input. */
const FLUSH_AT = 1024 * 1024;

/** Writes, and waits until it is taken. `false` if nobody reads any more. */
function write(text: string): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => resolve(error === undefined || error === null));
  });
}

/** Answers the one chain that the input is. */
async function runChain(): Promise<number> {
  process.stdout.on("error", () => undefined);
  const { answerChain } = await import("./chain.ts");
  const { PEM_CHARACTERS_MAX } = await import("../../pki/pem.ts");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // Read to its end all the same: whoever writes it shall not find its reader gone.
    if (size > PEM_CHARACTERS_MAX) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (size > PEM_CHARACTERS_MAX) {
    const error = `input longer than ${PEM_CHARACTERS_MAX} bytes`;
    return (await write(`${JSON.stringify({ error })}\n`)) ? 0 : 1;
  }
  const pem = Buffer.concat(chunks).toString("latin1");
  return (await write(`${guardedAnswer(answerChain, pem)}\n`)) ? 0 : 1;
}

/**
 * Runs the role.
 *
 * @param args what follows `albatross wire`
 * @returns the exit code: 0 at the end of the input, 124 for wrong usage, 1 if the output was closed
 */
export async function run(args: readonly string[]): Promise<number> {
  const [kind, ...others] = args;
  if (kind === "--help" || kind === "-h" || kind === "help") {
    await write(usage);
    return 0;
  }
  if (kind === "--version") {
    await write(versionText(asksForBuild(others)));
    return 0;
  }
  if (kind === "chain" && others.length === 0) return await runChain();
  const answer = kind === undefined || others.length > 0 ? undefined : kinds.get(kind);
  if (answer === undefined) {
    process.stderr.write(usage);
    return USAGE_EXIT_CODE;
  }
  // Without a listener a closed pipe would end the process by an uncaught error.
  process.stdout.on("error", () => undefined);
  const splitter = new LineSplitter();
  let pending = "";
  const flush = async (): Promise<boolean> => {
    const text = pending;
    pending = "";
    return text === "" || (await write(text));
  };
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    for (const line of splitter.push(chunk)) {
      pending += `${answerLine(answer, line)}\n`;
      if (pending.length >= FLUSH_AT && !(await flush())) return 1;
    }
    if (!(await flush())) return 1;
  }
  const last = splitter.finish();
  if (last !== undefined) pending += `${answerLine(answer, last)}\n`;
  return (await flush()) ? 0 : 1;
}
