/**
 * Starting the process of a unikernel: on its console, with its environment, on its CPUs.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { type ChildProcess, SpawnError, type SpawnOptions, spawnProcess } from "../runtime/process.ts";
import { BackendRefusal, type LaunchRequest } from "./backend.ts";

/** What of a {@link LaunchRequest} the process is given by {@link startProcess}. */
export type ProcessRequest = Pick<LaunchRequest, "arguments" | "console" | "environment">;

/**
 * Starts the process.
 *
 * @param commandLine the absolute path of the program, and its arguments
 * @param path search path, which the process gets as `PATH`
 * @param options what differs from the usual
 * @throws {BackendRefusal} with the system's reason as `cause`
 */
export function startProcess(
  commandLine: readonly string[],
  request: ProcessRequest,
  path: string,
  options: Partial<Pick<SpawnOptions, "cpus" | "noInput">> = {},
): ChildProcess {
  try {
    return spawnProcess(commandLine, {
      stdio: request.console,
      environment: { PATH: path, ...request.environment },
      cpus: request.arguments.cpuIds.map(Number),
      ...unprotected(),
      ...options,
    });
  } catch (error) {
    if (error instanceof SpawnError) throw new BackendRefusal(error.message, { cause: error });
    throw error;
  }
}

/**
 * A daemon may be exempt from being killed when memory runs out; its unikernels must not inherit that. Nothing is to be
 * changed otherwise, as an unprivileged daemon could not.
 */
function unprotected(): { oomScoreAdjust?: number } {
  if (process.platform !== "linux") return {};
  return Number(readFileSync("/proc/self/oom_score_adj", "utf8")) < 0 ? { oomScoreAdjust: 0 } : {};
}
