/**
 * Runs Solo5 unikernels for hvt: in a virtual machine of their own, by `solo5-hvt` or else by the built-in tender.
 *
 * @module
 */
import { solo5Backend } from "../solo5-launcher.ts";
import { builtInTender } from "./built-in-tender.ts";

/** The backend for hvt images. */
export const hvtBackend = solo5Backend("hvt", builtInTender);
