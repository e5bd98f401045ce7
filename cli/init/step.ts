/**
 * What `init` does: steps that can be told before they are done, and most of them undone.
 *
 * @module
 */

/** Something that is missing on the host. */
export interface Step {
  /** A stable name for scripts, e.g. `user` or `directory /run/albatross`. */
  readonly id: string;
  /** What is done, as an order: `make the group albatross`. */
  readonly what: string;
  /** Does it. @returns how it is undone @throws an error that says why it cannot be done; nothing has changed then */
  apply(): Undo | Promise<Undo>;
}

/** Takes a step back; `undefined` where that makes no sense. */
export type Undo = (() => void) | undefined;

/** What became of a step. `left`: it was done, and could not be undone after a later one had failed. */
export type Outcome = "planned" | "done" | "failed" | "undone" | "left";

/** What became of all steps. */
export interface Report {
  readonly steps: readonly { readonly id: string; readonly what: string; readonly outcome: Outcome }[];
  /** Why a step failed. */
  readonly error: string | undefined;
}

/** Does the steps in order; if one fails, those before it are undone, the last one first, and the others stay planned. */
export async function carryOut(steps: readonly Step[]): Promise<Report> {
  const outcomes: Outcome[] = steps.map(() => "planned");
  const undos: Undo[] = [];
  for (const [at, step] of steps.entries()) {
    try {
      undos[at] = await step.apply();
      outcomes[at] = "done";
    } catch (error) {
      outcomes[at] = "failed";
      for (let back = at - 1; back >= 0; back--) outcomes[back] = undone(undos[back]);
      const reason = error instanceof Error ? error.message : String(error);
      return { steps: withOutcomes(steps, outcomes), error: `Cannot ${step.what}: ${reason}` };
    }
  }
  return { steps: withOutcomes(steps, outcomes), error: undefined };
}

function undone(undo: Undo): Outcome {
  if (undo === undefined) return "left";
  try {
    undo();
    return "undone";
  } catch {
    return "left"; // the report says so; the reason of the first failure is the one to be mended
  }
}

/** The steps with what became of each. */
export function withOutcomes(steps: readonly Step[], outcomes: readonly Outcome[]): Report["steps"] {
  return steps.map(({ id, what }, at) => ({ id, what, outcome: outcomes[at] ?? "planned" }));
}
