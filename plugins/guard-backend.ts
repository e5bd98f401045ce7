/**
 * A backend of a plugin, as albatrossd can use it without harm.
 *
 * @module
 */
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Backend, BackendRefusal, type Launched, type Launcher, type LaunchRequest } from "../backends/backend.ts";
import { environmentVariableOf, identify, isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import type { ExitStatus } from "../runtime/process.ts";
import { watchProcess } from "../runtime/process-watch.ts";
import { type Guard, PluginFault, thrownText } from "./guard.ts";

/** How long after the end of a process a plugin may take to say how it ended, milliseconds. */
export const EXIT_GRACE_MS = 1_000;

/** How long a new process may take to have its environment, and how often that is looked at, milliseconds. */
export const ENVIRONMENT_PATIENCE_MS = 2_000;
const ENVIRONMENT_POLL_MS = 1;

/** A refusal is for the client; anything else also for the administrator. */
function refusalOf(guard: Guard, error: unknown): BackendRefusal {
  const cause = error instanceof PluginFault ? error.cause : undefined;
  // By its name: the plugin has not the class that is meant, but at best one of its own.
  if (cause instanceof Error && cause.name === "BackendRefusal") return new BackendRefusal(cause.message, { cause });
  const text = thrownText(error);
  guard.log.error(text);
  return new BackendRefusal(text, { cause: error });
}

function statusOf(value: unknown): ExitStatus {
  if (typeof value !== "object" || value === null || !("kind" in value)) return { kind: "unknown" };
  if (value.kind === "exit" && "code" in value && Number.isInteger(value.code)) {
    return { kind: "exit", code: Number(value.code) };
  }
  if (value.kind === "signal" && "signal" in value && Number.isInteger(value.signal)) {
    return { kind: "signal", signal: Number(value.signal) };
  }
  return { kind: "unknown" };
}

/**
 * A process without the environment it was given could not be found by the next albatrossd, which would start another.
 *
 * @throws {PluginFault}
 */
async function requireEnvironment(
  guard: Guard,
  identity: ProcessIdentity,
  environment: LaunchRequest["environment"],
): Promise<void> {
  const until = performance.now() + ENVIRONMENT_PATIENCE_MS;
  for (const [key, value] of Object.entries(environment)) {
    // While a program is being loaded, its process has not got its environment yet.
    while (environmentVariableOf(identity.pid, key) !== value && isAlive(identity) && performance.now() < until) {
      await sleep(ENVIRONMENT_POLL_MS);
    }
    if (environmentVariableOf(identity.pid, key) === value || !isAlive(identity)) continue;
    throw new PluginFault(
      `the plugin ${guard.plugin} gave the process ${identity.pid}, which has not got the environment of the launch: use startProcess`,
    );
  }
}

/** How the process ends, also if the plugin never says so. */
async function endOf(
  guard: Guard,
  { pid, exited }: Launched,
  identity: ProcessIdentity | undefined,
): Promise<ExitStatus> {
  const watch = identity === undefined ? undefined : watchProcess(identity);
  const overdue = Promise.withResolvers<ExitStatus>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const gone = () => {
    timer = setTimeout(() => {
      guard.log.error(`process ${pid} has ended, and nothing tells how`);
      overdue.resolve({ kind: "unknown" });
    }, EXIT_GRACE_MS);
  };
  if (watch === undefined) gone();
  else void watch.exited.then(gone);
  try {
    return await Promise.race([Promise.resolve(exited).then(statusOf), overdue.promise]);
  } catch (error) {
    guard.log.error(`the wait for process ${pid} failed: ${thrownText(error)}`);
    // It may run on.
    return identity === undefined || !isAlive(identity) ? { kind: "unknown" } : await overdue.promise;
  } finally {
    clearTimeout(timer);
    watch?.close();
  }
}

/** @throws {PluginFault} */
async function checkLaunched(
  guard: Guard,
  launched: Launched,
  environment: LaunchRequest["environment"],
): Promise<Launched> {
  const { pid, exited, machine } = launched ?? {};
  if (!Number.isSafeInteger(pid) || pid < 2 || pid === process.pid || typeof exited?.then !== "function") {
    throw new PluginFault(`the plugin ${guard.plugin} gave no process for a launch: it needs pid and exited`);
  }
  const identity = identify(pid);
  if (identity !== undefined) await requireEnvironment(guard, identity, environment);
  const ended = endOf(guard, launched, identity);
  return { pid, exited: ended, ...(typeof machine === "string" ? { machine } : {}) };
}

/** Nobody waits for it any more, so it must not run. */
async function endLate(guard: Guard, launched: Launched, environment: LaunchRequest["environment"]): Promise<void> {
  try {
    const { pid } = await checkLaunched(guard, launched, environment);
    process.kill(pid, constants.signals.SIGKILL);
  } catch (error) {
    guard.log.error(`a launch that came too late: ${thrownText(error)}`);
  }
}

function guardLauncher(guard: Guard, launcher: Launcher): Launcher {
  const { description, emulated } = launcher;
  if (typeof description !== "string" || typeof launcher.launch !== "function") {
    throw new PluginFault(`the plugin ${guard.plugin} gave no launcher: it needs description and launch`);
  }
  return {
    description,
    emulated: emulated === true,
    async launch(request) {
      try {
        const { environment } = request;
        const late = (launched: Launched) => void endLate(guard, launched, environment);
        const launched = await guard.settle("launch", () => launcher.launch(request), { late });
        return await checkLaunched(guard, launched, environment);
      } catch (error) {
        throw refusalOf(guard, error);
      }
    },
  };
}

/** The backend, with everything that goes wrong in it as a refusal. */
export function guardBackend(guard: Guard, backend: Backend): Backend {
  const { interfaceVersion, name, images } = backend;
  return {
    interfaceVersion,
    name,
    ...(images === undefined ? {} : { images }),
    handles: (type, image) => guard.attempt("say what it handles", () => backend.handles(type, image) === true, false),
    async check(request, host) {
      try {
        return guardLauncher(guard, await guard.settle("check", () => backend.check(request, host)));
      } catch (error) {
        throw refusalOf(guard, error);
      }
    },
    release: (machine, host) => guard.finish("release", () => backend.release?.(machine, host)),
  };
}
