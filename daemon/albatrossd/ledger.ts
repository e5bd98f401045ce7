/**
 * What is the case: the state, changed by events only, which are told to an observer and put into the store.
 *
 * @module
 */
import { apply } from "../../core/engine/apply.ts";
import type { Event } from "../../core/engine/event.ts";
import type { State } from "../../core/engine/state.ts";
import type { Log } from "../common/log.ts";
import type { Recorded, Store } from "./store.ts";

/** Told that `event` has turned the state `before` into `after`. */
export type Happened = (event: Event, before: State, after: State) => void;

/** The state of albatrossd. */
export class Ledger {
  readonly #store: Store;
  readonly #happened: Happened;
  readonly #log: Log;
  /** What has happened and could not be written: the newest of each kind about each unikernel. */
  #unwritten: readonly Recorded[] = [];
  #state: State;
  #version = 0;

  constructor(state: State, store: Store, happened: Happened, log: Log) {
    this.#state = state;
    this.#store = store;
    this.#happened = happened;
    this.#log = log;
  }

  get state(): State {
    return this.#state;
  }

  /** Counts changes of the state, for whoever keeps something derived from it. */
  get version(): number {
    return this.#version;
  }

  /** Applies what is known from before or was found on the host, and is no news to anybody. */
  restore(...events: readonly Event[]): void {
    for (const event of events) this.#state = apply(this.#state, event);
    this.#version++;
  }

  /** Applies events that need not be on the disk. */
  note(...events: readonly Event[]): void {
    this.#version++;
    for (const event of events) {
      const before = this.#state;
      this.#state = apply(before, event);
      this.#happened(event, before, this.#state);
    }
  }

  /**
   * Applies events once they are on the disk, and with them whatever could not be written before: what builds on that must
   * not be there without it.
   *
   * @throws {StoreError} nothing has changed then
   */
  commit(...events: readonly Event[]): void {
    let after = this.#state;
    for (const event of events) after = apply(after, event);
    this.#store.record(events, after, this.#unwritten);
    this.#unwritten = [];
    this.note(...events);
  }

  /**
   * Applies what happened to a unikernel by itself. Nobody waits for an answer, and it has happened: if it cannot be
   * written, albatrossd goes on by it all the same, and writes it with what comes next.
   */
  settle(event: Event): void {
    try {
      this.commit(event);
    } catch (error) {
      this.#log.error(error instanceof Error ? error.message : String(error));
      const isOther = ({ event: { kind, name } }: Recorded) => kind !== event.kind || name.key !== event.name.key;
      // With the state of now: when it is written, a replacement may be being tried that nobody has acknowledged. Only that of
      // its unikernel: a thousand states of a thousand unikernels would not fit into memory.
      const unikernel = apply(this.#state, event).unikernels.get(event.name.key);
      const unikernels = new Map(unikernel === undefined ? [] : [[event.name.key, unikernel]]);
      this.#unwritten = [...this.#unwritten.filter(isOther), { event, state: { unikernels } }];
      this.note(event);
    }
  }
}
