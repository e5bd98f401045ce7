/**
 * `doctor`: which daemons answer.
 *
 * @module
 */
import { lstatSync, type Stats } from "node:fs";
import { ClientConnection } from "../../client/connection.ts";
import { ClientError, ConnectError } from "../../client/errors.ts";
import { request } from "../../client/request.ts";
import { requestInfo } from "../../client/status.ts";
import { Name } from "../../core/name.ts";
import { type SocketRole, socketFile } from "../../core/paths.ts";
import { AS_ROOT, type Check, codeOf, ok, type Place, problem, warning } from "./check.ts";

/** How long a daemon may take to answer, milliseconds. */
export const DAEMON_PATIENCE_MS = 2_000;

/** A daemon that is looked for at its socket. */
interface Daemon {
  readonly role: SocketRole;
  readonly program: string;
  readonly unit: string;
  /** Whether commands fail without it. */
  readonly needed: boolean;
  /** Asks for something that changes nothing, and says who answers. */
  ask(path: string, signal: AbortSignal): Promise<string>;
}

const daemons: readonly Daemon[] = [
  {
    role: "vmmd",
    program: "albatrossd",
    unit: "albatross_daemon",
    needed: true,
    ask: async (path, signal) => {
      const { reply, status } = await requestInfo(path, Name.root, { signal });
      const { payload } = reply;
      if (payload.kind !== "success" || payload.success.kind !== "unikernels") throw new Error("the answer is no info");
      const ours = status === undefined ? "albatrossd, not of this project" : "albatrossd";
      return `${ours}, ${payload.success.unikernels.length} unikernels`;
    },
  },
  {
    role: "console",
    program: "albatross-console",
    unit: "albatross_console",
    needed: true,
    ask: async (path, signal) => {
      const { payload } = await request(path, Name.root, { kind: "console-inactive" }, { signal });
      if (payload.kind !== "success") throw new Error("the answer is no list of consoles");
      return "albatross-console";
    },
  },
  { role: "stat", program: "albatross-stats", unit: "albatross_stats", needed: false, ask: connects },
  { role: "log", program: "albatross-log", unit: "albatross_log", needed: false, ask: connects },
];

/** Subscribing would take one of the places of others: it is enough that somebody accepts. */
async function connects(path: string, signal: AbortSignal): Promise<string> {
  (await ClientConnection.open(path, { signal })).close();
  return "connections are accepted";
}

/** All sockets. */
export async function checkDaemons(place: Place): Promise<readonly Check[]> {
  return await Promise.all(daemons.map((daemon) => checkDaemon(daemon, place)));
}

async function checkDaemon({ role, program, unit, needed, ask }: Daemon, place: Place): Promise<Check> {
  const id = `socket-${role}`;
  const path = socketFile(place.temporaryDirectory, role);
  const report = needed ? problem : warning;
  const start = `Start it: systemctl start ${unit}.socket, or ${program} --tmpdir=${place.temporaryDirectory}`;
  let status: Stats | undefined;
  try {
    status = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return warning(id, `this user cannot look at ${path} (${codeOf(error)})`, AS_ROOT);
  }
  if (status === undefined) return report(id, `${path} is not there: ${program} does not run`, start);
  if (!status.isSocket())
    return problem(id, `${path} is no socket`, `Remove it, and start ${program} again: rm ${path}`);
  try {
    return ok(id, `${path}: ${await ask(path, AbortSignal.timeout(DAEMON_PATIENCE_MS))}`);
  } catch (error) {
    if (error instanceof ConnectError && error.systemCode === "EACCES") {
      const join = "Join the group of the socket: adduser USER albatross, and log in again";
      return warning(id, `this user may not connect to ${path}`, join);
    }
    if (error instanceof ConnectError) return report(id, `nobody listens at ${path} (${error.systemCode})`, start);
    const reason = error instanceof ClientError || error instanceof Error ? error.message : codeOf(error);
    return problem(id, `${path} does not answer as it should: ${reason}`, `See its log: journalctl -u ${unit}`);
  }
}
