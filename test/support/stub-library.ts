/**
 * Libraries of systems that tests do not run on, acted by small ones in C: the foreign function calls are the real ones.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The acted C library of FreeBSD: sysctl and what belongs to it. */
export const FREEBSD_LIBC: string = fileURLToPath(new URL("freebsd/stub-freebsd-libc.c", import.meta.url));

/** The acted network interfaces of FreeBSD. */
export const FREEBSD_NETWORK: string = fileURLToPath(new URL("freebsd/stub-freebsd-network.c", import.meta.url));

/** The acted libvmmapi of FreeBSD. */
export const VMMAPI: string = fileURLToPath(new URL("freebsd/stub-vmmapi.c", import.meta.url));

/** A compiled library. */
export interface StubLibrary {
  /** Its file: what it is opened by. */
  readonly path: string;
  /** Removes it; what opened it goes on. */
  remove(): void;
}

/** Compiles a library for this machine. */
export function compileStub(source: string, ...definitions: readonly string[]): StubLibrary {
  const directory = mkdtempSync(join(tmpdir(), "albatross-stub-"));
  const path = join(directory, "stub.so");
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-O1", "-fPIC", "-shared"];
  execFileSync("gcc", [...flags, ...definitions.map((name) => `-D${name}`), "-o", path, source], { stdio: "pipe" });
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** The acted C library of FreeBSD for whole daemons. */
export const FREEBSD_SYSTEM: string = fileURLToPath(new URL("freebsd/stub-freebsd-system.c", import.meta.url));

/** Loaded before a program, makes it take this machine for one with FreeBSD. */
export const PRETEND_FREEBSD: string = fileURLToPath(new URL("freebsd/pretend.ts", import.meta.url));
