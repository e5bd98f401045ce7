/**
 * The Influx line protocol: `measurement,tag=value field=value,… timestamp`.
 *
 * @module
 */

/** A field: an integer, or a number that is printed already. */
export type InfluxValue = bigint | { readonly float: string };

/** The largest integer of the line protocol; what lies beyond is written as this, or receivers refuse the whole line. */
export const INTEGER_MAX: bigint = 2n ** 63n - 1n;

const special: Readonly<Record<string, string>> = {
  ",": "\\,",
  " ": "\\ ",
  "=": "\\=",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** A tag's key or value, or a field's key. One that ends in a backslash would swallow what follows: it gets a slash. */
export function escapeKey(text: string): string {
  return text.replace(/[, =\n\r\t]/g, (character) => special[character] ?? "").replace(/\\$/, "/");
}

function escapeMeasurement(text: string): string {
  return text.replace(/[, \n\r\t]/g, (character) => special[character] ?? "").replace(/\\$/, "/");
}

function valueText(value: InfluxValue): string {
  if (typeof value !== "bigint") return value.float;
  return `${value > INTEGER_MAX ? INTEGER_MAX : value}i`;
}

/**
 * One line, without its end. Tags with an empty value are left out, since the protocol has none.
 *
 * @param timestamp nanoseconds since 1970; the receiver takes its own time if absent
 */
export function influxLine(
  measurement: string,
  tags: readonly (readonly [key: string, value: string])[],
  fields: readonly (readonly [key: string, value: InfluxValue])[],
  timestamp?: bigint,
): string {
  const tagged = tags.flatMap(([key, value]) => (value === "" ? [] : [`,${escapeKey(key)}=${escapeKey(value)}`]));
  const values = fields.map(([key, value]) => `${escapeKey(key)}=${valueText(value)}`);
  const time = timestamp === undefined ? "" : ` ${timestamp}`;
  return `${escapeMeasurement(measurement)}${tagged.join("")} ${values.join(",")}${time}`;
}
