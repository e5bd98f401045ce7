/**
 * Runs Solo5 unikernels for spt: as processes with hardly any system calls, by `solo5-spt`. No KVM is needed.
 *
 * @module
 */
import { solo5Backend } from "../solo5-launcher.ts";

/** The backend for spt images. */
export const sptBackend = solo5Backend("spt");
