// @ts-check
/**
 * `npm test`: everything that needs nothing but this repository. Unit tests of the packages, whole-system tests of
 * `spec/`, the tests of tidy, of these scripts and of the ledger of conformance, and every benchmark run tiny (`--smoke`).
 *
 *     npm test                     all of it
 *     npm test -- broker recovery  the files whose path contains one of the words
 */

import { prepare } from "./prepare.mjs";

prepare();
const { compiledPath, listFiles, matchesWords, projectFolders, sourcesEndingWith } = await import("./repository.mjs");
const { runTests } = await import("./run-tests.mjs");
const { finish } = await import("./tally.mjs");

const words = process.argv.slice(2);
const projects = projectFolders().filter((project) => project !== "interop");
const groupOf = (/** @type {string} */ project) => project.replace(/^packages\//, "");

const tests = [
  ...projects.flatMap((project) =>
    sourcesEndingWith(project, ".test.ts").map((source) => ({
      group: groupOf(project),
      source,
      file: compiledPath(source),
    })),
  ),
  ...["tidy", "scripts", "conformance"].flatMap((folder) =>
    listFiles(folder)
      .filter((path) => path.endsWith(".test.mjs"))
      .map((source) => ({ group: folder, source, file: source })),
  ),
  ...projects.flatMap((project) =>
    sourcesEndingWith(project, ".bench.ts").map((source) => ({
      group: "benches",
      source,
      file: compiledPath(source),
      smoke: ["--smoke"],
    })),
  ),
].filter(({ source }) => matchesWords(source, words));

if (tests.length === 0) {
  process.stderr.write(`no test file has ${words.map((word) => `"${word}"`).join(" or ")} in its path\n`);
  process.exit(2);
}
const tally = await runTests(tests);
const left =
  words.length > 0
    ? "every file without these words in its path: npm test"
    : "interop (clients and servers from other toolchains): npm run test:interop";
process.stdout.write(`Left out: ${left}\n`);
finish(tally);
