// @ts-check
/**
 * `npm run fix`: formats, applies the linter's safe fixes, and lowers the entries of `tidy/ratchet.json` to what is
 * there today. It never raises one.
 */

import { prepare } from "./prepare.mjs";

prepare();
const { runCommand } = await import("./run-command.mjs");
const { shrinkRatchet } = await import("../tidy/ratchet.mjs");
const { rootDir } = await import("./repository.mjs");

shrinkRatchet(rootDir);
const { code } = await runCommand(
  process.execPath,
  ["node_modules/@biomejs/biome/bin/biome", "check", "--write", "."],
  {
    show: true,
  },
);
process.exitCode = code ?? 1;
