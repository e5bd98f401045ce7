/**
 * Metrics of the other daemons of this host, which serve them on sockets beside their own: one scrape shows all.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

/** The files in the directory of sockets that metrics are served on. */
export const METRICS_SOCKET_SUFFIX = ".metrics";

/** Milliseconds to wait for a daemon. */
export const NEIGHBOUR_TIMEOUT_MS = 1_000;

/** The longest text that is taken from one, bytes. */
export const NEIGHBOUR_TEXT_MAX = 16 * 1024 * 1024;

/** Daemons that are asked at most. */
export const NEIGHBOURS_MAX = 16;

/** What a daemon serves on a socket. @throws if it does not answer in time, or too much */
async function ask(socketPath: string): Promise<string> {
  const signal = AbortSignal.timeout(NEIGHBOUR_TIMEOUT_MS);
  return await new Promise<string>((resolve, reject) => {
    const outgoing = request({ socketPath, path: "/metrics", signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > NEIGHBOUR_TEXT_MAX) {
          outgoing.destroy(new Error(`its answer is longer than ${NEIGHBOUR_TEXT_MAX} bytes`));
        } else {
          chunks.push(chunk);
        }
      });
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`it answers ${response.statusCode}: ${text.trim()}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/**
 * The texts of all daemons that serve metrics in a directory. One that does not answer is left out.
 *
 * @param own the socket of who asks, which is not asked
 * @param failed told of each that does not answer
 */
export async function neighbourTexts(
  directory: string,
  own: string | undefined,
  failed: (socket: string, error: Error) => void,
): Promise<readonly string[]> {
  const sockets = readdirSync(directory)
    .filter((file) => file.endsWith(METRICS_SOCKET_SUFFIX))
    .sort()
    .map((file) => join(directory, file))
    .filter((socket) => socket !== own)
    .slice(0, NEIGHBOURS_MAX);
  const texts = await Promise.all(
    sockets.map(async (socket) => {
      try {
        return await ask(socket);
      } catch (error) {
        failed(socket, error instanceof Error ? error : new Error(String(error)));
        return undefined;
      }
    }),
  );
  return texts.filter((text) => text !== undefined);
}
