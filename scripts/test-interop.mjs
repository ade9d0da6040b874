// @ts-check
/**
 * `npm run test:interop [-- words]`: clients and servers from other toolchains against Polylog (`interop/`). Says which
 * of their programs are installed; a test that needs another one is skipped and listed with the reason.
 */

import { prepare } from "./prepare.mjs";

prepare();
const { compiledPath, matchesWords, rootDir, sourcesEndingWith } = await import("./repository.mjs");
const { runTests } = await import("./run-tests.mjs");
const { finish } = await import("./tally.mjs");
const { join } = await import("node:path");
const { pathToFileURL } = await import("node:url");

/** @type {{ outsideTools: Record<string, string>, findTool(name: string): string | undefined }} */
const { outsideTools, findTool } = await import(
  pathToFileURL(join(rootDir, compiledPath("interop/outside-tools.ts"))).href
);
process.stdout.write("Programs of other toolchains:\n");
for (const [name, use] of Object.entries(outsideTools)) {
  process.stdout.write(`  ${name.padEnd(14)} ${(findTool(name) ?? "not installed").padEnd(32)} ${use}\n`);
}
process.stdout.write("\n");

const tests = sourcesEndingWith("interop", ".test.ts")
  .filter((source) => matchesWords(source, process.argv.slice(2)))
  .map((source) => ({ group: "interop", source, file: compiledPath(source) }));
finish(await runTests(tests));
