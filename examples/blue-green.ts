/**
 * Updates a unikernel (blue) to another image (green), looks whether that is healthy, and goes back by itself if not.
 *
 * ```
 * bun blue-green.ts web web-2.hvt --healthy='listening on port 80' --within=10
 * bun blue-green.ts web web-2.hvt --url=http://10.0.0.2/health
 * deno run -A blue-green.ts …
 * ```
 *
 * Healthy means: within the time, the console shows a line that matches, or the address answers with success; and the
 * unikernel was not started again meanwhile. The host is the local one (`--tmpdir` if it is not the usual directory), or
 * one that `albatross-client remote add` has recorded (`--remote`).
 *
 * Exit status: 0 if green runs, 1 if blue was brought back, otherwise that of `albatross-client`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { AbortedError, type Albatross, ClientError, connect, type Target } from "albatross";

const EXIT_ROLLED_BACK = 1;
const EXIT_USAGE = 124;

/** Between two questions to the address: milliseconds. */
const PAUSE_MS = 200;

/** How long it must go on after it was found healthy: milliseconds. */
const SETTLED_MS = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    healthy: { type: "string" },
    url: { type: "string" },
    within: { type: "string", default: "10" },
    tmpdir: { type: "string" },
    remote: { type: "string" },
  },
});

/** Whether the console shows the line before the signal. */
async function lineComes(albatross: Albatross, name: string, wanted: RegExp, since: Date, signal: AbortSignal) {
  try {
    for await (const { text } of albatross.console(name, { since, signal })) if (wanted.test(text)) return true;
  } catch (error) {
    if (!(error instanceof AbortedError)) throw error;
  }
  return false;
}

/** Whether the address answers well before the signal. */
async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      const answer = await fetch(url, { signal });
      await answer.body?.cancel();
      if (answer.ok) return true;
    } catch {
      // not yet
    }
    await sleep(PAUSE_MS);
  }
  return false;
}

async function isHealthy(albatross: Albatross, name: string, since: Date): Promise<boolean> {
  const signal = AbortSignal.timeout(Number(values.within) * 1000);
  const [born] = await albatross.info(name);
  const passed = await Promise.all([
    values.healthy === undefined || lineComes(albatross, name, new RegExp(values.healthy), since, signal),
    values.url === undefined || answers(values.url, signal),
  ]);
  await sleep(SETTLED_MS);
  const [alive] = await albatross.info(name);
  return born !== undefined && born.started.getTime() === alive?.started.getTime() && !passed.includes(false);
}

async function update(): Promise<number> {
  const [name, image] = positionals;
  if (name === undefined || image === undefined) throw new TypeError("NAME and IMAGE are needed");
  if (values.healthy === undefined && values.url === undefined) throw new TypeError("--healthy or --url is needed");
  const target: Target = values.remote === undefined ? { tmpdir: values.tmpdir } : { remoteName: values.remote };
  const albatross = await connect(target);
  const [blue] = await albatross.info(name);
  if (blue === undefined) throw new TypeError(`there is no ${name} to be updated: create it first`);
  const [before] = await albatross.revisions(name, { count: 1 });
  const since = new Date();
  // Green gets all that blue has. If it cannot even be started, albatrossd brings blue back.
  await albatross.create(name, { ...blue, image, force: true });
  if (await isHealthy(albatross, name, since)) {
    console.log(`${name} is updated and healthy`);
    return 0;
  }
  await albatross.rollback(name, { revision: before?.revision });
  console.error(`${name} was not healthy within ${values.within} s: it is again what it was`);
  return EXIT_ROLLED_BACK;
}

try {
  process.exitCode = await update();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(`Cannot update: ${error.message}`);
  process.exitCode = error instanceof ClientError ? error.exitStatus : EXIT_USAGE;
}
