/**
 * Runs the programs of the tests, none of which may hold up the rest.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What is run, and how long it may take. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds that it may take. */
  readonly timeout: number;
  /** Milliseconds that what it has started may go on after its end. */
  readonly leftoverTimeout: number;
}

/** What a program has printed, and how it ended. */
export interface Finished {
  readonly output: string;
  /** The exit status; never 0 if there are `troubles`. */
  readonly status: number;
  /** What was wrong besides, e.g. that it took too long. */
  readonly troubles: readonly string[];
}

/** Programs under way, each the leader of a group of processes. */
const running = new Set<number>();

/** Signals a group, if anybody is there. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // nobody
  }
}

/** Whether a process of a group has not ended. What has ended may wait long to be reaped, and does not count. */
function isAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
  } catch {
    return false;
  }
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state = "", , group = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // proc(5)
      return Number(group) === leader && !"ZX".includes(state);
    } catch {
      return false; // it has gone
    }
  });
}

/** Waits for the end of everything in a group, and ends what is left. @returns whether that was necessary */
async function endLeftovers(leader: number, timeout: number): Promise<boolean> {
  for (const end = performance.now() + timeout; performance.now() < end; await sleep(20)) {
    if (!isAlive(leader)) return false;
  }
  signalGroup(leader, "SIGKILL");
  return true;
}

/** Ends all programs under way, with what they started. */
export function endAllPrograms(): void {
  for (const leader of running) signalGroup(leader, "SIGKILL");
}

/**
 * Runs a program, without input. One that does not end in time is ended with all that it started, and so is what it
 * leaves behind, but for what has left its group: that is only noticed if it keeps the output open.
 *
 * @throws the system's error if it cannot be started
 */
export async function runProgram(program: Program): Promise<Finished> {
  const { command, args, cwd, env, timeout, leftoverTimeout } = program;
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const pieces: Buffer[] = [];
  const streams = [child.stdout, child.stderr];
  const closed = streams.map(async (stream) => {
    stream.on("data", (chunk: Buffer) => pieces.push(chunk));
    await once(stream, "close");
  });
  const exited = once(child, "exit");
  exited.catch(() => undefined); // the same error comes instead of the start
  await once(child, "spawn");
  const leader = child.pid ?? 0;
  running.add(leader);
  const troubles: string[] = [];
  const late = setTimeout(() => {
    troubles.push(`took longer than ${timeout / 1000} s and was ended`);
    signalGroup(leader, "SIGKILL");
  }, timeout);
  const [code] = await exited;
  clearTimeout(late);
  if (await endLeftovers(leader, leftoverTimeout)) troubles.push("has left something running, which was ended");
  running.delete(leader);
  if ((await Promise.race([Promise.all(closed), sleep(leftoverTimeout, "open", { ref: false })])) === "open") {
    troubles.push("has left something running in a group of its own, which keeps the output open");
    for (const stream of streams) stream.destroy();
  }
  const status = typeof code === "number" ? code : 1; // it was ended by a signal
  const output = Buffer.concat(pieces).toString();
  return { output, status: troubles.length > 0 && status === 0 ? 1 : status, troubles };
}
