// @ts-check
/**
 * Runs test files, each in a process of its own, two at a time. Quiet about what passes (one line per group), loud
 * about what does not: the file as soon as it is known, every failure in full at the end.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { rootDir } from "./repository.mjs";
import { runCommand } from "./run-command.mjs";
import { addTally, dim, emptyTally, green, red, seconds } from "./tally.mjs";

/** @typedef {import("./tally.mjs").Tally} Tally */
/** @typedef {import("./test-reporter.mjs").TestLine} TestLine */

/**
 * @typedef {object} TestFile
 * @property {string} group the heading it is counted under: `base`, `tidy`, `benches`
 * @property {string} source the file to name to people
 * @property {string} file the file to run
 * @property {readonly string[]} [smoke] a bench: arguments to run it with; its exit code is its one result
 */

/** @typedef {{ test: TestFile, tally: Tally, failures: string[], printed: string, skips: string[], ms: number }} FileResult */

/** How many files run at once. More would make tests wait for each other on the two cores of a CI machine. */
const concurrency = 2;

/**
 * @param {readonly TestFile[]} tests in the order of their groups
 * @param {{ fileTimeoutMs?: number }} [options] after that a file is killed and counts as failed; default 15 minutes
 * @returns {Promise<Tally>}
 */
export async function runTests(tests, { fileTimeoutMs = 900_000 } = {}) {
  const scratch = mkdtempSync(join(tmpdir(), "polylog-tests-"));
  /** @type {FileResult[]} */
  const results = [];
  const progress = new Progress(tests);
  let next = 0;
  const work = async () => {
    while (next < tests.length) {
      const index = next++;
      const test = /** @type {TestFile} */ (tests[index]);
      const result = await (test.smoke === undefined
        ? runTestFile(test, join(scratch, `${index}`), fileTimeoutMs)
        : runBench(test, fileTimeoutMs));
      results.push(result);
      progress.add(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, work));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return report(results);
}

/**
 * @param {TestFile} test
 * @param {string} reportFile
 * @param {number} timeoutMs
 * @returns {Promise<FileResult>}
 */
async function runTestFile(test, reportFile, timeoutMs) {
  const reporter = pathToFileURL(join(rootDir, "scripts", "test-reporter.mjs")).href;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ["--enable-source-maps", `--test-reporter=${reporter}`, `--test-reporter-destination=${reportFile}`];
  const { code, output, timedOut, ms } = await runCommand(process.execPath, [...args, test.file], {
    env,
    timeoutMs,
  });
  const lines = readLines(reportFile);
  const tally = emptyTally();
  /** @type {string[]} */
  const failures = [];
  /** @type {string[]} */
  const skips = [];
  for (const { kind, path, text } of lines) {
    if (kind === "pass") tally.passed++;
    if (kind === "skip") skips.push(`${path.join(" › ")}: ${text}`);
    if (kind === "fail") failures.push(`${path.join(" › ")}\n${indent(text)}`);
  }
  const problem = findFileProblem({ code, timedOut, ms, counted: tally.passed + skips.length, failures });
  if (problem !== undefined) {
    const notes = lines.filter((line) => line.kind === "note" && /warning|error/i.test(line.text));
    const details = [...notes.map((note) => note.text), lastLines(output)].filter((text) => text !== "");
    failures.push([problem, ...details.map(indent)].join("\n"));
  }
  tally.failed = failures.length;
  tally.skipped = skips.length;
  const printed = failures.length > 0 && problem === undefined ? lastLines(output) : "";
  return { test, tally, failures, printed, skips, ms };
}

/**
 * What is wrong with the file as a whole, when no test of it says so.
 * @param {{ code: number | null, timedOut: boolean, ms: number, counted: number, failures: string[] }} outcome
 */
function findFileProblem({ code, timedOut, ms, counted, failures }) {
  if (timedOut) return `did not end within ${seconds(ms)} and was killed`;
  if (failures.length > 0) return undefined;
  if (code !== 0) return `ended with exit code ${code} although no test failed`;
  return counted === 0 ? "holds no test" : undefined;
}

/** @param {TestFile} test @param {number} timeoutMs @returns {Promise<FileResult>} */
async function runBench(test, timeoutMs) {
  const args = [test.file, ...(test.smoke ?? [])];
  const { code, output, timedOut, ms } = await runCommand(process.execPath, args, { timeoutMs });
  const tally = { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  const how = timedOut ? `did not end within ${seconds(ms)}` : `ended with exit code ${code}`;
  const failures = code === 0 ? [] : [`with ${test.smoke?.join(" ")} it ${how}\n${indent(lastLines(output))}`];
  return { test, tally, failures, printed: "", skips: [], ms };
}

/** @param {string} file @returns {TestLine[]} */
function readLines(file) {
  try {
    // A process that died may have left half a line.
    const text = readFileSync(file, "utf8");
    return text
      .slice(0, text.lastIndexOf("\n") + 1)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

/** One line per group once its last file is done, and one per failed file at once. */
class Progress {
  /** @type {Map<string, { left: number, files: number, ms: number, tally: Tally }>} */
  #groups = new Map();

  /** @param {readonly TestFile[]} tests */
  constructor(tests) {
    for (const { group } of tests) {
      const seen = this.#groups.get(group) ?? { left: 0, files: 0, ms: 0, tally: emptyTally() };
      this.#groups.set(group, { ...seen, left: seen.left + 1, files: seen.files + 1 });
    }
  }

  /** @param {FileResult} result */
  add({ test, tally, failures, ms }) {
    const group = this.#groups.get(test.group);
    if (group === undefined) return;
    group.left--;
    group.ms += ms;
    addTally(group.tally, tally);
    if (failures.length > 0) process.stdout.write(`${red("FAILED")} ${test.source}\n`);
    if (group.left > 0) return;
    const { passed, failed, skipped } = group.tally;
    const mark = failed > 0 ? red("✗") : green("✓");
    const extra = `${failed > 0 ? `, ${failed} failed` : ""}${skipped > 0 ? `, ${skipped} skipped` : ""}`;
    const files = `${group.files} ${group.files === 1 ? "file" : "files"}`;
    process.stdout.write(
      `${mark} ${test.group.padEnd(12)} ${passed} passed${extra}  ${dim(`${files}, ${seconds(group.ms)}`)}\n`,
    );
  }
}

/** @param {FileResult[]} results @returns {Tally} */
function report(results) {
  const total = emptyTally();
  for (const { tally } of results) addTally(total, tally);
  const skips = results.flatMap(({ test, skips }) => skips.map((skip) => `${test.source} › ${skip}`));
  if (skips.length > 0) process.stdout.write(`\nSkipped:\n${skips.map((skip) => `  ${skip}\n`).join("")}`);
  for (const { test, failures, printed } of results) {
    for (const failure of failures) process.stdout.write(`\n${red("FAILED")} ${test.source} › ${failure}\n`);
    if (printed !== "") process.stdout.write(`\n${test.source} printed:\n${indent(printed)}\n`);
  }
  process.stdout.write("\n");
  return total;
}

/** @param {string} text */
const indent = (text) => text.replace(/^(?=.)/gm, "    ");

/** @param {string} text */
const lastLines = (text) => text.trimEnd().split("\n").slice(-40).join("\n");
