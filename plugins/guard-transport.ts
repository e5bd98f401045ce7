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
  const attempt = <T>(what: string, action: () => T, otherwise: T): T => {
    try {
      return guard.call(what, action);
    } catch (error) {
      guard.log.error(error instanceof Error ? error.message : String(error));
      return otherwise;
    }
  };
  return {
    send: (bytes) => attempt("send", () => connection.send(bytes) === true, false),
    get pending() {
      return attempt("tell what is pending", () => Number(connection.pending) || 0, 0);
    },
    drained: async () => await connection.drained(),
    end: () => attempt("end a connection", () => connection.end(), undefined),
    destroy: () => attempt("close a connection", () => connection.destroy(), undefined),
    pause: () => attempt("pause a connection", () => connection.pause(), undefined),
    resume: () => attempt("resume a connection", () => connection.resume(), undefined),
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
        close() {
          try {
            guard.call("close its listener", () => listener.close());
          } catch (error) {
            guard.log.error(error instanceof Error ? error.message : String(error));
          }
        },
      };
    },
  };
}
