/**
 * The sub-commands: names, and where their definitions and actions are found when they are needed.
 *
 * A name has one word, or two, of which the first is that of a group, such as `remote`, and no sub-command itself.
 * A new sub-command is a definition in `commands/`, an action in `actions/`, and a line here.
 *
 * @module
 */
import type { Arguments, CommandDefinition, Options, Values } from "./command.ts";
import type { Context } from "./context.ts";

/** Carries out a sub-command and gives the exit status. */
export type Action<V> = (values: V, context: Context) => Promise<number>;

/** A sub-command with its parts still to be loaded. */
export interface Entry {
  definition(): Promise<CommandDefinition>;
  /** Loads the action. It must be given the values that its definition describes: {@link entry} checks that. */
  action(): Promise<Action<never>>;
}

function entry<const A extends Arguments, const O extends Options>(
  definition: () => Promise<CommandDefinition<A, O>>,
  action: () => Promise<Action<Values<CommandDefinition<A, O>>>>,
): Entry {
  return { definition, action };
}

/** All sub-commands, in alphabetical order. */
export const registry: ReadonlyMap<string, Entry> = new Map([
  [
    "add-policy",
    entry(
      async () => (await import("./commands/add-policy.ts")).addPolicy,
      async () => (await import("./actions/add-policy.ts")).addPolicy,
    ),
  ],
  [
    "block",
    entry(
      async () => (await import("./commands/block.ts")).block,
      async () => (await import("./actions/block.ts")).block,
    ),
  ],
  [
    "certificate",
    entry(
      async () => (await import("./commands/certificate.ts")).certificate,
      async () => (await import("./actions/certificate.ts")).certificate,
    ),
  ],
  [
    "clone-block",
    entry(
      async () => (await import("./commands/clone-block.ts")).cloneBlock,
      async () => (await import("./actions/copy-block.ts")).cloneBlock,
    ),
  ],
  [
    "completion",
    entry(
      async () => (await import("./commands/completion.ts")).completion,
      async () => (await import("./actions/completion.ts")).completion,
    ),
  ],
  [
    "console",
    entry(
      async () => (await import("./commands/console.ts")).consoleCommand,
      async () => (await import("./actions/console.ts")).subscribeConsole,
    ),
  ],
  [
    "create",
    entry(
      async () => (await import("./commands/create.ts")).create,
      async () => (await import("./actions/create.ts")).create,
    ),
  ],
  [
    "create-block",
    entry(
      async () => (await import("./commands/create-block.ts")).createBlock,
      async () => (await import("./actions/create-block.ts")).createBlock,
    ),
  ],
  [
    "destroy",
    entry(
      async () => (await import("./commands/destroy.ts")).destroy,
      async () => (await import("./actions/destroy.ts")).destroy,
    ),
  ],
  [
    "destroy-block",
    entry(
      async () => (await import("./commands/destroy-block.ts")).destroyBlock,
      async () => (await import("./actions/destroy-block.ts")).destroyBlock,
    ),
  ],
  [
    "doctor",
    entry(
      async () => (await import("./commands/doctor.ts")).doctor,
      async () => (await import("./actions/doctor.ts")).doctor,
    ),
  ],
  [
    "dump-block",
    entry(
      async () => (await import("./commands/dump-block.ts")).dumpBlock,
      async () => (await import("./actions/dump-block.ts")).dumpBlock,
    ),
  ],
  [
    "export-state",
    entry(
      async () => (await import("./commands/export-state.ts")).exportState,
      async () => (await import("./actions/export-state.ts")).exportState,
    ),
  ],
  [
    "extract-dump",
    entry(
      async () => (await import("./commands/extract-dump.ts")).extractDump,
      async () => (await import("./actions/extract-dump.ts")).extractDump,
    ),
  ],
  [
    "generate",
    entry(
      async () => (await import("./commands/generate.ts")).generate,
      async () => (await import("./actions/generate.ts")).generate,
    ),
  ],
  [
    "get",
    entry(
      async () => (await import("./commands/get.ts")).get,
      async () => (await import("./actions/get.ts")).get,
    ),
  ],
  [
    "inactive-consoles",
    entry(
      async () => (await import("./commands/inactive-consoles.ts")).inactiveConsoles,
      async () => (await import("./actions/inactive-consoles.ts")).inactiveConsoles,
    ),
  ],
  [
    "info",
    entry(
      async () => (await import("./commands/info.ts")).info,
      async () => (await import("./actions/info.ts")).info,
    ),
  ],
  [
    "init",
    entry(
      async () => (await import("./commands/init.ts")).init,
      async () => (await import("./actions/init.ts")).init,
    ),
  ],
  [
    "inspect",
    entry(
      async () => (await import("./commands/inspect.ts")).inspect,
      async () => (await import("./actions/inspect.ts")).inspect,
    ),
  ],
  [
    "inspect-dump",
    entry(
      async () => (await import("./commands/inspect-dump.ts")).inspectDump,
      async () => (await import("./actions/inspect-dump.ts")).inspectDump,
    ),
  ],
  [
    "log",
    entry(
      async () => (await import("./commands/log.ts")).log,
      async () => (await import("./actions/log.ts")).showLog,
    ),
  ],
  [
    "policy",
    entry(
      async () => (await import("./commands/policy.ts")).policy,
      async () => (await import("./actions/policy.ts")).policy,
    ),
  ],
  [
    "remote add",
    entry(
      async () => (await import("./commands/remote-add.ts")).remoteAdd,
      async () => (await import("./actions/remote-add.ts")).remoteAdd,
    ),
  ],
  [
    "remote list",
    entry(
      async () => (await import("./commands/remote-list.ts")).remoteList,
      async () => (await import("./actions/remote-list.ts")).remoteList,
    ),
  ],
  [
    "remote remove",
    entry(
      async () => (await import("./commands/remote-remove.ts")).remoteRemove,
      async () => (await import("./actions/remote-remove.ts")).remoteRemove,
    ),
  ],
  [
    "remove-policy",
    entry(
      async () => (await import("./commands/remove-policy.ts")).removePolicy,
      async () => (await import("./actions/remove-policy.ts")).removePolicy,
    ),
  ],
  [
    "replace-policy",
    entry(
      async () => (await import("./commands/replace-policy.ts")).replacePolicy,
      async () => (await import("./actions/add-policy.ts")).addPolicy,
    ),
  ],
  [
    "resize-block",
    entry(
      async () => (await import("./commands/resize-block.ts")).resizeBlock,
      async () => (await import("./actions/copy-block.ts")).resizeBlock,
    ),
  ],
  [
    "restart",
    entry(
      async () => (await import("./commands/restart.ts")).restart,
      async () => (await import("./actions/restart.ts")).restart,
    ),
  ],
  [
    "revisions",
    entry(
      async () => (await import("./commands/revisions.ts")).revisions,
      async () => (await import("./actions/revisions.ts")).revisions,
    ),
  ],
  [
    "revoke",
    entry(
      async () => (await import("./commands/revoke.ts")).revoke,
      async () => (await import("./actions/revoke.ts")).revoke,
    ),
  ],
  [
    "rollback",
    entry(
      async () => (await import("./commands/rollback.ts")).rollback,
      async () => (await import("./actions/rollback.ts")).rollback,
    ),
  ],
  [
    "set-block",
    entry(
      async () => (await import("./commands/set-block.ts")).setBlock,
      async () => (await import("./actions/set-block.ts")).setBlock,
    ),
  ],
  [
    "sign",
    entry(
      async () => (await import("./commands/sign.ts")).sign,
      async () => (await import("./actions/sign.ts")).sign,
    ),
  ],
  [
    "snapshot-block",
    entry(
      async () => (await import("./commands/snapshot-block.ts")).snapshotBlock,
      async () => (await import("./actions/copy-block.ts")).snapshotBlock,
    ),
  ],
  [
    "stats",
    entry(
      async () => (await import("./commands/stats.ts")).stats,
      async () => (await import("./actions/stats.ts")).stats,
    ),
  ],
  [
    "stats-add",
    entry(
      async () => (await import("./commands/stats-add.ts")).statsAdd,
      async () => (await import("./actions/stats-add.ts")).statsAdd,
    ),
  ],
  [
    "stats-remove",
    entry(
      async () => (await import("./commands/stats-remove.ts")).statsRemove,
      async () => (await import("./actions/stats-remove.ts")).statsRemove,
    ),
  ],
  [
    "top",
    entry(
      async () => (await import("./commands/top.ts")).top,
      async () => (await import("./actions/top.ts")).top,
    ),
  ],
  [
    "update",
    entry(
      async () => (await import("./commands/update.ts")).update,
      async () => (await import("./actions/update.ts")).update,
    ),
  ],
]);
