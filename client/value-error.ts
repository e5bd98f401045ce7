/**
 * A value that a person has written, on a command line or in a file, and that cannot be used.
 *
 * @module
 */
import { plainStyle, type Style } from "./style.ts";

/** Exit status 124. The text depends on how emphasis is shown. */
export class ValueError extends Error {
  override readonly name = "ValueError";
  /** The text in a style. */
  readonly render: (style: Style) => string;

  constructor(render: string | ((style: Style) => string), options?: ErrorOptions) {
    const rendered = typeof render === "string" ? () => render : render;
    super(rendered(plainStyle), options);
    this.render = rendered;
  }
}

/** `invalid value 'x', expected …`, the original's form. */
export function invalidValue(text: string, expected: string): ValueError {
  return new ValueError((style) => `invalid value ${style.quote(text)}, expected ${expected}`);
}
