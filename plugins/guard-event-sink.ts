/**
 * A sink of a plugin, as albatross-log can use it without harm: what waits for it, and for how long, is bounded there.
 *
 * @module
 */
import type { EventSink } from "./event-sink.ts";
import type { Guard } from "./guard.ts";

/** The sink, whose calls come to an end. They throw {@link PluginFault} only. */
export function guardEventSink(guard: Guard, sink: EventSink): EventSink {
  return {
    name: sink.name,
    write: (events) => guard.settle("write events", () => sink.write(events)),
    reopen: () => guard.settle("reopen", () => sink.reopen?.()),
    close: () => guard.settle("close", () => sink.close()),
  };
}
