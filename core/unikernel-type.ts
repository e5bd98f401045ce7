/**
 * The kinds of virtual machines: the two of the protocol, and those that further backends run.
 *
 * @module
 */

/**
 * The kind of virtual machine: a Solo5 unikernel (hvt or spt, as its image says), a BHyve machine, or what the backend
 * of this name runs.
 */
export type UnikernelType = "solo5" | "bhyve" | BackendType;

/** The name of a backend that the protocol has no word for: see {@link parseUnikernelType}. */
export type BackendType = string & { readonly __brand: "BackendType" };

/** The longest name of a backend, in characters. */
export const BACKEND_TYPE_MAX = 32;

const backendName = /^[a-z][a-z0-9-]*$/;

/** How names of types are made, for error texts. */
export const TYPE_RULE = `1 to ${BACKEND_TYPE_MAX} lower-case letters, digits and -, beginning with a letter`;

/** The type of this name; `undefined` if there can be none (see {@link TYPE_RULE}). */
export function parseUnikernelType(text: string): UnikernelType | undefined {
  return text.length <= BACKEND_TYPE_MAX && backendName.test(text) ? (text as UnikernelType) : undefined;
}

/** Whether a type is none of the protocol's own. */
export function isBackendType(type: UnikernelType): type is BackendType {
  return type !== "solo5" && type !== "bhyve";
}

/** Whether a create of this type has an image, in the command or in a stream behind it. It may be empty. */
export function carriesImage(type: UnikernelType): boolean {
  return type !== "bhyve";
}
