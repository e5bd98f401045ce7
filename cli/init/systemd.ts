/**
 * `init`: the units of systemd, and what starts them.
 *
 * @module
 */
import { existsSync, lstatSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { replaceFile } from "../replace-file.ts";
import { makeFolders } from "./folders.ts";
import { runProgram } from "./program.ts";
import type { Step } from "./step.ts";
import { isEndpointUnit, isOptionalUnit, temporaryFiles, unitFor, units } from "./units.ts";

/** Where an administrator's units are, and those of packages. */
const UNIT_DIRECTORY = "/etc/systemd/system";
const PACKAGED_UNITS = ["/usr/lib/systemd/system", "/lib/systemd/system"];
const TMPFILES = "/etc/tmpfiles.d/albatross.conf";

const PUBLIC_MODE = 0o644;

/** What decides about units. */
export interface UnitOptions {
  readonly root: string;
  /** The executable as the units name it, i.e. below the root. */
  readonly executable: string;
  /** Whether the endpoint has, or gets, a certificate. */
  readonly endpoint: boolean;
}

/** Whether a host is one of systemd's. */
export function hasSystemd(root: string): boolean {
  return existsSync(join(root, "run/systemd/system")) || existsSync(join(root, "etc/systemd/system"));
}

/** Whether a package has brought units. */
export function hasPackagedUnits(root: string): boolean {
  return PACKAGED_UNITS.some((folder) => existsSync(join(root, folder, "albatross_daemon.service")));
}

/** Units that are missing or different, and what is not enabled or does not run. */
export function planUnits({ root, executable, endpoint }: UnitOptions): readonly Step[] {
  const wanted = [...units].filter(([name]) => endpoint || !isEndpointUnit(name));
  const files = hasPackagedUnits(root)
    ? []
    : [
        ...planFile(root, TMPFILES, temporaryFiles),
        ...wanted.flatMap(([name, text]) => planFile(root, `${UNIT_DIRECTORY}/${name}`, unitFor(text, executable))),
      ];
  const names = wanted.map(([name]) => name).filter((name) => !isOptionalUnit(name));
  const missing = names.filter((name) => !isEnabled(root, name));
  const where = root === "/" ? [] : ["--root", root];
  const enable: Step[] =
    missing.length === 0
      ? []
      : [
          {
            id: "enable",
            what: `enable ${missing.join(", ")}`,
            apply: () => {
              const disable = () => runProgram("systemctl", [...where, "disable", ...missing]);
              try {
                runProgram("systemctl", [...where, "enable", ...missing]);
              } catch (error) {
                tryTo(disable); // some may have been enabled before the one that could not be
                throw error;
              }
              return disable;
            },
          },
        ];
  return [...files, ...enable, ...planStart(root, files.length > 0, names)];
}

/** A file with this content; one that is there is replaced, and comes back if a later step fails. */
function planFile(root: string, path: string, text: string): readonly Step[] {
  const real = join(root, path);
  const present = lstatSync(real, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(real);
  if (present?.toString() === text) return [];
  return [
    {
      id: `file ${path}`,
      what: present === undefined ? `write ${path}` : `replace ${path}, which is different`,
      apply: () => {
        const removeAbove = makeFolders(dirname(real));
        replaceFile(real, text, PUBLIC_MODE);
        return () => {
          if (present !== undefined) return replaceFile(real, present, PUBLIC_MODE);
          rmSync(real);
          removeAbove();
        };
      },
    },
  ];
}

function isEnabled(root: string, unit: string): boolean {
  const target = unit.endsWith(".socket") ? "sockets.target" : "multi-user.target";
  const link = join(root, UNIT_DIRECTORY, `${target}.wants`, unit);
  try {
    return lstatSync(link, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // systemctl says what is wrong there
  }
}

/** Only where systemd runs, which it does not below another root. */
function planStart(root: string, changed: boolean, names: readonly string[]): readonly Step[] {
  if (root !== "/" || !existsSync("/run/systemd/system")) return [];
  const idle = names.filter((name) => !isActive(name));
  if (!changed && idle.length === 0) return [];
  return [
    {
      id: "start",
      what: `start ${idle.length === 0 ? "nothing, but read the units again" : idle.join(", ")}`,
      apply: () => {
        runProgram("systemctl", ["daemon-reload"]);
        const stop = () => {
          if (idle.length > 0) runProgram("systemctl", ["stop", ...idle]);
        };
        try {
          if (idle.length > 0) runProgram("systemctl", ["start", ...idle]);
        } catch (error) {
          tryTo(stop); // some may have been started before the one that could not be
          throw error;
        }
        return stop;
      },
    },
  ];
}

function isActive(name: string): boolean {
  try {
    runProgram("systemctl", ["is-active", "--quiet", name]);
    return true;
  } catch {
    return false;
  }
}

function tryTo(work: () => void): void {
  try {
    work();
  } catch {
    // what failed first is what is to be mended
  }
}
