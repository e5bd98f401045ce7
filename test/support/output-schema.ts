/** The schema of `--json`, applied by a library of another make. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";

interface Schema {
  readonly [key: string]: unknown;
}

interface Definition extends Schema {
  readonly "x-printed-by": readonly string[];
}

const file = join(import.meta.dirname, "../../cli/schemas/output.schema.json");
const schema = JSON.parse(readFileSync(file, "utf8")) as Schema & {
  readonly oneOf: readonly { readonly $ref: string }[];
  readonly $defs: Readonly<Record<string, Schema>>;
};

/** Later versions may add fields; those of this version are all described. */
function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed);
  if (typeof part !== "object" || part === null) return part;
  const inner = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, closed(value)]));
  return "properties" in inner && inner["type"] === "object" && !("additionalProperties" in inner)
    ? { ...inner, additionalProperties: false }
    : inner;
}

function compiler(document: object): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  ajv.addKeyword("x-printed-by");
  ajv.addSchema(document, "output");
  return ajv;
}

const exact = compiler(closed(schema) as object);
const published = compiler(schema);

/** The kinds of objects that there are. */
export const kinds: readonly string[] = schema.oneOf.map(({ $ref }) => /([a-z-]+)-object$/.exec($ref)?.[1] ?? "");

/** The commands that print objects of a kind, as documented. */
export function printersOf(kind: string): readonly string[] {
  return (schema.$defs[`${kind}-object`] as Definition | undefined)?.["x-printed-by"] ?? [];
}

/** Checks an object, which must have no field that is not described, and gives its kind. */
export function checkObject(object: unknown): string {
  const kind = typeof object === "object" && object !== null && "kind" in object ? String(object.kind) : "";
  const text = JSON.stringify(object).slice(0, 2000);
  assert.ok(kinds.includes(kind), `no such kind: ${text}`);
  const validate = exact.getSchema(`output#/$defs/${kind}-object`);
  assert.ok(validate);
  assert.ok(validate(object), `${text}\n${exact.errorsText(validate.errors)}`);
  assert.ok(published.validate("output", object), `no kind, or more than one, is meant by ${text}`);
  return kind;
}
