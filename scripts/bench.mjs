// @ts-check
/**
 * `npm run bench [-- words and flags]`: the benchmarks of `bench/` at full size, one after the other. With words, those whose
 * path contains one of them, and the packages' own benchmarks too; a word that is the name of one in `bench/` means that one.
 * Flags are handed on to each.
 */

import { prepare } from "./prepare.mjs";

prepare();
const { compiledPath, matchesWords, packageFolders, sourcesEndingWith } = await import("./repository.mjs");
const { runCommand } = await import("./run-command.mjs");

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const named = sourcesEndingWith("bench", ".bench.ts");
/** @param {string} word */
const pathOf = (word) => named.find((source) => source === `bench/${word}.bench.ts`) ?? word;
const folders = words.length === 0 ? ["bench"] : ["bench", ...packageFolders()];
const benches = folders
  .flatMap((folder) => sourcesEndingWith(folder, ".bench.ts"))
  .filter((source) => matchesWords(source, words.map(pathOf)));

if (benches.length === 0) {
  process.stderr.write(`no benchmark has ${words.map((word) => `"${word}"`).join(" or ")} in its path\n`);
  process.exitCode = 2;
}
for (const source of benches) {
  process.stdout.write(`\n${source}\n`);
  const { code } = await runCommand(process.execPath, [compiledPath(source), ...flags], { show: true });
  if (code === 0) continue;
  process.stdout.write(`${source} ended with exit code ${code}\n`);
  process.exitCode = 1;
}
