/**
 * `albatross-client remote add`.
 *
 * @module
 */
import { resolve } from "node:path";
import { configFile, type Remote } from "../../client/remotes.ts";
import { ALL_REMOTES } from "../../client/values/remote-name.ts";
import { fromText } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { remoteAdd as definition } from "../commands/remote-add.ts";
import type { Context } from "../context.ts";
import { jsonRemote } from "../remotes/json-remote.ts";
import { changeRemotes } from "../remotes/write-config.ts";
import { UsageError } from "../usage-error.ts";

/** Records a remote host. */
export async function remoteAdd(values: Values<typeof definition>, context: Context): Promise<number> {
  const { name, destination, serverName, serverKey } = values;
  if (name === ALL_REMOTES) throw new UsageError(`The name ${ALL_REMOTES} stands for all remotes: take another one`);
  if (destination === "-") throw new UsageError("A remote needs a host: - is none");
  const path = configFile(context.environment);
  const file = (given: string | undefined) => (given === undefined ? undefined : resolve(given));
  const remote: Remote = {
    ...destination,
    // Relative to where we are, the usual names would mean other files each time.
    ca: file(values.ca ?? "ca.pem"),
    caKey: file(values.caKey ?? "ca.key"),
    serverCa: file(values.serverCa ?? "cacert.pem"),
    serverName,
    serverKey,
  };
  await changeRemotes(path, (remotes) => {
    if (!remotes.has(name)) return new Map([...remotes, [name, remote]]);
    throw new UsageError(`There is a remote ${name} already: take another name, or remove it first (remote remove)`);
  });
  if (context.json) context.object({ kind: "remote", action: "added", file: path, ...jsonRemote(name, remote) });
  else context.log.reply(fromText(`added remote ${name} to ${path}`));
  return 0;
}
