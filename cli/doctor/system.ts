/**
 * `doctor`: what the rest of the system has to give: accounts, clock, libraries, units.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { findGroup, findUser } from "../../host/accounts.ts";
import { isClockSynchronised } from "../../host/linux/clock-state.ts";
import { ACCOUNT, type Check, ok, type Place, problem, warning } from "./check.ts";
import { hasLibrary } from "./devices.ts";

/** How long systemd and getent may take, milliseconds. */
const PROGRAM_PATIENCE_MS = 5_000;

/** How far files may be ahead of the clock, milliseconds: other hosts' clocks are not exact either. */
export const CLOCK_TOLERANCE_MS = 60_000;

/** All of it. */
export function checkSystem(place: Place): readonly Check[] {
  return [...checkAccounts(), checkClock(place), ...checkSynchronisation(), checkTls(), ...checkUnits()];
}

function checkAccounts(): readonly Check[] {
  const user = findUser(ACCOUNT) !== undefined || isKnown("passwd");
  const group = findGroup(ACCOUNT) !== undefined || isKnown("group");
  return [
    group
      ? ok("group", `there is a group ${ACCOUNT}`)
      : problem("group", `there is no group ${ACCOUNT}`, `Make it: groupadd --system ${ACCOUNT}`),
    user
      ? ok("user", `there is a user ${ACCOUNT}`)
      : problem(
          "user",
          `there is no user ${ACCOUNT} for the daemons without privileges`,
          `Make it: useradd --system --gid ${ACCOUNT} --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin ${ACCOUNT}`,
        ),
  ];
}

/** Accounts can also come from a directory service. */
function isKnown(database: "passwd" | "group"): boolean {
  return spawnSync("getent", [database, ACCOUNT], { stdio: "ignore", timeout: PROGRAM_PATIENCE_MS }).status === 0;
}

/** Certificates are valid from one time to another: a clock that is wrong makes them useless. */
function checkClock({ databaseDirectory, temporaryDirectory }: Place): Check {
  const now = Date.now();
  const witnesses = [
    join(databaseDirectory, "albatross.sqlite"),
    databaseDirectory,
    temporaryDirectory,
    "/var/lib/systemd/timesync/clock",
    process.execPath,
  ];
  const newest = Math.max(...witnesses.map(changedAt));
  const text = `it is ${new Date(now).toISOString()}`;
  if (newest <= now + CLOCK_TOLERANCE_MS) return ok("clock", text);
  const ahead = `${text}, but there are files of ${new Date(newest).toISOString()}`;
  return problem(
    "clock",
    `${ahead}: certificates will be refused`,
    "Set the clock: timedatectl set-ntp true, or date --set=…",
  );
}

/** When a file was changed last, milliseconds since 1970; 0 if this user cannot see it: others are witnesses, too. */
function changedAt(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function checkSynchronisation(): readonly Check[] {
  const state = isClockSynchronised();
  if (state === undefined) return [];
  if (state) return [ok("clock-synchronised", "the clock is kept right")];
  return [
    warning(
      "clock-synchronised",
      "nothing keeps the clock right: certificates of five minutes need clocks that agree",
      "Let it be kept: timedatectl set-ntp true, or apt-get install chrony",
    ),
  ];
}

function checkTls(): Check {
  if (hasLibrary("libssl.so.3", "OPENSSL_init_ssl")) return ok("libssl", "libssl.so.3 is there, for the endpoint");
  const install = "Install it: apt-get install libssl3";
  return warning("libssl", "libssl.so.3 is not there: albatross-tls-endpoint cannot be used", install);
}

/** The units that are needed, and those that may be missing. */
const units = [
  "albatross_daemon.socket",
  "albatross_daemon.service",
  "albatross_console.socket",
  "albatross_console.service",
];

function checkUnits(): readonly Check[] {
  if (!existsSync("/run/systemd/system")) return []; // another system starts the daemons
  const args = ["show", "--property=Id,LoadState,ActiveState", ...units];
  const shown = spawnSync("systemctl", args, { encoding: "utf8", timeout: PROGRAM_PATIENCE_MS });
  if (shown.status !== 0) {
    return [warning("units", "systemd does not tell about its units", "Look at them: systemctl status 'albatross*'")];
  }
  return shown.stdout
    .trim()
    .split("\n\n")
    .map((block) => {
      const [id = "", load = "", active = ""] = ["Id", "LoadState", "ActiveState"].map(
        (key) => new RegExp(`^${key}=(.*)$`, "m").exec(block)?.[1],
      );
      const name = `unit-${id}`;
      if (load !== "loaded")
        return warning(name, `systemd has no unit ${id}`, "Install the units: albatross-client init");
      if (active === "active") return ok(name, `${id} is active`);
      return problem(name, `${id} is ${active}`, `Start it: systemctl enable --now ${id}; see systemctl status ${id}`);
    });
}
