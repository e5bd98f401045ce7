/**
 * Where events of the log go besides the log: the interface of a sink.
 *
 * A sink is a plain object. It gets events in order, a few at a time, once they are on the disk, and says when it has
 * them. It may be slow and it may fail: albatross-log gives it the same events again later, so that a sink gets some
 * twice (the cursors tell), and counts what finds no place in its queue. A new sink is a file beside those in
 * `event-log/` and a line in `event-log/builtin.ts`.
 *
 * @module
 */
import type { TimedEvent } from "../core/log/event.ts";

/** An event and its place in the log. */
export interface SinkEvent extends TimedEvent {
  /** `undefined` for a notice of loss, which is for this sink only. */
  readonly cursor: string | undefined;
}

/** Takes events. Its methods are not called while an earlier call has not ended. */
export interface EventSink {
  /** For messages: what it is and where it leads. */
  readonly name: string;
  /** Resolves when it has the events. @throws an error whose message says why it has not */
  write(events: readonly SinkEvent[]): Promise<void>;
  /** Opens anew what may have been moved away: on SIGHUP. */
  reopen?(): Promise<void>;
  /** Gives back what it holds. */
  close(): Promise<void>;
}

/** How a kind of sink is made. */
export interface SinkKind {
  /** What stands for the target in the help; `undefined`: there is none. `[X]`: it may be left out. */
  readonly placeholder: string | undefined;
  readonly help: string;
  /** Makes a sink. Nothing needs to be there yet. */
  make(target: string): EventSink;
}
