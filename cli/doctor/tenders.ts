/**
 * `doctor`: what runs Solo5 unikernels.
 *
 * @module
 */
import { BackendRefusal } from "../../backends/backend.ts";
import { searchTender } from "../../backends/tender-search.ts";
import { requireAbiVersion } from "../../backends/tender-version.ts";
import { trustedPath, UntrustedFileError } from "../../host/trusted-file.ts";
import { type Check, codeOf, ok, type Place, problem, warning } from "./check.ts";

/** The ABI version of current images, by target (solo5-abi.md 2). */
const ABI_VERSIONS = { hvt: 2, spt: 2 } as const;

/** Where albatrossd looks if its unit does not say otherwise. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The tenders of both targets. */
export async function checkTenders(place: Place): Promise<readonly Check[]> {
  return [await checkTender("hvt", place), await checkTender("spt", place)];
}

async function checkTender(target: keyof typeof ABI_VERSIONS, place: Place): Promise<Check> {
  const id = `tender-${target}`;
  const version = ABI_VERSIONS[target];
  const path = place.environment["PATH"] ?? DEFAULT_PATH;
  const host = {
    databaseDirectory: place.databaseDirectory,
    path,
    tender: undefined,
    allowEmulation: false,
    self: [],
  };
  const search = searchTender(target, version, host);
  if (!search.found) {
    if (target === "hvt") return ok(id, "no solo5-hvt is installed; the built-in tender runs hvt unikernels");
    return ok(id, "no solo5-spt is installed; spt unikernels, which are rare, cannot be run");
  }
  try {
    trustedPath(search.path); // it is run here, too: not if others could have written it
    await requireAbiVersion(search.path, version, path);
    return ok(id, `${search.path}, ABI version ${version}`);
  } catch (error) {
    if (error instanceof UntrustedFileError) {
      const [found = error.message, command = ""] = error.message.split(/: (?=ch)/);
      return problem(id, `${search.path} is run as root, but ${found}`, `Change that: ${command}`);
    }
    const reason = error instanceof BackendRefusal ? error.message : codeOf(error);
    return warning(id, `${search.path} is of no use: ${reason}`, "Install a current Solo5 there, or remove it");
  }
}
