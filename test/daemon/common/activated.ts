/** A minimal daemon for the test of socket activation: prints what the first client says, and ends. */
import { listenDaemon } from "../../../daemon/common/listen.ts";

const listener = await listenDaemon({ path: "", activation: true }, (connection) => ({
  data(chunk) {
    const { LISTEN_PID } = process.env as { LISTEN_PID?: string };
    process.stdout.write(`${new TextDecoder().decode(chunk)}, LISTEN_PID ${LISTEN_PID}\n`);
    connection.end();
    listener.close();
  },
  close: () => undefined,
}));
