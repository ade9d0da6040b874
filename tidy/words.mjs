// @ts-check
/** Words and names that are not used here, each with what to use instead. */

import { lineAt } from "./source-text.mjs";
import { isProduct, isTestSide } from "./tree.mjs";

/** @typedef {import("./tree.mjs").Tree} Tree */

/**
 * @typedef {object} BannedWord
 * @property {RegExp} pattern with the flag g; matched against code without comments and contents of strings
 * @property {(path: string) => boolean} where
 * @property {string} instead
 * @property {boolean} [everywhere] also match comments and strings
 */

const isClock = (/** @type {string} */ path) => path.startsWith("packages/base/src/clock/");
const isTyped = (/** @type {string} */ path) => path.endsWith(".ts");
const hasTime = (/** @type {string} */ path) => isProduct(path) && !isClock(path);
/** Unfinished-work words, put together here so that this list does not find itself. */
const unfinished = [`TO${"DO"}`, `FIX${"ME"}`, `XX${"X"}`].join("|");

/** Where chance is allowed, with the reason. @type {Readonly<Record<string, string>>} */
const randomAllowed = {};

/** @type {readonly BannedWord[]} */
export const bannedWords = [
  {
    pattern: /\bconsole\./g,
    where: (path) => path.startsWith("packages/") || path.startsWith("bench/"),
    instead: "the injected Logger; a command or a benchmark writes to process.stdout",
  },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bset(?:Timeout|Interval|Immediate)\(/g,
    where: hasTime,
    instead: "the Clock that is passed in (@polylog/base/clock)",
  },
  { pattern: /\bperformance\.now\b|\bprocess\.hrtime\b/g, where: hasTime, instead: "clock.monotonicMs()" },
  {
    pattern: /\bMath\.random\b/g,
    where: (path) => isProduct(path) && !(path in randomAllowed),
    instead: "node:crypto where it must be unguessable; else pass a source of chance in, so that a test can own it",
  },
  { pattern: /^export \*/gm, where: isTyped, instead: "a list of names" },
  { pattern: /^export default\b/gm, where: isTyped, instead: "a named export" },
  {
    pattern: /(?:\bas|\bsatisfies|:|<)\s*any\b(?!\s*[(:])/g,
    where: isTyped,
    instead: "the type it has, or unknown and a check",
  },
  {
    pattern: /@ts-(?:ignore|nocheck)\b/g,
    where: () => true,
    everywhere: true,
    instead: "@ts-expect-error with the reason",
  },
  {
    pattern: new RegExp(`\\b(?:${unfinished})\\b`, "g"),
    where: () => true,
    everywhere: true,
    instead: "do it, or open an issue and say in the code what is so, not what ought to be",
  },
  {
    pattern: /\.only\(/g,
    where: (path) => isTestSide(path) || path.endsWith(".test.mjs"),
    instead: "npm test -- words",
  },
  {
    pattern: /\bfrom\s*"(?=timers|node:timers)/g,
    where: hasTime,
    everywhere: true,
    instead: "the Clock that is passed in (@polylog/base/clock)",
  },
];

/** @param {Tree} tree @returns {string[]} */
export function findBannedWords(tree) {
  /** @type {string[]} */
  const problems = [];
  for (const path of tree.code) {
    for (const { pattern, where, instead, everywhere } of bannedWords) {
      if (!where(path)) continue;
      const text = everywhere === true ? tree.text(path) : tree.masked(path);
      for (const match of text.matchAll(pattern)) {
        problems.push(`${path}:${lineAt(text, match.index)} "${match[0].trim()}"; use instead: ${instead}`);
      }
    }
  }
  return problems;
}

// --- names of files and folders ------------------------------------------------------------------------------------

const bannedFolders = new Set(["types", "utils", "util", "helpers", "interfaces", "common", "misc", "lib"]);
const fileName = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|property\.test|bench|contract))?\.(ts|mjs|js)$/;

/** @param {Tree} tree @returns {string[]} */
export function findBadNames(tree) {
  /** @type {Set<string>} */
  const problems = new Set();
  for (const path of tree.code) {
    const parts = path.split("/");
    const name = parts.pop() ?? "";
    if (!fileName.test(name)) problems.add(`${path}: name files in kebab-case after the one concept in them`);
    for (const [at, folder] of parts.entries()) {
      if (!bannedFolders.has(folder)) continue;
      problems.add(
        `${parts.slice(0, at + 1).join("/")}/: name folders after the product's nouns, not after kinds of code`,
      );
    }
  }
  return [...problems];
}

// --- paths of one machine ------------------------------------------------------------------------------------------

/** Beginnings of absolute paths that exist on one machine and nowhere else. */
const machinePath = /(?<![\w.~/-])\/(?:work|root)\//g;
const binary = /\.(png|jpg|jpeg|gif|ico|woff2?|gz|zip|bin|db|parquet)$/;

/** @param {Tree} tree @returns {string[]} */
export function findMachinePaths(tree) {
  /** @type {string[]} */
  const problems = [];
  for (const path of tree.files.filter((each) => !binary.test(each))) {
    const text = tree.text(path);
    for (const match of text.matchAll(machinePath)) {
      problems.push(`${path}:${lineAt(text, match.index)} "${match[0]}" is a path of one machine; make it relative`);
    }
  }
  return problems;
}
