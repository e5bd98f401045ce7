/**
 * The facts of albatrossd: each changes the state by {@link apply}, and is written to the store and the event log.
 *
 * @module
 */
import type { Int } from "../int.ts";
import type { Name } from "../name.ts";
import type { Policy } from "../policy.ts";
import type { BlockHold } from "../resources.ts";
import type { ProcessEnd } from "../restart.ts";
import type { RevisionCommand } from "./revisions.ts";
import type { Run, UnikernelSpec } from "./state.ts";

export type Event =
  | { readonly kind: "policy-added"; readonly name: Name; readonly policy: Policy }
  | { readonly kind: "policy-removed"; readonly name: Name }
  /** Who last spoke on the policy of a path, and when: milliseconds since 1970. */
  | { readonly kind: "policy-settled"; readonly name: Name; readonly at: number }
  /** `size` in MiB. */
  | { readonly kind: "block-added"; readonly name: Name; readonly size: Int }
  | { readonly kind: "block-removed"; readonly name: Name }
  /** It has another content. */
  | { readonly kind: "block-set"; readonly name: Name }
  /** Its content was read by a client, as far as that took it. */
  | { readonly kind: "block-dumped"; readonly name: Name }
  | { readonly kind: "block-resized"; readonly name: Name; readonly size: Int }
  /** Its content is being read or written by us, until as many releases of the same `use`. */
  | { readonly kind: "block-held"; readonly name: Name; readonly use: BlockHold }
  | { readonly kind: "block-released"; readonly name: Name; readonly use: BlockHold }
  /** Admitted: holds its resources from now on. Replaces what was under the name. */
  | { readonly kind: "unikernel-admitted"; readonly name: Name; readonly spec: UnikernelSpec }
  /** Shall run with another configuration; the present process, if any, still is of the former one. */
  | {
      readonly kind: "unikernel-respecified";
      readonly name: Name;
      readonly spec: UnikernelSpec;
      /** MiB that it holds at least until it has started: those of the former configuration. */
      readonly heldMemory?: Int;
    }
  /** Restored from the store, not running yet. `at` in milliseconds since 1970. */
  | {
      readonly kind: "unikernel-restored";
      readonly name: Name;
      readonly spec: UnikernelSpec;
      readonly restarts: number;
    }
  | { readonly kind: "unikernel-started"; readonly name: Name; readonly run: Run }
  /** What shall run under the name is a new revision, by this command. `at` in milliseconds since 1970. */
  | { readonly kind: "revision-made"; readonly name: Name; readonly command: RevisionCommand; readonly at: number }
  /** Found running at start: the process of an earlier albatrossd. */
  | { readonly kind: "unikernel-adopted"; readonly name: Name; readonly run: Run }
  /**
   * Its process is about to be ended, and it shall run again. Should albatrossd die meanwhile, the next one does not take
   * the dying process over, whose end would be that of the unikernel, but starts another.
   */
  | { readonly kind: "unikernel-stopping"; readonly name: Name }
  /** The process ended; `status` is `end` as text, e.g. `exit 2`. What follows is another event. */
  | {
      readonly kind: "unikernel-exited";
      readonly name: Name;
      readonly instance: string;
      readonly end: ProcessEnd;
      readonly status: string;
      readonly at: number;
    }
  /** It will be started again at `until`. */
  | {
      readonly kind: "unikernel-waiting";
      readonly name: Name;
      readonly until: number;
      readonly reason: string;
      readonly failures: number;
    }
  /** It could not be started, and is tried again at `until`. */
  | {
      readonly kind: "unikernel-failed";
      readonly name: Name;
      readonly until: number;
      readonly reason: string;
      readonly failures: number;
    }
  /** Its image does not know the option `--name`, which is left out from now on. */
  | { readonly kind: "name-option-dropped"; readonly name: Name }
  /** It ended by itself and shall not run any more. `at` in milliseconds since 1970. */
  | { readonly kind: "unikernel-ended"; readonly name: Name; readonly status: string; readonly at: number }
  /** It was destroyed, or could not be created: it shall not run any more. */
  | { readonly kind: "unikernel-removed"; readonly name: Name };
