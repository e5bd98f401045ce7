/**
 * A transport of a plugin, as the TLS endpoint can use it without harm.
 *
 * @module
 */
import type { Connection } from "../runtime/connection.ts";
import { type Guard, PluginFault } from "./guard.ts";
import type { Transport } from "./transport.ts";

/** A connection whose methods throw nothing: what they throw counts as its loss. */
function guardConnection(guard: Guard, connection: Connection): Connection {
  return {
    send: (bytes) => guard.attempt("send", () => connection.send(bytes) === true, false),
    get pending() {
      return guard.attempt("tell what is pending", () => Number(connection.pending) || 0, 0);
    },
    drained: async () => await connection.drained(),
    end: () => guard.attempt("end a connection", () => connection.end(), undefined),
    destroy: () => guard.attempt("close a connection", () => connection.destroy(), undefined),
    pause: () => guard.attempt("pause a connection", () => connection.pause(), undefined),
    resume: () => guard.attempt("resume a connection", () => connection.resume(), undefined),
  };
}

/** The transport. Its `listen` throws {@link PluginFault} only. */
export function guardTransport(guard: Guard, transport: Transport): Transport {
  return {
    name: transport.name,
    async listen(accept) {
      const listening = guard.settle(
        "listen",
        () =>
          transport.listen((connection, address, port) =>
            accept(guardConnection(guard, connection), String(address), Number(port) || 0),
          ),
        { late: (listener) => listener.close() },
      );
      const listener = await listening;
      if (typeof listener?.close !== "function") {
        throw new PluginFault(`the plugin ${guard.plugin} gave no listener: it needs where and close`);
      }
      return {
        where: String(listener.where),
        close: () => guard.attempt("close its listener", () => listener.close(), undefined),
      };
    },
  };
}
