// @ts-check
/** What Markdown files claim about the repository: paths, anchors, npm scripts, packages. */

import { posix } from "node:path";
import { lineAt } from "./source-text.mjs";

/** @typedef {import("./tree.mjs").Tree} Tree */

/** Files that are made when something runs. */
const generated = /(^|\/)(dist|node_modules|\.build|polylog-data)(\/|$)|\.tsbuildinfo$/;
/** A word in code font is taken for a path in the repository when it starts with one of its folders … */
const topFolders = /^(packages|scripts|tidy|spec|interop|bench|examples|docs|\.ci|\.github|\.vscode)\//;
/** … or when it is the name of a kind of file that only the repository has. */
const sourceName = /^[\w./*-]+\.(ts|mjs|md)$/;
/** Look like paths and are none: the default of `--base-topic` is mqtt-bench's. */
const topics = new Set(["bench/topic"]);
/** Stands for something to be filled in, so it names no file; `x.test.ts` stands for any test. */
const placeholder = /[<>{}…]|\.\.\.|\b[A-Z]{3,}(?!\.md\b)\b|^x\./;

/** @param {Tree} tree */
const markdownFiles = (tree) => tree.files.filter((path) => path.endsWith(".md"));

/** Paths that do not exist, in links and in code font. @param {Tree} tree @returns {string[]} */
export function findBrokenPaths(tree) {
  /** @type {string[]} */
  const problems = [];
  for (const path of markdownFiles(tree)) {
    const text = blankFences(tree.text(path));
    for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const problem = judgeLink(tree, path, match[1] ?? "");
      if (problem !== undefined) problems.push(`${path}:${lineAt(text, match.index)} ${problem}`);
    }
    for (const match of text.matchAll(/`([^`\n]+)`/g)) {
      const name = (match[1] ?? "").replace(/:\d+$/, "").replace(/\/$/, "");
      if (!looksLikePath(match[1] ?? "") || existsFrom(tree, path, name)) continue;
      problems.push(`${path}:${lineAt(text, match.index)} \`${name}\` does not exist; correct or remove it`);
    }
  }
  return problems;
}

/** Blocks of code keep their lines and lose their text: they hold output and other people's files. @param {string} text */
const blankFences = (text) => text.replace(/^(\s*`{3,})[\s\S]*?^\1\s*$/gm, (block) => block.replace(/[^\n]/g, " "));

/** @param {string} name */
function looksLikePath(name) {
  if (topics.has(name) || /\s/.test(name) || placeholder.test(name) || generated.test(name)) return false;
  return topFolders.test(name) || sourceName.test(name);
}

/** From the root, from the document's own folder, or, for a bare name, anywhere below that.
 * @param {Tree} tree @param {string} document @param {string} name
 */
function existsFrom(tree, document, name) {
  const folder = posix.dirname(document);
  const own = posix.normalize(`${folder}/${name}`);
  const below = folder === "." ? "" : `${folder}/`;
  if (name.includes("*")) return [name, own, `${below}**/${name}`].some((pattern) => matchesAny(tree, pattern));
  if (tree.has(name) || tree.has(own)) return true;
  return !/^\.?\//.test(name) && tree.files.some((path) => path.startsWith(below) && path.endsWith(`/${name}`));
}

/** @param {Tree} tree @param {string} pattern */
function matchesAny(tree, pattern) {
  const source = pattern
    .split(/(\*+)/)
    .map((part) => (part.startsWith("**") ? ".*" : part === "*" ? "[^/]*" : escapeRegex(part)));
  const whole = new RegExp(`^${source.join("")}(/|$)`);
  return tree.files.some((path) => whole.test(path));
}

/** @param {string} text */
const escapeRegex = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** @param {Tree} tree @param {string} document @param {string} target */
function judgeLink(tree, document, target) {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [file = "", anchor] = target.split("#");
  const path = file === "" ? document : posix.normalize(`${posix.dirname(document)}/${file}`);
  if (!tree.has(path) && !generated.test(path)) return `links to ${target}, which does not exist`;
  if (anchor === undefined || !path.endsWith(".md")) return undefined;
  return headingAnchors(tree.text(path)).includes(anchor) ? undefined : `links to ${target}; there is no such heading`;
}

/** Headings as forges turn them into anchors. @param {string} markdown */
function headingAnchors(markdown) {
  return [...blankFences(markdown).matchAll(/^#+ +(.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-"),
  );
}

/** `npm run x`, `npm test` and `npm start` that package.json does not have. @param {Tree} tree @returns {string[]} */
export function findMissingScripts(tree) {
  const { scripts = {} } = tree.json("package.json");
  /** @type {string[]} */
  const problems = [];
  for (const path of markdownFiles(tree)) {
    const text = tree.text(path);
    for (const match of text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)) {
      const name = match[1] ?? match[2] ?? "";
      if (name in scripts) continue;
      problems.push(`${path}:${lineAt(text, match.index)} npm has no script ${name}; package.json lists them`);
    }
  }
  return problems;
}

/** Habits in STYLE.md that do not say who holds them. @param {Tree} tree @returns {string[]} */
export function findUntaggedHabits(tree) {
  const text = tree.text("STYLE.md");
  return [...text.matchAll(/^- .*(?:\n {2}.*)*/gm)]
    .filter(([habit]) => !/\*\([^)]*\b(?:tidy|lint|review)\b[^)]*\)\*$/.test(habit))
    .map((match) => `STYLE.md:${lineAt(text, match.index)} end the habit with *(tidy)*, *(lint)* or *(review)*`);
}

/** Packages without README.md, and tables of packages that leave one out or name one that is gone.
 * @param {Tree} tree
 * @returns {string[]}
 */
export function findPackageGaps(tree) {
  const folders = tree.packages();
  const problems = folders
    .filter((folder) => !tree.has(`packages/${folder}/README.md`))
    .map((folder) => `packages/${folder}/README.md is missing; say what the package is and what it refuses`);
  for (const document of ["README.md", "ARCHITECTURE.md"].filter((path) => tree.has(path))) {
    const named = packageTable(tree.text(document));
    if (named === undefined) continue;
    const missing = folders.filter((folder) => !named.includes(folder));
    const gone = named.filter((name) => !folders.includes(name));
    problems.push(...missing.map((name) => `${document}: its table of packages lacks ${name}`));
    problems.push(...gone.map((name) => `${document}: its table of packages names ${name}, which is no package`));
  }
  return problems;
}

/** First cells of the table whose first heading is "package". @param {string} markdown */
function packageTable(markdown) {
  const rows = /^\| *packages? *\|.*\n\|[-:| ]+\n((?:\|.*(?:\n|$))+)/im.exec(markdown)?.[1];
  const cells = rows
    ?.trim()
    .split("\n")
    .map((row) => row.split("|")[1] ?? "");
  return cells?.map((cell) => cell.replace(/\[([^\]]*)\].*/, "$1").replace(/[`*\s]|packages\/|@polylog\/|\/$/g, ""));
}
