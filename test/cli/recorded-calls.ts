/** The calls of the original client that were recorded with their output (vectors/cli/transcript.txt). */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface RecordedCall {
  readonly command: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export function readRecordedCalls(): readonly RecordedCall[] {
  const text = readFileSync(join(import.meta.dirname, "../vectors/cli/transcript.txt"), "utf8");
  const calls: RecordedCall[] = [];
  let call = { command: "", stdout: "", stderr: "" };
  for (const line of text.split("\n")) {
    if (line.startsWith("$ ")) call = { command: line.slice(2), stdout: "", stderr: "" };
    else if (line.startsWith("  out: ")) call.stdout += `${line.slice(7)}\n`;
    else if (line.startsWith("  err: ")) call.stderr += `${line.slice(7)}\n`;
    else if (line.startsWith("  exit: ")) calls.push({ ...call, status: Number(line.slice(8)) });
  }
  return calls;
}

/** The call whose command line contains `part` as whole words. */
export function recordedCall(part: string): RecordedCall {
  const found = readRecordedCalls().find(({ command }) => command.endsWith(part) || command.includes(`${part} `));
  if (found === undefined) throw new Error(`No recorded call with ${part}`);
  return found;
}
