// @ts-check
/**
 * `npm start -- FLAGS`: prepares, then runs `polylog serve FLAGS` in this very process, so that Ctrl-C and SIGTERM
 * reach the server itself. (package.json starts it by `exec`, because npm passes signals on to its shell only; where the
 * shell has no `exec`, run `node scripts/start.mjs FLAGS`.)
 */

import { fileURLToPath } from "node:url";
import { prepare } from "./prepare.mjs";

prepare();
const command = new URL("../packages/server/bin/polylog.js", import.meta.url);
process.argv.splice(0, 2, process.execPath, fileURLToPath(command), "serve");
await import(command.href);
