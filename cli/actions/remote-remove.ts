/**
 * `albatross-client remote remove`.
 *
 * @module
 */

import { configFile, readRemotes } from "../../client/remotes.ts";
import { fromText } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { remoteRemove as definition } from "../commands/remote-remove.ts";
import type { Context } from "../context.ts";
import { jsonRemote } from "../remotes/json-remote.ts";
import { findRemote } from "../remotes/with-remote.ts";
import { changeRemotes } from "../remotes/write-config.ts";

/** Forgets a remote host. */
export async function remoteRemove({ name }: Values<typeof definition>, context: Context): Promise<number> {
  const path = configFile(context.environment);
  const remote = findRemote(readRemotes(path), name, path);
  await changeRemotes(path, (remotes) => new Map([...remotes].filter(([each]) => each !== name)));
  if (context.json) context.object({ kind: "remote", action: "removed", file: path, ...jsonRemote(name, remote) });
  else context.log.reply(fromText(`removed remote ${name} from ${path}`));
  return 0;
}
