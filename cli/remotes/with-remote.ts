/**
 * `--remote NAME`: puts what is recorded for a host in the place of the options that say it.
 *
 * @module
 */
import { didYouMean } from "../../client/alternatives.ts";
import { configFile, type Remote, type Remotes, readRemotes } from "../../client/remotes.ts";
import type { Destination } from "../../client/values/destination.ts";
import { ALL_REMOTES } from "../../client/values/remote-name.ts";
import { UsageError } from "../usage-error.ts";

/** The values of the options that matter here; a command may lack all but `remote`. */
export interface RemoteChoice {
  readonly remote: string;
  readonly csr?: boolean;
  readonly socket?: string | undefined;
  readonly destination?: Destination | undefined;
  readonly ca?: string | undefined;
  readonly caKey?: string | undefined;
  readonly serverCa?: string | undefined;
  readonly serverName?: string | undefined;
  readonly serverKey?: string | undefined;
}

/** The command that can ask every recorded host. */
const ASKS_ALL = "info";

/**
 * The values with those of the remote; what was given on the command line stays.
 *
 * @throws {UsageError} if there is no such remote, or a destination was given, too
 */
export function withRemote(
  values: RemoteChoice,
  command: string,
  environment: Readonly<Record<string, string | undefined>>,
): RemoteChoice {
  if (values.csr === true || values.socket !== undefined || values.destination !== undefined) {
    throw new UsageError("The options --csr, --destination, --remote, and --socket are mutually exclusive");
  }
  if (values.remote === ALL_REMOTES) {
    if (command === ASKS_ALL) return values;
    throw new UsageError(`Only ${ASKS_ALL} asks all remotes: give the name of one, see remote list`);
  }
  const path = configFile(environment);
  return withDestination(values, findRemote(readRemotes(path), values.remote, path));
}

/** The values for one remote. */
export function withDestination<V extends object>(values: V & Omit<RemoteChoice, "remote">, remote: Remote) {
  return {
    ...values,
    destination: { host: remote.host, port: remote.port },
    ca: values.ca ?? remote.ca,
    caKey: values.caKey ?? remote.caKey,
    serverCa: values.serverCa ?? remote.serverCa,
    serverName: values.serverName ?? remote.serverName,
    serverKey: values.serverKey ?? remote.serverKey,
  };
}

/**
 * A recorded host.
 *
 * @throws {UsageError} if there is none of this name
 */
export function findRemote(remotes: Remotes, name: string, path: string): Remote {
  const found = remotes.get(name);
  if (found !== undefined) return found;
  throw new UsageError((style) => {
    const known = [...remotes.keys()].map((each) => style.quote(each)).join(", ");
    const hint =
      didYouMean(name, remotes.keys(), style) ??
      (known === "" ? "None is recorded yet: see remote add --help" : `Recorded are ${known}`);
    return `There is no remote ${style.quote(name)} in ${path}. ${hint}`;
  });
}
