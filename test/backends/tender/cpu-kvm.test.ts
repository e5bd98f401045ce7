import { accessSync, constants } from "node:fs";
import { testCpu } from "./cpu-conformance.ts";
import { builtInTender } from "./tender-process.ts";

function kvmUnavailable(): string | undefined {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return process.arch === "x64" ? undefined : "not an x86-64 processor";
  } catch (error) {
    return `/dev/kvm cannot be used: ${error}`;
  }
}

testCpu({
  title: "built-in tender on KVM",
  command: [...builtInTender, "--cpu=kvm"],
  skip: kvmUnavailable(),
  own: true,
  emulated: false,
});
