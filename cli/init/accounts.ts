/**
 * `init`: the user and the group of the daemons without privileges (packaging.md 3), without fixed numbers.
 *
 * @module
 */
import { findGroup, findUser } from "../../host/accounts.ts";
import { runProgram } from "./program.ts";
import type { Step } from "./step.ts";

/** The name of both. */
export const ACCOUNT = "albatross";

/** What is missing of the accounts. */
export function planAccounts(root: string): readonly Step[] {
  // With a prefix, the files below it are changed, whatever programs and libraries are there.
  const where = root === "/" ? [] : ["--prefix", root];
  const steps: Step[] = [];
  if (findGroup(ACCOUNT, root) === undefined) {
    steps.push({
      id: "group",
      what: `make the group ${ACCOUNT}`,
      apply: () => {
        runProgram("groupadd", [...where, "--system", ACCOUNT]);
        return () => runProgram("groupdel", [...where, ACCOUNT]);
      },
    });
  }
  if (findUser(ACCOUNT, root) === undefined) {
    const home = ["--home-dir", "/nonexistent", "--no-create-home", "--shell", "/usr/sbin/nologin"];
    steps.push({
      id: "user",
      what: `make the user ${ACCOUNT}`,
      apply: () => {
        runProgram("useradd", [...where, "--system", "--gid", ACCOUNT, ...home, ACCOUNT]);
        return () => runProgram("userdel", [...where, ACCOUNT]);
      },
    });
  }
  return steps;
}
