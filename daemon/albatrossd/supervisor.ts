/**
 * Carries out plans: starts, stops and restarts unikernels, and keeps them as they shall be.
 *
 * Work on one unikernel is serialised, work on different ones is not. The state is that of a {@link Ledger}.
 *
 * @module
 */
import type { Event } from "../../core/engine/event.ts";
import type { Revision, RevisionCommand } from "../../core/engine/revisions.ts";
import type { Run, State, Unikernel, UnikernelSpec } from "../../core/engine/state.ts";
import { EMPTY_STATE } from "../../core/engine/state.ts";
import type { Name } from "../../core/name.ts";
import { ARGUMENTS_EXIT_CODE, failuresInARow, nextDelay, shouldRestart } from "../../core/restart.ts";
import type { ExitStatus } from "../../runtime/process.ts";
import type { Log } from "../common/log.ts";
import { describeStatus, endProcess, KILL_TIMEOUT_MS } from "./end-process.ts";
import { check, cleanUp, type InstanceHost, requireConsole, StartError, start } from "./instance.ts";
import { Ledger } from "./ledger.ts";
import { adoptedProcess, ownProcess, type ProcessHandle } from "./process-handle.ts";
import { requireBlocks } from "./required-blocks.ts";
import { Serial } from "./serial.ts";
import type { Store } from "./store.ts";

/** Told of what happens to unikernels. */
export interface Observer {
  started(name: Name, run: Run): void;
  ended(name: Name): void;
  /** `event` has turned the state `before` into `after`. */
  happened(event: Event, before: State, after: State): void;
}

/** How a start is made. */
export interface Launch {
  /** The command that made what is started a new revision. */
  readonly revision?: RevisionCommand | undefined;
  /** Awaited before the unikernel counts as created. */
  readonly durable?: (() => Promise<void>) | undefined;
  /**
   * It is what was acknowledged before, and is in the database: it runs also if the new process cannot be written there.
   * An albatrossd that finds such a process replaces it by one that it knows.
   */
  readonly former?: boolean;
}

/** Keeps unikernels running. */
export class Supervisor {
  readonly #host: InstanceHost;
  readonly #store: Store;
  readonly #log: Log;
  readonly #observer: Observer;
  readonly #ledger: Ledger;
  readonly #serial = new Serial();
  readonly #processes = new Map<string, ProcessHandle>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Instances that are to end for another start: should they take longer than that waits, the unikernel runs again then. */
  readonly #giveWay = new Set<string>();
  #closing = false;

  constructor(host: InstanceHost, store: Store, observer: Observer, log: Log) {
    this.#host = host;
    this.#store = store;
    this.#observer = observer;
    this.#log = log;
    const state = { ...EMPTY_STATE, zvolPath: host.zvolPath };
    this.#ledger = new Ledger(state, store, (...news) => observer.happened(...news), log);
  }

  get state(): State {
    return this.#ledger.state;
  }

  /** See {@link Ledger.version}. */
  get version(): number {
    return this.#ledger.version;
  }

  /** See {@link Ledger.restore}. */
  restore(...events: readonly Event[]): void {
    this.#ledger.restore(...events);
  }

  /** See {@link Ledger.note}. */
  note(...events: readonly Event[]): void {
    this.#ledger.note(...events);
  }

  /** See {@link Ledger.commit}. @throws {StoreError} nothing has changed then */
  commit(...events: readonly Event[]): void {
    this.#ledger.commit(...events);
  }

  /** Commands and restarts that wait for earlier work on the same unikernel. */
  get waiting(): number {
    return this.#serial.waiting;
  }

  /** Runs a client's task on one name, after all earlier ones on it. @throws {TooManyTasks} */
  async exclusively<T>(name: Name, task: () => Promise<T>): Promise<T> {
    return await this.#serial.run(name.key, task);
  }

  /**
   * Checks everything that a start needs and that can be checked before what runs under `name` is ended for it.
   *
   * @throws {StartError}
   */
  async check(name: Name, spec: UnikernelSpec): Promise<void> {
    requireBlocks(this.#ledger, this.#host, name, spec);
    await check(this.#host, name, spec);
    await requireConsole(this.#host, name);
  }

  /**
   * Starts what was admitted under `name`. Must run exclusively.
   *
   * @throws {StartError} everything is undone then, but the admission
   */
  async launch(name: Name, { revision, durable, former = false }: Launch = {}): Promise<void> {
    const unikernel = this.state.unikernels.get(name.key);
    if (unikernel === undefined) throw new StartError(`${name.toDisplay()} was removed before it could start`);
    this.#requireOpen();
    requireBlocks(this.#ledger, this.#host, name, unikernel.spec);
    const launcher = await check(this.#host, name, unikernel.spec);
    const { run, child } = await start(this.#host, name, unikernel.spec, launcher);
    const process = ownProcess(child, run);
    try {
      await durable?.();
      const started: Event = { kind: "unikernel-started", name, run };
      if (former) this.#ledger.settle(started);
      else if (revision === undefined) this.commit(started);
      else this.commit(started, { kind: "revision-made", name, command: revision, at: run.startedAt });
    } catch (cause) {
      await this.#end(name, run, process);
      await this.#cleanUp(name, run);
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StartError(`could not create unikernel: ${reason}`, { cause });
    }
    this.#log.info(`created ${name.toDisplay()}: pid ${run.pid} (${run.launcher})`);
    this.#watch(name, run, process);
    this.#observer.started(name, run);
  }

  #requireOpen(): void {
    if (this.#closing) throw new StartError("albatrossd is about to end; try again when it has been started");
  }

  /** What `name` was, the newest first. @throws {Error} if the database cannot be read */
  revisions(name: Name): readonly Revision[] {
    return this.#store.revisions.of(name);
  }

  /** Forgets the revisions that were kept of one that is not there. @throws {StoreError} */
  forget(name: Name): void {
    if (this.state.unikernels.has(name.key) || this.revisions(name).length === 0) return;
    this.#store.record([{ kind: "unikernel-removed", name }], this.state); // which knows nothing of them
  }

  /** Takes over a process of an earlier albatrossd. */
  adopt(name: Name, run: Run): void {
    this.note({ kind: "unikernel-adopted", name, run });
    this.#watch(name, run, adoptedProcess(run));
    this.#observer.started(name, run);
    this.#log.info(`adopted ${name.toDisplay()}: pid ${run.pid}`);
  }

  #watch(name: Name, run: Run, process: ProcessHandle): void {
    this.#processes.set(run.instance, process);
    void process.exited.then((status) =>
      this.#serial.run(name.key, async () => await this.#ended(name, run, status), true),
    );
  }

  /** A process ended by itself. */
  async #ended(name: Name, run: Run, status: ExitStatus): Promise<void> {
    const unikernel = this.state.unikernels.get(name.key);
    if (unikernel?.phase.kind !== "running" || unikernel.phase.run.instance !== run.instance) return; // it was stopped
    const text = describeStatus(status);
    this.#log.info(`unikernel ${name.toDisplay()} (PID ${run.pid}) stopped with ${text}`);
    this.#processes.delete(run.instance);
    await this.#cleanUp(name, run);
    this.#observer.ended(name);
    const at = this.#host.now();
    this.note({ kind: "unikernel-exited", name, instance: run.instance, end: status, status: text, at });
    if (this.#closing) return; // it shall run again after the next start
    try {
      await this.#afterEnd(unikernel, run, status, text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error(`cannot keep track of ${name.toDisplay()}: ${reason}`);
    }
  }

  async #afterEnd(unikernel: Unikernel, run: Run, status: ExitStatus, text: string): Promise<void> {
    const { name } = unikernel;
    const gaveWay = this.#giveWay.delete(run.instance);
    const behaviour = unikernel.arguments.failBehaviour;
    if (status.kind === "exit" && status.code === ARGUMENTS_EXIT_CODE && unikernel.arguments.addName) {
      this.#log.info(`unikernel ${name.toDisplay()} does not know --name, starting it without`);
      this.#ledger.settle({ kind: "name-option-dropped", name });
      await this.#startAgain(name);
      return;
    }
    // Nobody can tell how an adopted one ended: a failure, as far as its owner is concerned.
    const wanted = status.kind === "unknown" ? behaviour.kind === "restart" : shouldRestart(status, behaviour);
    if (!wanted && !gaveWay) {
      if (behaviour.kind === "restart")
        this.#log.warning(`unikernel ${name.toDisplay()} ended with ${text}, not restarting`);
      this.#ledger.settle({ kind: "unikernel-ended", name, status: text, at: this.#host.now() });
      this.collectImages();
      return;
    }
    const now = this.#host.now();
    const failures = failuresInARow(unikernel.failures, now - run.startedAt);
    const until = now + nextDelay(failures);
    this.#log.info(`unikernel ${name.toDisplay()} ended with ${text}, restarting in ${until - now} ms`);
    this.#ledger.settle({ kind: "unikernel-waiting", name, until, reason: text, failures });
    this.#schedule(name, until);
  }

  #schedule(name: Name, until: number): void {
    clearTimeout(this.#timers.get(name.key));
    const start = () => {
      this.#timers.delete(name.key);
      void this.#serial.run(name.key, async () => await this.#startAgain(name), true);
    };
    this.#timers.set(name.key, setTimeout(start, Math.max(0, until - this.#host.now())));
  }

  #unschedule(name: Name): void {
    clearTimeout(this.#timers.get(name.key));
    this.#timers.delete(name.key);
  }

  /** Starts one that shall run and does not; if that fails it is listed as failed and tried again. */
  async #startAgain(name: Name): Promise<void> {
    const unikernel = this.state.unikernels.get(name.key);
    if (unikernel === undefined || unikernel.phase.kind === "running" || this.#closing) return;
    try {
      await this.launch(name, { former: true });
    } catch (error) {
      this.retry(name, error instanceof Error ? error.message : String(error));
    }
  }

  /** Starts everything restored that does not run, one after the other in the given order. */
  async startAll(names: readonly Name[]): Promise<void> {
    for (const name of names) await this.#serial.run(name.key, async () => await this.#startAgain(name), true);
  }

  /**
   * Ends what runs under `name`, as {@link Supervisor.stop}, for something else that shall run there at once.
   *
   * @throws {StoreError} nothing has happened then
   * @throws {StartError} nothing has happened, or it cannot be ended yet: whatever shall run then is started at its end
   */
  async stopForAnother(name: Name): Promise<void> {
    this.#requireOpen();
    const phase = this.state.unikernels.get(name.key)?.phase;
    if (phase?.kind === "running") {
      this.commit({ kind: "unikernel-stopping", name });
      this.#giveWay.add(phase.run.instance);
    }
    await this.stop(name);
  }

  /**
   * Ends what runs under `name`, if anything: SIGTERM, and SIGKILL after {@link STOP_TIMEOUT_MS}. Afterwards the
   * unikernel is known but does not run. Must run exclusively.
   *
   * @throws {StartError} if it cannot be ended
   */
  async stop(name: Name): Promise<void> {
    this.#unschedule(name);
    const phase = this.state.unikernels.get(name.key)?.phase;
    if (phase?.kind !== "running") return;
    const { run } = phase;
    const process = this.#processes.get(run.instance);
    const status = process === undefined ? undefined : await this.#end(name, run, process);
    this.#processes.delete(run.instance);
    this.#giveWay.delete(run.instance);
    await this.#cleanUp(name, run);
    const end: ExitStatus = status ?? { kind: "unknown" };
    const text = describeStatus(end);
    this.note({ kind: "unikernel-exited", name, instance: run.instance, end, status: text, at: this.#host.now() });
    this.#observer.ended(name);
    this.#log.info(`unikernel ${name.toDisplay()} (PID ${run.pid}) stopped with ${text}`);
  }

  /** @throws {StartError} if it does not end */
  async #end(name: Name, run: Run, process: ProcessHandle): Promise<ExitStatus> {
    const status = await endProcess(process, run.machine !== undefined, (timeout) =>
      this.#log.warning(`unikernel ${name.toDisplay()} ignored SIGTERM for ${timeout} ms, killing it`),
    );
    if (status !== undefined) return status;
    throw new StartError(`${name.toDisplay()} did not end within ${KILL_TIMEOUT_MS} ms of SIGKILL; try again later`);
  }

  async #cleanUp(name: Name, run: Run): Promise<void> {
    for (const failure of await cleanUp(this.#host, name, run)) {
      this.#log.error(`while cleaning up after ${name.toDisplay()}: ${failure}`);
    }
  }

  /** Lists one that shall run but could not be started as failed, for this reason, and tries again later. */
  retry(name: Name, reason: string): void {
    const unikernel = this.state.unikernels.get(name.key);
    if (unikernel === undefined || unikernel.phase.kind === "running") return;
    const failures = unikernel.failures + 1;
    const delay = nextDelay(failures);
    const until = this.#host.now() + delay;
    this.#log.error(`cannot start ${name.toDisplay()}: ${reason}; trying again in ${delay} ms`);
    this.#ledger.settle({ kind: "unikernel-failed", name, until, reason, failures });
    this.#schedule(name, until);
  }

  /** Tries everything again at once that could not be started: what was missing may be there now. */
  hurry(): void {
    for (const { name, phase } of this.state.unikernels.values()) {
      if (phase.kind === "failed" && this.#timers.has(name.key)) this.#schedule(name, this.#host.now());
    }
  }

  /** Removes images that nothing needs any more; a failure is only logged, for it costs nothing but space. */
  collectImages(): void {
    const used = new Set<string>();
    for (const { spec } of this.state.unikernels.values()) if (spec.image !== undefined) used.add(spec.image.sha256);
    try {
      for (const sha256 of this.#store.revisions.images()) used.add(sha256);
      this.#host.images.collect(used);
    } catch (error) {
      this.#log.warning(`cannot remove unused images: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /**
   * Ends everything, for the end of albatrossd. What ran stays in the store, and is started again by the next one.
   *
   * @param keep leave the unikernels running, to be adopted by the next albatrossd
   */
  async close(keep: boolean): Promise<void> {
    this.#closing = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    if (keep) return await this.#serial.idle();
    const running = [...this.state.unikernels.values()].filter(({ phase }) => phase.kind === "running");
    try {
      this.commit(...running.map(({ name }): Event => ({ kind: "unikernel-stopping", name })));
    } catch (error) {
      this.#log.error(error instanceof Error ? error.message : String(error));
    }
    const stopping = [...this.state.unikernels.values()].map((unikernel) =>
      this.#serial.run(
        unikernel.name.key,
        async () => {
          const { name } = unikernel;
          try {
            // One whose start has been completed meanwhile is still in the database as running.
            const started = this.state.unikernels.get(name.key)?.phase.kind === "running";
            if (started && !running.includes(unikernel)) this.#ledger.settle({ kind: "unikernel-stopping", name });
            await this.stop(name);
          } catch (error) {
            this.#log.error(error instanceof Error ? error.message : String(error));
          }
        },
        true,
      ),
    );
    await Promise.all(stopping);
  }
}
