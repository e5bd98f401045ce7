/**
 * Sends as many bytes as the second argument says to whoever connects to the socket of the first: the floor of a dump.
 *
 * @module
 */
import { listenUnix } from "../runtime/unix-socket.ts";

const [path = "", bytes = "0"] = process.argv.slice(2);
const piece = new Uint8Array(128 * 1024).fill(7);
listenUnix({ path }, (connection) => ({
  async data() {
    for (let sent = 0; sent < Number(bytes); sent += piece.length) {
      if (!connection.send(piece)) await connection.drained();
    }
    connection.end();
  },
  close: () => undefined,
}));
process.stdout.write("ready\n");
