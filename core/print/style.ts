/**
 * How values are laid out for people (client.md 7).
 *
 * @module
 */

/** Settings of everything printed. */
export interface PrintStyle {
  /** Whether arguments of unikernels are printed (debug verbosity). */
  readonly verbose: boolean;
  /** Width of the output; `Infinity` for no line breaks within a description. */
  readonly columns: number;
  /**
   * Whether the text is set as the client sets a log line: the first description of a list then ends without the line
   * break that the last soft break of every other one becomes.
   */
  readonly boxed: boolean;
}

/** The style of the client at its usual verbosity. */
export const CLIENT_STYLE: PrintStyle = { verbose: false, columns: 80, boxed: true };

/** How much narrower than the output a filled line is. */
const MARGIN = 3;

/**
 * Sets parts as a filled paragraph: each goes on the present line if that stays within the margin, else on a new one.
 * Parts are never split. Widths count bytes.
 *
 * @param lead what stands on the line already, the first part included
 * @param lastBreaks whether there is a line break before the last part in any case
 */
export function fill(lead: string, parts: readonly string[], columns: number, lastBreaks: boolean): string {
  let text = lead;
  let width = lead.length;
  parts.forEach((part, index) => {
    const fits = width + 1 + part.length <= columns - MARGIN;
    if (fits && !(lastBreaks && index === parts.length - 1)) {
      text += ` ${part}`;
      width += 1 + part.length;
    } else {
      text += `\n${part}`;
      width = part.length;
    }
  });
  return text;
}
