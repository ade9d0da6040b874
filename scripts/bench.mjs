// @ts-check
/**
 * `npm run bench [-- words]`: the benchmarks of `bench/` at full size, one after the other. With words, those whose path
 * contains one of them, and the packages' own benchmarks too.
 */

import { prepare } from "./prepare.mjs";

prepare();
const { compiledPath, matchesWords, packageFolders, sourcesEndingWith } = await import("./repository.mjs");
const { runCommand } = await import("./run-command.mjs");

const words = process.argv.slice(2);
const folders = words.length === 0 ? ["bench"] : ["bench", ...packageFolders()];
const benches = folders
  .flatMap((folder) => sourcesEndingWith(folder, ".bench.ts"))
  .filter((source) => matchesWords(source, words));

if (benches.length === 0) {
  process.stderr.write(`no benchmark has ${words.map((word) => `"${word}"`).join(" or ")} in its path\n`);
  process.exitCode = 2;
}
for (const source of benches) {
  process.stdout.write(`\n${source}\n`);
  const { code } = await runCommand(process.execPath, [compiledPath(source)], { show: true });
  if (code === 0) continue;
  process.stdout.write(`${source} ended with exit code ${code}\n`);
  process.exitCode = 1;
}
