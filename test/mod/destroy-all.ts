/** Clearing up between tests. */
import { type Albatross, RefusedError } from "../../mod.ts";

/** Destroys every unikernel; one may end by itself meanwhile. */
export async function destroyAll(albatross: Albatross): Promise<void> {
  for (const { name } of await albatross.info()) {
    try {
      await albatross.destroy(name);
    } catch (error) {
      if (!(error instanceof RefusedError) || !error.text.includes("not found")) throw error;
    }
  }
}
