// @ts-check
/** Runs a program to its end, with its output collected or passed on, and a bound on its time. */

import { spawn } from "node:child_process";
import { rootDir } from "./repository.mjs";

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd] default: the repository's root
 * @property {NodeJS.ProcessEnv} [env] default: this process's
 * @property {number} [timeoutMs] default: none; the whole process group is killed when it is over
 * @property {boolean} [show] pass output on as it comes instead of collecting it
 */

/** @typedef {{ code: number | null, output: string, stdout: string, timedOut: boolean, ms: number }} CommandResult */

/**
 * Never rejects: a program that cannot be started gives code 127 and the reason as its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function runCommand(command, args, options = {}) {
  const { cwd = rootDir, env = process.env, timeoutMs, show = false } = options;
  const startedAt = performance.now();
  // A group of its own only where the group may have to be killed: otherwise Ctrl-C should reach it by itself.
  const grouped = timeoutMs !== undefined && process.platform !== "win32";
  const child = spawn(command, args, { cwd, env, detached: grouped, stdio: ["ignore", ...pipes(show)] });
  let output = "";
  let stdout = "";
  let timedOut = false;
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
    output += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output += chunk;
  });
  const forget = killAtExit(() => killGroup(child, grouped));
  const timer = setTimeout(
    () => {
      timedOut = true;
      killGroup(child, grouped);
    },
    timeoutMs ?? 2 ** 31 - 1,
  );
  return new Promise((resolve) => {
    const done = (/** @type {number | null} */ code) => {
      clearTimeout(timer);
      forget();
      resolve({ code, output, stdout, timedOut, ms: performance.now() - startedAt });
    };
    child.once("error", (error) => {
      output += error.message;
      done(127);
    });
    // What it left running would hold the pipes open; a test that leaves a server behind must not hang the run.
    child.once("exit", () => grouped && killGroup(child, grouped));
    child.once("close", done);
  });
}

/** @param {boolean} show @returns {("inherit" | "pipe")[]} */
const pipes = (show) => (show ? ["inherit", "inherit"] : ["pipe", "pipe"]);

/** @param {import("node:child_process").ChildProcess} child @param {boolean} grouped */
function killGroup(child, grouped) {
  if (child.pid === undefined) return;
  try {
    process.kill(grouped ? -child.pid : child.pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}

/** @type {Set<() => void>} */
const kills = new Set();

/** Has `kill` called when this process ends or is told to end.
 * @param {() => void} kill
 * @returns {() => void} forgets it, for when there is nothing left to kill
 */
export function killAtExit(kill) {
  if (kills.size === 0) {
    process.on("exit", killAll);
    for (const signal of endSignals) process.on(signal, endBy);
  }
  kills.add(kill);
  return () => {
    kills.delete(kill);
    if (kills.size > 0) return;
    process.off("exit", killAll);
    for (const signal of endSignals) process.off(signal, endBy);
  };
}

const endSignals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

function killAll() {
  for (const kill of kills) kill();
}

/** @param {NodeJS.Signals} signal */
function endBy(signal) {
  process.exit(signal === "SIGINT" ? 130 : 143);
}
