/**
 * Keeps as many replicas of a unikernel running as their use of CPUs asks for.
 *
 * ```
 * bun autoscale.ts worker worker.hvt --min=1 --max=4 --cpus=0,1 --up=0.7 --down=0.2 --cool-down=30
 * deno run -A autoscale.ts …
 * ```
 *
 * Replicas are `worker-1`, `worker-2`, …; the last one goes first. The mean of their use, smoothed, is compared with two
 * thresholds: above `--up` one replica comes, below `--down` one goes, and in between nothing happens. After each change
 * the scale rests for the cool-down, since a change takes time to show. Runs until it is interrupted; the replicas stay.
 * Needs albatross-stats. `--tmpdir` or `--remote` say which host, as for `blue-green.ts`.
 */
import { parseArgs } from "node:util";
import { AbortedError, type Albatross, ClientError, connect, RefusedError, type Sample } from "albatross";

const EXIT_USAGE = 124;

/** How much a new sample counts against those before it. */
const SMOOTHING = 0.5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    min: { type: "string", default: "1" },
    max: { type: "string", default: "4" },
    up: { type: "string", default: "0.7" },
    down: { type: "string", default: "0.2" },
    "cool-down": { type: "string", default: "30" },
    memory: { type: "string", default: "32" },
    cpus: { type: "string", default: "0" },
    arg: { type: "string", multiple: true, default: [] },
    tmpdir: { type: "string" },
    remote: { type: "string" },
  },
});

/** The share of a CPU that each replica uses, from one sample to the next. */
class Usage {
  readonly #last = new Map<string, { readonly at: number; readonly seconds: number }>();
  readonly #share = new Map<string, number>();

  add({ name, time, usage }: Sample): void {
    const now = { at: time.getTime() / 1000, seconds: usage.utime + usage.stime };
    const last = this.#last.get(name.text);
    this.#last.set(name.text, now);
    // One that was started anew counts from 0 again.
    if (last === undefined || now.at <= last.at || now.seconds < last.seconds) return;
    const share = (now.seconds - last.seconds) / (now.at - last.at);
    const before = this.#share.get(name.text) ?? share;
    this.#share.set(name.text, before + SMOOTHING * (share - before));
  }

  /** The mean; `undefined` until there is a share of each. */
  mean(names: readonly string[]): number | undefined {
    const shares = names.flatMap((name) => this.#share.get(name) ?? []);
    if (shares.length === 0 || shares.length < names.length) return undefined;
    return shares.reduce((sum, share) => sum + share, 0) / shares.length;
  }

  forget(name: string): void {
    this.#last.delete(name);
    this.#share.delete(name);
  }
}

const [base, image, ...rest] = positionals;
const [min, max, up, down] = [values.min, values.max, values.up, values.down].map(Number) as [
  number,
  number,
  number,
  number,
];
const coolDown = Number(values["cool-down"]) * 1000;

/** The replicas that run, in the order of their numbers. */
async function replicas(albatross: Albatross): Promise<readonly string[]> {
  const ours = new RegExp(`^:${base}-\\d+$`);
  const names = (await albatross.info()).map(({ name }) => name.text).filter((name) => ours.test(name));
  return names.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

async function start(albatross: Albatross, running: readonly string[]): Promise<void> {
  let number = 1;
  while (running.includes(`:${base}-${number}`)) number++;
  await albatross.create(`${base}-${number}`, {
    image: image ?? "",
    memoryMb: Number(values.memory),
    cpuIds: values.cpus.split(",").map(Number),
    arguments: values.arg,
    restartOnFail: true,
  });
  console.log(`started ${base}-${number}`);
}

async function stop(albatross: Albatross, name: string, usage: Usage): Promise<void> {
  await albatross.destroy(name);
  usage.forget(name);
  console.log(`stopped ${name.slice(1)}`);
}

/** Brings the number of replicas within the limits, then follows their use. */
async function scale(albatross: Albatross, signal: AbortSignal): Promise<void> {
  for (let running = await replicas(albatross); running.length < min; running = await replicas(albatross)) {
    await start(albatross, running);
  }
  const usage = new Usage();
  let rested = Date.now() + coolDown;
  for await (const sample of albatross.statistics(":", { signal })) {
    usage.add(sample);
    if (Date.now() < rested) continue;
    const running = await replicas(albatross);
    const mean = usage.mean(running);
    const last = running.at(-1);
    const more = running.length < min || (mean !== undefined && mean > up && running.length < max);
    const less = running.length > max || (mean !== undefined && mean < down && running.length > min);
    if (!more && (!less || last === undefined)) continue;
    try {
      if (more) await start(albatross, running);
      else if (last !== undefined) await stop(albatross, last, usage);
    } catch (error) {
      // The policy allows no more, or the replica has just ended: no reason to leave the others alone.
      if (!(error instanceof RefusedError)) throw error;
      console.error(error.message);
    }
    rested = Date.now() + coolDown;
  }
}

async function main(): Promise<number> {
  if (base === undefined || image === undefined || rest.length > 0) throw new TypeError("NAME and IMAGE are needed");
  if (!(min >= 0 && max >= min && max > 0 && up > down && coolDown >= 0)) {
    throw new TypeError("--min must not exceed --max, nor --down exceed --up");
  }
  const albatross = await connect(
    values.remote === undefined ? { tmpdir: values.tmpdir } : { remoteName: values.remote },
  );
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupt.abort());
  try {
    await scale(albatross, interrupt.signal);
    throw new TypeError("the statistics have ended: is albatross-stats still running?");
  } catch (error) {
    if (error instanceof AbortedError) return 0;
    throw error;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(`Cannot scale: ${error.message}`);
  process.exitCode = error instanceof ClientError ? error.exitStatus : EXIT_USAGE;
}
