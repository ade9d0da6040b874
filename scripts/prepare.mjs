// @ts-check
/**
 * What has to be done before anything can run: install when the lock file changed, compile and bundle when a source changed.
 * Prints one line per step done, and nothing when there is nothing to do; then it starts no process and only reads
 * file times (`.build/` keeps what was seen last).
 *
 *     node scripts/prepare.mjs [--force]     (--force compiles whatever the stamp says; `npm run build`)
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiledPath, listFiles, projectFolders, rootDir, sourceFolder, wholeSystemFolders } from "./repository.mjs";

/** The oldest Node.js this runs on, as in `engines` of package.json. */
const nodeMin = { major: 20, minor: 19 };

/**
 * Ends the process with code 1 when a step fails, after saying which and what to do.
 * @param {{ force?: boolean }} [options]
 */
export function prepare({ force = false } = {}) {
  checkNodeVersion(process.versions.node);
  installIfNeeded();
  buildIfNeeded(force);
}

/** @param {string} version */
export function isNodeSupported(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > nodeMin.major || (major === nodeMin.major && minor >= nodeMin.minor);
}

/** @param {string} version */
function checkNodeVersion(version) {
  if (isNodeSupported(version)) return;
  fail(`this is Node.js ${version}; Polylog needs ${nodeMin.major}.${nodeMin.minor} or newer`);
}

// --- install -------------------------------------------------------------------------------------------------------

function installIfNeeded() {
  const lock = join(rootDir, "package-lock.json");
  const wanted = existsSync(lock) ? digest(readFileSync(lock, "utf8")) : "no lock file";
  const installed = existsSync(join(rootDir, "node_modules"));
  if (installed && readStamp("install") === wanted) return;
  if (installed && isInstalledByHand(lock)) {
    writeStamp("install", wanted);
    return;
  }
  install(existsSync(lock));
  writeStamp("install", wanted);
  // What was compiled may lean on what was installed before.
  rmSync(stampFile("build"), { force: true });
}

/**
 * `npm ci` installs exactly what the lock file says, and refuses when that leaves a gap (a registry that lacks the
 * packages of another platform is enough); then `npm install` fills it without writing the lock file.
 * @param {boolean} locked
 */
function install(locked) {
  const args = ["--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  if (locked && step("installing packages (npm ci)", "npm", ["ci", ...args], { mayFail: true })) return;
  step("installing packages (npm install)", "npm", ["install", "--no-save", ...args]);
}

/** npm notes in `node_modules` what it installed; a note newer than the lock file means nothing changed since.
 * @param {string} lock
 */
function isInstalledByHand(lock) {
  const note = join(rootDir, "node_modules", ".package-lock.json");
  return existsSync(note) && existsSync(lock) && statSync(note).mtimeMs >= statSync(lock).mtimeMs;
}

// --- build ---------------------------------------------------------------------------------------------------------

/** @param {boolean} force */
function buildIfNeeded(force) {
  const projects = projectFolders();
  const seen = digest(describeSources(projects).join("\n"));
  const complete = projects.every((project) => existsSync(join(rootDir, project, "dist")));
  if (!force && complete && readStamp("build") === seen) return;
  for (const project of projects) forgetLostOutput(project);
  step("compiling", process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-b"]);
  for (const project of projects) removeOrphans(project);
  step("bundling", process.execPath, [join("scripts", "bundle.mjs")], { mayFail: process.env["CI"] !== "true" });
  writeStamp("build", seen);
}

/** One line per file that the compiler reads: path, time and size; and whose code the bundle keeps.
 * @param {string[]} projects
 */
function describeSources(projects) {
  const files = ["scripts/bundle.mjs", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.base.json"];
  for (const project of projects) {
    files.push(`${project}/tsconfig.json`, ...listFiles(sourceFolder(project)).filter((path) => path.endsWith(".ts")));
    if (!wholeSystemFolders.includes(project)) files.push(`${project}/package.json`);
  }
  const lines = files.map((path) => {
    const { mtimeMs, size } = statSync(join(rootDir, path), { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: -1 };
    return `${path} ${mtimeMs} ${size}`;
  });
  return [`V8 ${process.versions.v8}`, ...lines];
}

/** `tsc -b` trusts its notes and does not look whether `dist` is still there.
 * @param {string} project
 */
function forgetLostOutput(project) {
  if (existsSync(join(rootDir, project, "dist"))) return;
  rmSync(join(rootDir, project, "tsconfig.tsbuildinfo"), { force: true });
}

/** Removes compiled files whose source is gone: they could still be imported, and nobody would notice.
 * @param {string} project
 */
function removeOrphans(project) {
  const sources = listFiles(sourceFolder(project)).filter((path) => path.endsWith(".ts"));
  const kept = new Set(sources.map((path) => compiledPath(path).slice(0, -".js".length)));
  for (const path of listFiles(`${project}/dist`)) {
    const match = /^(.*?)(?:\.js|\.d\.ts)(?:\.map)?$/.exec(path);
    if (match !== null && !kept.has(match[1] ?? "")) rmSync(join(rootDir, path), { force: true });
  }
}

// --- helpers -------------------------------------------------------------------------------------------------------

/**
 * Runs a command; ends this process when it fails, unless it may.
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @param {{ mayFail?: boolean }} [options]
 * @returns {boolean} whether it went well
 */
function step(title, command, args, { mayFail = false } = {}) {
  const startedAt = performance.now();
  if (process.stderr.isTTY) process.stderr.write(`${title} …\r`);
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: rootDir,
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    shell: process.platform === "win32" && command === "npm",
  });
  if (status === 0) {
    process.stderr.write(`${title}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
    return true;
  }
  const reason = error?.message ?? `${stdout}${stderr}`.trim();
  if (!mayFail) fail(`${reason}\n${title} failed`);
  process.stderr.write(
    `${title} was not possible: ${reason.split("\n").find((line) => /error/.test(line)) ?? reason}\n`,
  );
  return false;
}

/** @param {"install" | "build"} name */
const stampFile = (name) => join(rootDir, ".build", `${name}.stamp`);

/** @param {"install" | "build"} name */
function readStamp(name) {
  return existsSync(stampFile(name)) ? readFileSync(stampFile(name), "utf8") : undefined;
}

/** @param {"install" | "build"} name @param {string} text */
function writeStamp(name, text) {
  mkdirSync(join(rootDir, ".build"), { recursive: true });
  writeFileSync(stampFile(name), text);
}

/** @param {string} text */
const digest = (text) => createHash("sha256").update(text).digest("hex");

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) prepare({ force: process.argv.includes("--force") });
