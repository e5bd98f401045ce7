/**
 * The clients of `tls.ts`, as a process of their own: `tls-client.ts FILE COUNT AT_ONCE`. FILE is JSON with `port`, `ca`,
 * `cert`, `key`, and the line to say, if the server waits for one. Prints commands per second.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { connect } from "node:tls";

const [file = "", count = "1", atOnce = "1"] = process.argv.slice(2);
const target = JSON.parse(readFileSync(file, "utf8")) as Record<"ca" | "cert" | "key" | "say", string> & {
  port: number;
};

function talk(): Promise<void> {
  return new Promise((resolve, reject) => {
    const { say, ...options } = target;
    let answered = false;
    const socket = connect({ host: "127.0.0.1", checkServerIdentity: () => undefined, ...options });
    if (say !== "") socket.on("secureConnect", () => void socket.write(say));
    socket.on("data", () => {
      answered = true;
      socket.end();
    });
    socket.on("error", reject);
    socket.on("close", () => (answered ? resolve() : reject(new Error("closed without an answer"))));
  });
}

let left = Number(count);
const start = performance.now();
await Promise.all(
  Array.from({ length: Number(atOnce) }, async () => {
    while (left-- > 0) await talk();
  }),
);
console.log(((Number(count) / (performance.now() - start)) * 1000).toFixed(0));
