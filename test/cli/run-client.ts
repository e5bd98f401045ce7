/** Runs the client under the runtime of the tests. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The current directory of the client; ours unless given. */
  readonly cwd?: string;
  /** Called with everything printed so far; the process can be signalled. */
  readonly onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
}

const entry = join(import.meta.dirname, "client-entry.ts");
const prefix = "Deno" in globalThis ? ["run", "-A", "--quiet", entry] : [entry];

/** The command line that runs the client with these arguments. */
export function clientCommand(args: readonly string[]): readonly [string, readonly string[]] {
  return [process.execPath, [...prefix, ...args]];
}

export async function runClient(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [program, words] = clientCommand(args);
  const { PATH = "", HOME = "/" } = process.env;
  const child = spawn(program, words, {
    env: { PATH, HOME, TERM: "dumb", ...options.env },
    cwd: options.cwd ?? process.cwd(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    options.onOutput?.(stdout, (signal) => {
      // Not child.kill: after it Deno reports the signal, even if the process handled it and exited.
      if (child.pid !== undefined) process.kill(child.pid, signal);
    });
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code));
  });
  return { status, stdout, stderr };
}
