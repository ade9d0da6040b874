// @ts-check
/** `npm run dev [-- FLAGS]`: compiles on every change, and restarts `polylog serve FLAGS` when what it loaded changed. */

import { spawn } from "node:child_process";
import { prepare } from "./prepare.mjs";
import { rootDir } from "./repository.mjs";

prepare();
const commands = [
  ["node_modules/typescript/bin/tsc", "-b", "--watch", "--preserveWatchOutput"],
  // The modules themselves: of the bundle nothing would be watched.
  ["--watch", "--watch-preserve-output", "packages/server/dist/main.js", "serve", ...process.argv.slice(2)],
];
const children = commands.map((args) => spawn(process.execPath, args, { cwd: rootDir, stdio: "inherit" }));

/** @param {NodeJS.Signals} signal */
function endAll(signal) {
  for (const child of children) child.kill(signal);
}
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => endAll(signal));
for (const child of children) child.once("exit", () => endAll("SIGTERM"));
