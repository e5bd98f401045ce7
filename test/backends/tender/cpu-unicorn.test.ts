import { LibraryError, openLibrary } from "../../../runtime/ffi.ts";
import { testCpu } from "./cpu-conformance.ts";
import { builtInTender } from "./tender-process.ts";

function unicornUnavailable(): string | undefined {
  try {
    openLibrary(["libunicorn.so.2"], { uc_version: { args: ["pointer", "pointer"], returns: "u32" } });
    return undefined;
  } catch (error) {
    if (error instanceof LibraryError) return error.message;
    throw error;
  }
}

testCpu({
  title: "built-in tender on an emulated CPU",
  command: [...builtInTender, "--cpu=unicorn"],
  skip: unicornUnavailable(),
  own: true,
  emulated: true,
});
