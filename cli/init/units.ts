/**
 * The units of systemd, as they are in `packaging/systemd/`: the executable carries them.
 *
 * @module
 */
import tmpfiles from "../../packaging/systemd/albatross.tmpfiles.conf" with { type: "text" };
import consoleService from "../../packaging/systemd/albatross_console.service" with { type: "text" };
import consoleSocket from "../../packaging/systemd/albatross_console.socket" with { type: "text" };
import daemonService from "../../packaging/systemd/albatross_daemon.service" with { type: "text" };
import daemonSocket from "../../packaging/systemd/albatross_daemon.socket" with { type: "text" };
import influxService from "../../packaging/systemd/albatross_influx.service" with { type: "text" };
import logService from "../../packaging/systemd/albatross_log.service" with { type: "text" };
import logSocket from "../../packaging/systemd/albatross_log.socket" with { type: "text" };
import statsService from "../../packaging/systemd/albatross_stats.service" with { type: "text" };
import statsSocket from "../../packaging/systemd/albatross_stats.socket" with { type: "text" };
import tlsEndpointService from "../../packaging/systemd/albatross_tls_endpoint.service" with { type: "text" };
import tlsEndpointSocket from "../../packaging/systemd/albatross_tls_endpoint.socket" with { type: "text" };

/** The program folder that the units name. */
const PACKAGED_FOLDER = "/usr/libexec/albatross/";

/** The text of each unit by its name. */
export const units: ReadonlyMap<string, string> = new Map([
  ["albatross_console.service", consoleService],
  ["albatross_console.socket", consoleSocket],
  ["albatross_daemon.service", daemonService],
  ["albatross_daemon.socket", daemonSocket],
  ["albatross_influx.service", influxService],
  ["albatross_log.service", logService],
  ["albatross_log.socket", logSocket],
  ["albatross_stats.service", statsService],
  ["albatross_stats.socket", statsSocket],
  ["albatross_tls_endpoint.service", tlsEndpointService],
  ["albatross_tls_endpoint.socket", tlsEndpointSocket],
]);

/** The directories of running daemons, for systemd-tmpfiles. */
export const temporaryFiles: string = tmpfiles;

/** A unit that starts the daemons as roles of one executable, instead of the programs of a package. */
export function unitFor(text: string, executable: string): string {
  return text.replaceAll(
    new RegExp(`${PACKAGED_FOLDER}(albatross[a-z-]*)`, "g"),
    (_whole, role: string) => `${executable} ${role}`,
  );
}

/** Whether a unit is of no use before an administrator has said more, e.g. where the statistics shall go. */
export function isOptionalUnit(name: string): boolean {
  return name === "albatross_influx.service";
}

/** The units of the endpoint, which needs a certificate before it can be started. */
export function isEndpointUnit(name: string): boolean {
  return name.startsWith("albatross_tls_endpoint.");
}
