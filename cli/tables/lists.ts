/**
 * Which columns the lists of the daemons have.
 *
 * @module
 */
import type { Remote } from "../../client/remotes.ts";
import type { UnikernelStatus } from "../../client/status.ts";
import { toDisplay } from "../../core/byte-string.ts";
import { INT_MAX, type Int } from "../../core/int.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import type { Success } from "../../core/wire/message.ts";
import { addressText } from "../remotes/json-remote.ts";
import { shortSpan } from "../top/render.ts";
import type { Column } from "./table.ts";

/** A unikernel as a row. */
export interface UnikernelRow {
  /** The remote it is from; nothing for the host that was asked alone. */
  readonly remote: string;
  readonly name: string;
  readonly info: UnikernelInfo;
  /** How it is doing, if the daemon tells it. */
  readonly status: UnikernelStatus | undefined;
}

const [GREEN, YELLOW, RED] = [32, 33, 31];

const stateColors: Readonly<Record<string, number>> = {
  running: GREEN,
  waiting: YELLOW,
  "crash-loop": RED,
  failed: RED,
};

/** @param now milliseconds since 1970 */
export function unikernelColumns(rows: readonly UnikernelRow[], now: number): readonly Column[] {
  const each = (text: (row: UnikernelRow) => string) => rows.map(text);
  const runs = ({ status }: UnikernelRow) => status === undefined || status.state === "running";
  return [
    ...(rows.some(({ remote }) => remote !== "") ? [{ head: "HOST", cells: each(({ remote }) => remote) }] : []),
    { head: "NAME", cells: each(({ name }) => name.replace(/^:/, "")) },
    { head: "STATE", cells: each(({ status }) => status?.state ?? ""), color: (cell: string) => stateColors[cell] },
    { head: "MEMORY", cells: each(({ info }) => `${info.memory} MB`), right: true },
    { head: "CPUS", cells: each(({ info }) => info.cpuIds.join(",")) },
    { head: "UPTIME", cells: each((row) => (runs(row) ? shortSpan(now - row.info.started) : "")), right: true },
    { head: "RESTARTS", cells: each(({ status }) => (status === undefined ? "" : `${status.restarts}`)), right: true },
    { head: "BRIDGES", cells: each(({ info }) => info.networks.map(({ bridge }) => toDisplay(bridge)).join(",")) },
    { head: "BLOCKS", cells: each(({ info }) => info.blockDevices.map(({ device }) => toDisplay(device)).join(",")) },
    { head: "NOTE", cells: each(({ status }) => note(status, now)), flexible: true },
  ];
}

function note(status: UnikernelStatus | undefined, now: number): string {
  if (status === undefined || status.state === "running") return "";
  const { reason, lastExit, next } = status;
  const wait = next === undefined ? undefined : `next start in ${Math.max(0, Math.ceil((next - now) / 1000))} s`;
  return [reason, lastExit && `ended with ${lastExit}`, wait].filter((part) => part !== undefined).join(", ");
}

/** The columns of a list other than that of unikernels; `undefined` if the success is none, or empty. */
export function listColumns(success: Success): readonly Column[] | undefined {
  switch (success.kind) {
    case "policies":
      return ifAny(success.policies, (policies) => [
        { head: "PATH", cells: policies.map(({ name }) => (name.text === ":" ? ":" : name.path.join(":"))) },
        { head: "UNIKERNELS", cells: policies.map(({ policy }) => limit(policy.unikernels)), right: true },
        { head: "MEMORY", cells: policies.map(({ policy }) => `${limit(policy.memory)} MB`), right: true },
        { head: "CPUS", cells: policies.map(({ policy }) => policy.cpuIds.join(",")), flexible: true },
        {
          head: "BLOCK",
          cells: policies.map(({ policy: { block } }) => (block === undefined ? "none" : `${limit(block)} MB`)),
          right: true,
        },
        {
          head: "BRIDGES",
          cells: policies.map(({ policy }) => policy.bridges.map(toDisplay).join(",")),
          flexible: true,
        },
      ]);
    case "block-devices":
      return ifAny(success.devices, (devices) => [
        { head: "NAME", cells: devices.map(({ name }) => name.text.replace(/^:/, "")) },
        { head: "SIZE", cells: devices.map(({ size }) => `${size} MB`), right: true },
        {
          head: "USED",
          cells: devices.map(({ active }) => (active ? "yes" : "no")),
          color: (cell) => (cell === "yes" ? GREEN : undefined),
        },
      ]);
    case "consoles":
      return ifAny(success.names, (names) => [
        { head: "NAME", cells: names.map(({ text }) => text.replace(/^:/, "")) },
      ]);
    default:
      return undefined;
  }
}

/** The columns of recorded remote hosts. */
export function remoteColumns(remotes: readonly (readonly [string, Remote])[]): readonly Column[] {
  const each = (text: (remote: Remote) => string | undefined) => remotes.map(([, remote]) => text(remote) ?? "");
  return [
    { head: "NAME", cells: remotes.map(([name]) => name) },
    { head: "ADDRESS", cells: each(addressText) },
    { head: "SERVER NAME", cells: each(({ serverName }) => serverName) },
    { head: "CA", cells: each(({ ca }) => ca), flexible: true },
    { head: "SERVER CA", cells: each(({ serverCa }) => serverCa), flexible: true },
  ];
}

function ifAny<Item>(items: readonly Item[], columns: (items: readonly Item[]) => readonly Column[]) {
  return items.length === 0 ? undefined : columns(items);
}

/** What the host has of unikernels is no limit at all. */
function limit(value: Int): string {
  return BigInt(value) === BigInt(INT_MAX) ? "unlimited" : String(value);
}
