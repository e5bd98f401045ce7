/**
 * How messages for people set off what was typed and what is wrong.
 *
 * @module
 */

/** How the parts of a message are set off. */
export interface Style {
  /** A text that was typed, or is to be typed: bold, or in single quotes. */
  quote(text: string): string;
  /** The same without quotes where there is no styling: in a synopsis. */
  bold(text: string): string;
  /** A placeholder such as `UNIKERNEL-NAME`. */
  underline(text: string): string;
  /** What is wrong. */
  wrong(text: string): string;
}

const same = (text: string) => text;

/** No escape sequences. */
export const plainStyle: Style = { quote: (text) => `'${text}'`, bold: same, underline: same, wrong: same };
