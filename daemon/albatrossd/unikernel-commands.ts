/**
 * Carries out the plans of unikernel commands: create, force-create, restart, rollback, destroy.
 *
 * @module
 */
import { decide, decideCreate } from "../../core/engine/decide.ts";
import { chooseRevision } from "../../core/engine/revisions.ts";
import type { Unikernel, UnikernelSpec } from "../../core/engine/state.ts";
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import { blockNameOf } from "../../core/resources.ts";
import type { Command } from "../../core/wire/message.ts";
import type { ImageStore, StoredImage } from "./images.ts";
import { StartError } from "./instance.ts";
import { failure, type Reply, success } from "./reply.ts";
import type { Launch, Supervisor } from "./supervisor.ts";

const CREATED = "created unikernel";

/** A unikernel to create, its image in the store and pinned. */
export interface CreateRequest {
  readonly name: Name;
  readonly spec: UnikernelSpec;
  readonly image: StoredImage | undefined;
  readonly force: boolean;
}

function text(error: unknown): string {
  if (error instanceof StartError) return error.message;
  return `could not create unikernel: ${error instanceof Error ? error.message : String(error)}`;
}

/** Creates a unikernel, or with `force` replaces what is there. */
export async function create(supervisor: Supervisor, request: CreateRequest): Promise<Reply> {
  const { name, spec, image, force } = request;
  try {
    return await supervisor.exclusively(name, async () => {
      const revision = force ? "force-create" : "create";
      return await place(supervisor, name, spec, force, { revision, durable: image && (() => image.durable()) });
    });
  } finally {
    image?.release();
    supervisor.collectImages();
  }
}

/** Starts a unikernel under a name, or with `force` in place of what is there. */
async function place(
  supervisor: Supervisor,
  name: Name,
  spec: UnikernelSpec,
  force: boolean,
  how: Launch,
): Promise<Reply> {
  const decision = decideCreate(supervisor.state, name, spec.arguments, force);
  if (decision.kind === "refuse") return failure(decision.text);
  const present = supervisor.state.unikernels.get(name.key);
  if (present !== undefined) return await replace(supervisor, present, spec, how);
  supervisor.note({ kind: "unikernel-admitted", name, spec });
  try {
    await supervisor.launch(name, how);
    return success(CREATED);
  } catch (error) {
    supervisor.note({ kind: "unikernel-removed", name });
    return failure(text(error));
  }
}

/**
 * Replaces a unikernel by one of another configuration. Everything that can be checked is checked before the present
 * one is ended; if the new one cannot be started, the present one is started again.
 */
async function replace(supervisor: Supervisor, present: Unikernel, spec: UnikernelSpec, how: Launch): Promise<Reply> {
  const { name } = present;
  try {
    await supervisor.check(name, spec);
    await how.durable?.();
  } catch (error) {
    return failure(text(error));
  }
  // Others may have taken resources meanwhile.
  const decision = decideCreate(supervisor.state, name, spec.arguments, true);
  if (decision.kind === "refuse") return failure(decision.text);
  const replaced = { kind: "unikernel-respecified", name, spec, heldMemory: present.arguments.memory } as const;
  supervisor.note(replaced);
  const release = holdLost(supervisor, present, spec);
  try {
    await supervisor.stopForAnother(name);
  } catch (error) {
    release();
    supervisor.note({ kind: "unikernel-respecified", name, spec: present.spec });
    return failure(text(error));
  }
  supervisor.note(replaced); // again, now that it does not run: its history is over
  try {
    await supervisor.launch(name, how);
    release();
    return success(CREATED);
  } catch (error) {
    release(); // with the former configuration it has them again
    supervisor.note({ kind: "unikernel-respecified", name, spec: present.spec });
    return failure(`${text(error)}; ${await bringBack(supervisor, name)}`);
  }
}

/**
 * Holds the block devices that a unikernel loses by its new configuration: its process has them until it has ended, and
 * gets them back if the new one cannot be started.
 *
 * @returns what ends that
 */
function holdLost(supervisor: Supervisor, { name, spec: former }: Unikernel, spec: UnikernelSpec): () => void {
  const keys = new Set(spec.arguments.blockDevices.map((device) => blockNameOf(name, device)?.key));
  const lost = former.arguments.blockDevices.flatMap((device) => {
    const block = blockNameOf(name, device);
    return block === undefined || keys.has(block.key) ? [] : [block];
  });
  for (const block of lost) supervisor.restore({ kind: "block-held", name: block, use: "write" });
  return () => {
    for (const block of lost) supervisor.restore({ kind: "block-released", name: block, use: "write" });
  };
}

async function bringBack(supervisor: Supervisor, name: Name): Promise<string> {
  try {
    await supervisor.launch(name, { former: true });
    return "the former unikernel was started again";
  } catch (error) {
    supervisor.retry(name, text(error));
    return `the former unikernel could not be started again yet: ${text(error)}`;
  }
}

/** Restarts a unikernel, with other arguments if the command has some. */
export async function restart(
  supervisor: Supervisor,
  name: Name,
  command: Command & { kind: "unikernel-restart" },
): Promise<Reply> {
  return await supervisor.exclusively(name, async () => {
    const decision = decide(supervisor.state, name, command);
    if (decision?.kind === "refuse") return failure(decision.text);
    if (decision?.kind !== "plan" || decision.plan.kind !== "restart") return failure("unknown command");
    const { unikernel } = decision.plan;
    const revision = command.arguments === undefined ? undefined : "restart";
    const spec = { ...unikernel.spec, arguments: decision.plan.arguments };
    return await replace(supervisor, unikernel, spec, { revision });
  });
}

/**
 * Makes a unikernel what it was at an earlier revision, also if it has ended meanwhile. That is a new revision.
 *
 * @param wanted the number of the revision; 0 for the one before the newest
 */
export async function rollback(supervisor: Supervisor, images: ImageStore, name: Name, wanted: Int): Promise<Reply> {
  try {
    return await supervisor.exclusively(name, async () => {
      const revision = chooseRevision(supervisor.revisions(name), wanted);
      if (typeof revision === "string") return failure(revision);
      const { image } = revision.spec;
      if (image !== undefined && !images.has(image)) {
        return failure(
          `rollback: the image of revision ${revision.number} is not in the database directory any more. Create the unikernel by force, anew`,
        );
      }
      const pinned = image && images.pin(image);
      try {
        return await place(supervisor, name, revision.spec, true, { revision: "rollback" });
      } finally {
        pinned?.release();
      }
    });
  } finally {
    supervisor.collectImages();
  }
}

/** Ends a unikernel and forgets it. */
export async function destroy(supervisor: Supervisor, name: Name): Promise<Reply> {
  return await supervisor.exclusively(name, async () => {
    const decision = decide(supervisor.state, name, { kind: "unikernel-destroy" });
    if (decision?.kind === "refuse") {
      supervisor.forget(name);
      supervisor.collectImages();
      return failure(decision.text);
    }
    const ran = supervisor.state.unikernels.get(name.key)?.phase.kind === "running";
    try {
      await supervisor.stop(name);
      supervisor.commit({ kind: "unikernel-removed", name });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      supervisor.retry(name, reason); // it is not destroyed, so it shall run
      return failure(reason);
    }
    supervisor.collectImages();
    return success(ran ? "destroyed unikernel" : "destroyed: removed waiter");
  });
}
