/** Runs the client as a program of its own, for tests. */
import process from "node:process";
import { run } from "../../cli/main.ts";

process.exit(await run(process.argv.slice(2), "albatross-client"));
