/**
 * How soon code that runs often is compiled to machine code.
 *
 * @module
 */

/** How many times longer than usual the start of a daemon is interpreted. */
const RELUCTANCE = 16;

function setPolicy(scale: number): void {
  if (typeof Bun !== "undefined") Bun.unsafe.setJITPolicy(scale);
}

/**
 * Interprets what usually would be compiled already, until {@link compileAsUsual}: code of the start never runs again, and
 * compiling it takes half a megabyte of a daemon's own memory and as much as four of pages that daemons share.
 */
export function compileReluctantly(): void {
  setPolicy(RELUCTANCE);
}

/** The start is over. */
export function compileAsUsual(): void {
  setPolicy(1);
}
