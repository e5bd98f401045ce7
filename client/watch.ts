/**
 * Watches a unikernel that was just started: does it keep running?
 *
 * The protocol has no word for the end of a unikernel. It shows in that info does not know it any more, or knows a later
 * start; its status shows in the line that Solo5 prints last.
 *
 * @module
 */
import type { Name } from "../core/name.ts";
import type { UnikernelInfo } from "../core/unikernel.ts";
import { ClientConnection } from "./connection.ts";
import { ClientError } from "./errors.ts";
import { commandMessage, successOf } from "./request.ts";
import { requestInfo, type UnikernelStatus } from "./status.ts";

/**
 * How long a unikernel is watched: milliseconds. Arguments and devices are refused within 50 ms of a start, in an
 * emulator within 150, and nobody notices a third of a second after an upload.
 */
export const WATCH_MS = 300;

/** When the daemon is asked, milliseconds after the start. */
const POLLS_MS: readonly number[] = [10, 40, 90, 160, 230, WATCH_MS];

/** A daemon that has not answered by then is not asked any more: milliseconds from the start of watching. */
const PATIENCE_MS = 5_000;

/** After this time it is asked again whether a unikernel is really gone: milliseconds. */
const CONFIRM_MS = 25;

/** Console lines that are kept, the last ones. */
export const WATCH_LINES = 10;

/** How long console lines of an ended unikernel are waited for: milliseconds. */
const CONSOLE_SETTLE_MS = 40;

/** A console line with its time in milliseconds since 1970. */
export interface ConsoleLine {
  readonly timestamp: number;
  readonly line: Uint8Array;
}

/** What became of a unikernel. */
export interface Watched {
  /** `restarting`: it ended, and is started again and again. `unknown`: the daemon did not answer. */
  readonly state: "running" | "ended" | "restarting" | "unknown";
  /** The status it ended with last, where it said so. */
  readonly exitStatus: number | undefined;
  /** From the start of watching to the end of the unikernel, or of watching. */
  readonly milliseconds: number;
  /** The last {@link WATCH_LINES} console lines; empty if the console daemon could not be reached. */
  readonly lines: readonly ConsoleLine[];
}

export interface WatchOptions {
  /** The socket of albatrossd. */
  readonly daemon: string;
  /** The socket of the console daemon; `undefined` if there is none to ask. */
  readonly console: string | undefined;
  readonly name: Name;
  /** Before the command was sent: milliseconds since 1970. Older console lines are of earlier runs. */
  readonly since: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Watches for {@link WATCH_MS}, or until the unikernel has ended. Never fails: what cannot be found out stays unknown.
 */
export async function watchUnikernel(options: WatchOptions): Promise<Watched> {
  const begin = performance.now();
  const stop = new AbortController();
  const forward = () => stop.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", forward, { once: true });
  const patience = setTimeout(() => stop.abort(), PATIENCE_MS);
  const seen = new ConsoleTail();
  const reading =
    options.console === undefined ? Promise.resolve() : readConsole(options, options.console, seen, stop.signal);
  try {
    const { state, started, exitStatus } = await poll({ ...options, signal: stop.signal }, begin);
    const milliseconds = performance.now() - begin;
    if (state !== "running") await seen.settled(CONSOLE_SETTLE_MS);
    if (started !== undefined) seen.dropBefore(started);
    return { state, exitStatus: exitStatus ?? seen.exitStatus, milliseconds, lines: seen.lines };
  } finally {
    options.signal?.removeEventListener("abort", forward);
    clearTimeout(patience);
    stop.abort();
    await reading;
  }
}

/** What asking the daemon has shown. */
interface Polled {
  readonly state: Watched["state"];
  /** When the unikernel was started first. */
  readonly started: number | undefined;
  readonly exitStatus?: number | undefined;
}

/** One restart is no failure: the daemon starts a unikernel that does not know `--name` again without it. */
const RESTARTS_MAX = 1;

async function poll(options: WatchOptions, begin: number): Promise<Polled> {
  const starts = new Set<number>();
  let started: number | undefined;
  for (const at of POLLS_MS) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - (performance.now() - begin))));
    if (options.signal?.aborted) return { state: "unknown", started };
    let found: Found;
    try {
      found = await ask(options);
      if (found.info === undefined) {
        // It may just be between an end and the start that follows.
        await new Promise((resolve) => setTimeout(resolve, CONFIRM_MS));
        found = await ask(options);
      }
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return { state: "unknown", started };
    }
    const { info, status } = found;
    if (info === undefined) return { state: "ended", started, exitStatus: exitStatusOf(status) };
    started ??= info.started;
    starts.add(info.started);
    const restarts = status?.restarts ?? starts.size - 1;
    if (restarts > RESTARTS_MAX || (status !== undefined && status.state !== "running")) {
      return { state: "restarting", started, exitStatus: exitStatusOf(status) };
    }
  }
  return { state: "running", started };
}

function exitStatusOf(status: UnikernelStatus | undefined): number | undefined {
  const digits = /^exit (\d+)$/.exec(status?.lastExit ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The unikernel as the daemon sees it, if it does, with the status where it tells one. */
interface Found {
  readonly info: UnikernelInfo | undefined;
  readonly status: UnikernelStatus | undefined;
}

async function ask({ daemon, name, signal }: WatchOptions): Promise<Found> {
  const { reply, status } = await requestInfo(daemon, name, { signal });
  const success = successOf(reply);
  const unikernels = success.kind === "unikernels" ? success.unikernels : [];
  return {
    info: unikernels.find((each) => each.name.key === name.key)?.info,
    status: status?.find((each) => each.name === name.text),
  };
}

/** Collects console lines until the signal; a console that cannot be reached, or breaks, is none. */
async function readConsole(options: WatchOptions, path: string, seen: ConsoleTail, signal: AbortSignal): Promise<void> {
  let connection: ClientConnection | undefined;
  try {
    connection = await ClientConnection.open(path, { signal });
    await connection.send(commandMessage(options.name, { kind: "console-subscribe", from: { since: options.since } }));
    for await (const { payload } of connection.messages()) {
      if (payload.kind === "failure") return;
      if (payload.kind === "data" && payload.data.kind === "console") seen.add(payload.data);
    }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
  } finally {
    connection?.close();
  }
}

const exitLine = /solo5_exit\((\d{1,3})\)/;

/** The last lines of a console, and the exit status in them. */
class ConsoleTail {
  #lines: ConsoleLine[] = [];
  #statuses: { timestamp: number; status: number }[] = [];
  #last = performance.now();

  add({ timestamp, line }: ConsoleLine): void {
    this.#last = performance.now();
    this.#lines.push({ timestamp, line });
    if (this.#lines.length > WATCH_LINES) this.#lines.shift();
    const status = exitLine.exec(new TextDecoder().decode(line))?.[1];
    if (status === undefined) return;
    this.#statuses.push({ timestamp, status: Number(status) });
    if (this.#statuses.length > WATCH_LINES) this.#statuses.shift();
  }

  get lines(): readonly ConsoleLine[] {
    return this.#lines;
  }

  get exitStatus(): number | undefined {
    return this.#statuses.at(-1)?.status;
  }

  /** Forgets lines of an earlier run, such as the one that was replaced. */
  dropBefore(started: number): void {
    this.#lines = this.#lines.filter((each) => each.timestamp >= started);
    this.#statuses = this.#statuses.filter((each) => each.timestamp >= started);
  }

  /** Resolves once no line has come for a while. */
  async settled(quiet: number): Promise<void> {
    const limit = performance.now() + 5 * quiet; // a flood does not settle
    this.#last = performance.now();
    for (let rest = quiet; rest > 0 && performance.now() < limit; rest = this.#last + quiet - performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
  }
}

/** What a tender prints last when it refuses to run a unikernel, and Solo5 when one has crashed. */
const failureLine = /^(?:solo5-\w+|albatross tender): (?!Exiting on signal|adjusting memory)|^Solo5: ABORT|solo5_abort/;

/**
 * Whether a unikernel came to a bad end: started again and again, or ended with a status that is not 0. Where the status
 * is unknown, the last line decides: many unikernels end without a word, and well.
 */
export function failedEarly({ state, exitStatus, lines }: Watched): boolean {
  if (state !== "ended") return state === "restarting";
  if (exitStatus !== undefined) return exitStatus !== 0;
  return failureLine.test(new TextDecoder().decode(lines.at(-1)?.line));
}
