// @ts-check
/**
 * `npm run check`: what a machine can judge without running the product. Types, lint and format, tidy, and whether the
 * generated reference pages match their tables. Runs all parts even when one fails; each counts as one.
 */

import { prepare } from "./prepare.mjs";

prepare();
const { listFiles } = await import("./repository.mjs");
const { runCommand } = await import("./run-command.mjs");
const { dim, emptyTally, finish, green, red, seconds } = await import("./tally.mjs");

const tsc = "node_modules/typescript/bin/tsc";
const biome = "node_modules/@biomejs/biome/bin/biome";
const tidyTests = listFiles("tidy").filter((path) => path.endsWith(".test.mjs"));

/** @type {{ name: string, args: string[], help: string }[]} */
const parts = [
  { name: "types", args: [tsc, "-b"], help: "npx tsc -b" },
  { name: "types of scripts", args: [tsc, "-p", "scripts"], help: "npx tsc -p scripts" },
  { name: "lint and format", args: [biome, "check", "--error-on-warnings", "."], help: "npm run fix" },
  { name: "tidy", args: ["--test", "--test-reporter=dot", ...tidyTests], help: "npm test -- tidy" },
  { name: "reference pages", args: ["scripts/docs.mjs", "--check"], help: "npm run docs" },
];

const tally = emptyTally();
for (const { name, args, help } of parts) {
  const { code, output, ms } = await runCommand(process.execPath, args);
  if (code === 0) {
    tally.passed++;
    process.stdout.write(`${green("✓")} ${name.padEnd(18)} ${dim(seconds(ms))}\n`);
  } else {
    tally.failed++;
    process.stdout.write(`${output.trimEnd()}\n${red("✗")} ${name}: see above; ${help}\n`);
  }
}
finish(tally);
