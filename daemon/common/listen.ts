/**
 * The listening socket of a daemon: in the file system, or passed by systemd (daemon.md 3).
 *
 * @module
 */
import { lstatSync, mkdirSync, readFileSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { takeSystemdSocket } from "../../host/systemd.ts";
import {
  type Connection,
  type ConnectionHandlers,
  connectUnix,
  type Listener,
  listenUnix,
  SocketError,
  type SocketOptions,
} from "../../runtime/unix-socket.ts";

export interface ListenWhere {
  readonly path: string;
  /** Take the descriptor that systemd passes instead. */
  readonly activation: boolean;
}

const permissionAdvice =
  "are the permissions of the socket file correct? Is the user to execute this daemon the right one?";

/**
 * Listens. A socket file that a dead daemon left is removed; one that somebody listens on is not. Missing directories are
 * made.
 *
 * The file's mode is 0777 without the others' and the owner's bits of the umask: members of the group may connect.
 *
 * @throws an error that says why, with the system's error as `cause`; `SystemdError` if systemd passed no socket
 */
export async function listenDaemon(
  where: ListenWhere,
  accept: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions = {},
): Promise<Listener> {
  if (where.activation) return listenUnix({ fd: takeSystemdSocket() }, accept, options);
  mkdirSync(dirname(where.path), { recursive: true });
  await removeStale(where.path);
  const umask = process.umask();
  process.umask(umask & 0o707);
  try {
    return listenUnix({ path: where.path }, accept, options);
  } catch (cause) {
    if (!(cause instanceof SocketError) || cause.code !== "EACCES") throw cause;
    throw new Error(`Couldn't bind socket ${where.path} (EACCES), ${permissionAdvice}`, { cause });
  } finally {
    process.umask(umask);
  }
}

async function removeStale(path: string): Promise<void> {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isSocket()) {
    throw new Error(`Cannot listen on ${path}: it exists and is not a socket. Remove it first`);
  }
  if (listenedOn(path) || (await answers(path))) {
    throw new Error(`Cannot listen on ${path}: another daemon serves it already. Stop that one first`);
  }
  try {
    unlinkSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return;
    if (code !== "EACCES") throw cause;
    throw new Error(`Couldn't unlink old socket file (EACCES), ${permissionAdvice}`, { cause });
  }
}

async function answers(path: string): Promise<boolean> {
  try {
    const connection = await connectUnix(path, () => ({ data: () => undefined, close: () => undefined }));
    connection.destroy();
    return true;
  } catch (error) {
    if (error instanceof SocketError && (error.code === "ECONNREFUSED" || error.code === "ENOENT")) return false;
    throw error;
  }
}

/** Linux lists its sockets: a listener with a full backlog refuses connections, but is alive. */
function listenedOn(path: string): boolean {
  if (process.platform !== "linux") return false;
  const listening = 0x10000;
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .some((line) => {
      if (!line.endsWith(` ${path}`)) return false;
      return (Number.parseInt(line.split(/\s+/)[3] ?? "0", 16) & listening) !== 0;
    });
}
