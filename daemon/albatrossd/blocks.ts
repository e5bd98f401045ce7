/**
 * Adding and removing block devices (daemon.md 14).
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { decide } from "../../core/engine/decide.ts";
import type { Name } from "../../core/name.ts";
import { blockFile } from "../../core/paths.ts";
import type { Command } from "../../core/wire/message.ts";
import { MEBIBYTE } from "./block-files.ts";
import { failure, type Reply, success } from "./reply.ts";
import type { Supervisor } from "./supervisor.ts";

async function makeFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.truncate(bytes);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function reason(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "EEXIST") return "file already exists";
  return error instanceof Error ? error.message : String(error);
}

/** Adds a device, sparse and zeroed, or removes one. */
export async function changeBlock(
  supervisor: Supervisor,
  databaseDirectory: string,
  name: Name,
  command: Command & { kind: "block-add" | "block-remove" },
): Promise<Reply> {
  return await supervisor.exclusively(name, async () => {
    const decision = decide(supervisor.state, name, command);
    if (decision?.kind === "refuse") return failure(decision.text);
    if (decision?.kind !== "plan") return failure("unknown command");
    const path = blockFile(databaseDirectory, name);
    const { plan } = decision;
    if (plan.kind === "add-block") {
      // Registered first: it counts while the file is being made.
      supervisor.note({ kind: "block-added", name, size: plan.size });
      try {
        mkdirSync(join(databaseDirectory, "block"), { recursive: true, mode: 0o700 });
        await makeFile(path, plan.size * MEBIBYTE);
      } catch (error) {
        supervisor.note({ kind: "block-removed", name });
        return failure(reason(error));
      }
      return success("added block device");
    }
    // Unregistered first: nothing can be started on it from now on.
    const size = supervisor.state.blocks.get(name.key)?.size ?? 0;
    supervisor.note({ kind: "block-removed", name });
    try {
      await rm(path);
    } catch (error) {
      supervisor.note({ kind: "block-added", name, size });
      return failure(reason(error));
    }
    return success("removed block");
  });
}
