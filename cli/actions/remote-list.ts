/**
 * `albatross-client remote list`.
 *
 * @module
 */

import { configFile, type Remote, readRemotes } from "../../client/remotes.ts";
import { fromText } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { remoteList as definition } from "../commands/remote-list.ts";
import type { Context } from "../context.ts";
import { addressText, jsonRemote } from "../remotes/json-remote.ts";

/** Lists the recorded remote hosts. */
export async function remoteList(_values: Values<typeof definition>, context: Context): Promise<number> {
  const path = configFile(context.environment);
  const remotes = readRemotes(path);
  if (context.json) {
    const list = [...remotes].map(([name, remote]) => jsonRemote(name, remote));
    context.object({ kind: "remotes", file: path, remotes: list });
  } else if (context.tables() && remotes.size > 0) {
    const { remoteColumns } = await import("../tables/lists.ts");
    const { showTable } = await import("../tables/show.ts");
    showTable(context, remoteColumns([...remotes]));
  } else {
    const lines = [...remotes].map(([name, remote]) => line(name, remote));
    context.log.reply(fromText(lines.length === 0 ? "no remotes" : lines.join("\n")));
  }
  return 0;
}

/** `prod host:1025 --ca=/…`: the options as they would be given. */
function line(name: string, remote: Remote): string {
  const { ca, caKey, serverCa, serverName, serverKey } = remote;
  const options = { ca, "ca-key": caKey, "server-ca": serverCa, "server-name": serverName, "server-key": serverKey };
  const given = Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [`--${key}=${value}`]));
  return [name, addressText(remote), ...given].join(" ");
}
