/**
 * At start: what an earlier albatrossd left behind is adopted, ended or removed, so that nothing runs twice.
 *
 * @module
 */
import { readdirSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { machineOf } from "../../backends/bhyve/bhyve-command-line.ts";
import type { Event } from "../../core/engine/event.ts";
import type { Run } from "../../core/engine/state.ts";
import { type Name, NameError, parseName } from "../../core/name.ts";
import { compareTreeOrder } from "../../core/tree.ts";
import type { StoredUnikernel } from "../../host/database/rows.ts";
import type { HostNetwork } from "../../host/network.ts";
import {
  bootId,
  commandLineOf,
  findByEnvironment,
  identify,
  type ProcessIdentity,
} from "../../host/process-identity.ts";
import { watchProcess } from "../../runtime/process-watch.ts";
import type { Log } from "../common/log.ts";
import { MARK } from "./instance.ts";
import type { Store } from "./store.ts";
import type { Supervisor } from "./supervisor.ts";

/** The start-up priority of unikernels without one (daemon.md 1). */
export const DEFAULT_STARTUP = 50;

/** Milliseconds to wait for the end of leftover processes, and for the removal of their taps. */
export const LEFTOVER_TIMEOUT_MS = 3_000;

const LEFTOVER_POLL_MS = 20;

/** What recovery works on. */
export interface RecoveryHost {
  readonly temporaryDirectory: string;
  readonly store: Store;
  readonly supervisor: Supervisor;
  /** `undefined` where the network cannot be changed: not as root. */
  readonly network: HostNetwork | undefined;
  /** Removes a virtual machine that the kernel still keeps. */
  readonly releaseMachine: (machine: string) => Promise<void>;
  readonly log: Log;
}

interface Marked {
  readonly identity: ProcessIdentity;
  readonly instance: string;
  /** The virtual machine that the kernel keeps beyond its end. */
  readonly machine: string | undefined;
}

/** The processes that carry the mark of this store. */
function markedProcesses(storeId: string): Marked[] {
  const own = process.getuid?.() ?? 0;
  const found: Marked[] = [];
  for (const { pid, value, uid } of findByEnvironment(MARK)) {
    const [store, instance] = value.split("/");
    const identity = identify(pid);
    // Anybody can set an environment variable: only processes of our own user can be ours.
    if (store !== storeId || instance === undefined || uid !== own || identity === undefined) continue;
    found.push({ identity, instance, machine: machineOf(commandLineOf(pid) ?? []) });
  }
  return found;
}

function isSameProcess(run: Run, marked: Marked): boolean {
  const { pid, startTime, bootId } = marked.identity;
  return run.pid === pid && run.processStart === startTime && run.bootId === bootId;
}

async function endLeftovers(leftovers: readonly Marked[], log: Log): Promise<void> {
  // Watched, not looked at: a process whose first thread has ended seems to be gone, but still holds its tap.
  const watches = leftovers.map(({ identity }) => watchProcess(identity));
  for (const watch of watches) {
    log.warning(`ending process ${watch.identity.pid}: its start was never recorded, or it was to be ended`);
    watch.signal(constants.signals.SIGKILL);
  }
  const timeout = Promise.withResolvers<false>();
  const timer = setTimeout(() => timeout.resolve(false), LEFTOVER_TIMEOUT_MS);
  try {
    const ended = Promise.all(watches.map(({ exited }) => exited)).then(() => true);
    if (await Promise.race([ended, timeout.promise])) return;
    throw new Error("Cannot start: processes of an earlier albatrossd do not end");
  } finally {
    clearTimeout(timer);
    for (const watch of watches) watch.close();
  }
}

async function removeTaps(network: HostNetwork, storeId: string, kept: ReadonlySet<string>, log: Log): Promise<void> {
  const until = performance.now() + LEFTOVER_TIMEOUT_MS;
  for (const tap of network.listTaps({ alias: `albatross:${storeId}` })) {
    for (let removed = kept.has(tap); !removed; ) {
      try {
        await network.destroyTap(tap);
        removed = true;
      } catch (error) {
        // A process that is not seen any more may still be ending, and hold its tap until then.
        if (performance.now() < until) {
          await sleep(LEFTOVER_POLL_MS);
          continue;
        }
        const reason = error instanceof Error ? error.message : String(error);
        log.warning(`cannot remove the leftover tap ${tap}: ${reason}`);
        break;
      }
    }
  }
}

function removeFiles(folder: string, suffix: string, kept: ReadonlySet<string>, log: Log): void {
  for (const file of readdirSync(folder)) {
    if (!file.endsWith(suffix)) continue;
    const text = file.slice(0, file.length - suffix.length);
    if (kept.has(text) || !text.includes(":")) continue;
    try {
      if (parseName(text).text === text) rmSync(join(folder, file), { force: true });
    } catch (error) {
      if (error instanceof NameError) continue; // any other file there is not ours
      // Others may write the folder of the fifos; whatever they put there keeps no unikernel from being started.
      const reason = error instanceof Error ? error.message : String(error);
      log.warning(`cannot remove the leftover ${join(folder, file)}: ${reason}`);
    }
  }
}

function startOrder(a: StoredUnikernel, b: StoredUnikernel): number {
  const [left, right] = [a.spec.arguments.startup ?? DEFAULT_STARTUP, b.spec.arguments.startup ?? DEFAULT_STARTUP];
  return left < right ? -1 : left > right ? 1 : compareTreeOrder(a.name, b.name);
}

/**
 * Restores everything that shall be: adopts what still runs, and removes what crashed starts left.
 *
 * @returns the unikernels to start, in their order
 * @throws {StoreError} if the store cannot be read
 */
export async function recover(host: RecoveryHost): Promise<readonly Name[]> {
  const { store, supervisor, network, log } = host;
  const stored = store.load();
  // A process may have children, which inherit its mark.
  const marked = Map.groupBy(markedProcesses(store.id), ({ instance }) => instance);
  const adopted = new Map<string, Run>();
  for (const { name, run } of stored.unikernels) {
    if (run === undefined || !marked.get(run.instance)?.some((process) => isSameProcess(run, process))) continue;
    adopted.set(name.text, run);
    marked.delete(run.instance);
  }
  const leftovers = [...marked.values()].flat();
  await endLeftovers(leftovers, log);
  // Also those of processes that ended while nobody watched; after a start of the host the kernel has forgotten them.
  const lost = stored.unikernels.flatMap(({ name, run }) =>
    run !== undefined && run.bootId === bootId() && !adopted.has(name.text) ? [run.machine] : [],
  );
  for (const machine of new Set([...lost, ...leftovers.map((leftover) => leftover.machine)])) {
    if (machine !== undefined) await host.releaseMachine(machine);
  }
  const keptTaps = new Set([...adopted.values()].flatMap((run) => run.taps.map(({ tap }) => tap)));
  if (network !== undefined) await removeTaps(network, store.id, keptTaps, log);
  const keptNames = new Set(adopted.keys());
  removeFiles(host.temporaryDirectory, ".img", keptNames, log);
  removeFiles(join(host.temporaryDirectory, "fifo"), "", keptNames, log);

  const events: Event[] = stored.policies.map(({ name, policy }) => ({ kind: "policy-added", name, policy }));
  for (const { name, at } of store.loadSettled()) events.push({ kind: "policy-settled", name, at });
  for (const { name, spec, restarts } of stored.unikernels) {
    events.push({ kind: "unikernel-restored", name, spec, restarts });
  }
  supervisor.restore(...events);
  for (const { name } of stored.unikernels) {
    const run = adopted.get(name.text);
    if (run !== undefined) supervisor.adopt(name, run);
  }
  supervisor.collectImages();
  return [...stored.unikernels]
    .sort(startOrder)
    .filter(({ name }) => !adopted.has(name.text))
    .map(({ name }) => name);
}
