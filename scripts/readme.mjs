// @ts-check
/**
 * Executes the commands of README.md and of `docs/` whose blocks are marked to be run (see markdown-commands.mjs), file
 * by file and in order, in the repository's root. Polylog's data goes to an empty directory (POLYLOG_DATA_DIR); the
 * ports are those that the documents name, so they must be free. Each command counts as one test.
 *
 *     node scripts/readme.mjs [words]     the files whose path contains one of the words
 */

import { prepare } from "./prepare.mjs";

prepare();
const { spawn } = await import("node:child_process");
const { EventEmitter } = await import("node:events");
const { existsSync, mkdtempSync, readFileSync, rmSync } = await import("node:fs");
const { connect } = await import("node:net");
const { tmpdir } = await import("node:os");
const { join } = await import("node:path");
const { pathToFileURL } = await import("node:url");
const { findCommands, matchesOutput } = await import("./markdown-commands.mjs");
const { compiledPath, listFiles, matchesWords, rootDir } = await import("./repository.mjs");
const { killAtExit, runCommand } = await import("./run-command.mjs");
const { emptyTally, finish, green, red, seconds } = await import("./tally.mjs");

/** @typedef {import("./markdown-commands.mjs").MarkdownCommand} MarkdownCommand */

const commandTimeoutMs = 120_000;
const readyTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
const { findTool } = await import(pathToFileURL(join(rootDir, compiledPath("interop/outside-tools.ts"))).href);

const tally = emptyTally();
const documents = ["README.md", ...listFiles("docs")].filter((path) => path.endsWith(".md"));
for (const path of documents) {
  if (existsSync(join(rootDir, path)) && matchesWords(path, process.argv.slice(2))) await runDocument(path);
}
finish(tally);

/** @param {string} path */
async function runDocument(path) {
  const commands = findCommands(readFileSync(join(rootDir, path), "utf8"));
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-readme-"));
  const env = { ...process.env, POLYLOG_DATA_DIR: dataDir };
  /** @type {(() => Promise<string | undefined>)[]} */
  const stops = [];
  for (const command of commands) {
    const missing = command.needs.filter((tool) => findTool(tool) === undefined);
    if (missing.length > 0) {
      tally.skipped++;
      process.stdout.write(`- ${path}:${command.line}: skipped, not installed: ${missing.join(", ")}\n`);
    } else if (command.background) {
      record(path, command, await startInBackground(command, env, stops));
    } else {
      record(path, command, await runToEnd(command, env));
    }
  }
  for (const stop of stops.reverse()) {
    const problem = await stop();
    if (problem === undefined) continue;
    tally.failed++;
    process.stdout.write(`${red("✗")} ${path}: ${problem}\n`);
  }
  rmSync(dataDir, { recursive: true, force: true });
}

/** @param {string} path @param {MarkdownCommand} command @param {string | undefined} problem */
function record(path, { line, script }, problem) {
  const title = `${path}:${line}  ${script.split("\n", 1)[0]}`;
  if (problem === undefined) tally.passed++;
  else tally.failed++;
  process.stdout.write(problem === undefined ? `${green("✓")} ${title}\n` : `${red("✗")} ${title}\n${problem}\n`);
}

/** @param {MarkdownCommand} command @param {NodeJS.ProcessEnv} env */
async function runToEnd({ script, output: expected }, env) {
  const { code, output, stdout, timedOut } = await runCommand("bash", ["-euo", "pipefail", "-c", script], {
    env,
    timeoutMs: commandTimeoutMs,
  });
  if (timedOut) return `did not end within ${seconds(commandTimeoutMs)}; it printed:\n${output}`;
  if (code !== 0) return `ended with exit code ${code}; it printed:\n${output}`;
  if (expected === undefined || matchesOutput(expected, stdout)) return undefined;
  return `printed:\n${output}\nbut the document says:\n${expected}`;
}

/**
 * @param {MarkdownCommand} command
 * @param {NodeJS.ProcessEnv} env
 * @param {(() => Promise<string | undefined>)[]} stops
 */
async function startInBackground({ script, ports }, env, stops) {
  for (const port of ports) if (await answers(port)) return `port ${port} is taken by another program`;
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd: rootDir,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const ended = EventEmitter.once(child, "close");
  const signal = (/** @type {NodeJS.Signals} */ name) => {
    try {
      process.kill(-(child.pid ?? 0), name);
    } catch {
      // It ended by itself.
    }
  };
  const forget = killAtExit(() => signal("SIGKILL"));
  stops.push(async () => {
    signal("SIGTERM");
    const late = setTimeout(() => signal("SIGKILL"), stopTimeoutMs);
    const [, endSignal] = await ended;
    clearTimeout(late);
    forget();
    return endSignal === "SIGKILL" ? `"${script}" did not stop within ${seconds(stopTimeoutMs)}\n${output}` : undefined;
  });
  const deadlineMs = performance.now() + readyTimeoutMs;
  while (child.exitCode === null && performance.now() < deadlineMs) {
    const open = await Promise.all(ports.map(answers));
    if (open.every(Boolean)) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return `no answer on port ${ports.join(" and ")}; it printed:\n${output}`;
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  const socket = connect({ host: "127.0.0.1", port });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}
