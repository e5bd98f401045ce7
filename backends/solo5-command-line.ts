/**
 * The command line of a Solo5 tender (daemon.md 17).
 *
 * @module
 */
import { toDisplay } from "../core/byte-string.ts";
import { BackendRefusal, type LaunchRequest } from "./backend.ts";
import { guestArguments } from "./solo5-checks.ts";

/**
 * Everything after the tender's own name: options in the original's order, the image, the unikernel's arguments.
 *
 * @throws {BackendRefusal} if something cannot be passed on
 */
export function solo5CommandLine(request: LaunchRequest): string[] {
  const { networks, blockDevices } = request;
  for (const { name, file } of blockDevices) {
    if (!/\s/.test(file)) continue;
    throw new BackendRefusal(
      `Cannot attach the block device "${toDisplay(name)}": a tender takes no white space in a path, and "${file}" has some. Move the database directory or the device`,
    );
  }
  return [
    `--mem=${request.arguments.memory}`,
    ...networks.map(({ name, tap }) => `--net:${name}=${tap}`),
    ...networks.map(({ name, mac }) => `--net-mac:${name}=${mac}`),
    ...blockDevices.map(({ name, file }) => `--block:${name}=${file}`),
    ...blockDevices.flatMap(({ name, sectorSize }) =>
      sectorSize === undefined ? [] : [`--block-sector-size:${name}=${sectorSize}`],
    ),
    "--",
    request.imageFile,
    ...guestArguments(request.nameArgument, request.arguments.arguments),
  ];
}
