// @ts-check
/**
 * Runs the programs of `examples/` as `examples/examples.json` lists them, row by row:
 *
 *     { "server": ["--capture=…"],                                flags of the row's own server; null: it starts none
 *       "run": [["node", "examples/publisher.mjs", "{mqtt}"]],    programs, one after the other, in the root
 *       "prints": ["published"], "needs": ["python3"] }           what must appear; programs that must be installed
 *
 * Each row gets a server on free ports with an empty data directory. In arguments `{mqtt}` stands for mqtt://host:port,
 * `{nsqTcp}` for host:port, `{nsqHttp}` and `{http}` for http://host:port. A row passes when every program ends with
 * exit code 0 in time and the server stops with 0. Without examples.json every `.mjs` there is a row, with no arguments.
 */

import { prepare } from "./prepare.mjs";

prepare();
const { existsSync, mkdtempSync, rmSync } = await import("node:fs");
const { tmpdir } = await import("node:os");
const { join } = await import("node:path");
const { pathToFileURL } = await import("node:url");
const { compiledPath, listFiles, matchesWords, readJson, rootDir } = await import("./repository.mjs");
const { runCommand } = await import("./run-command.mjs");
const { emptyTally, finish, green, red, seconds } = await import("./tally.mjs");

/**
 * @typedef {object} Example
 * @property {string[][]} run
 * @property {string[] | null} [server]
 * @property {string[]} [prints]
 * @property {string[]} [needs]
 */

const programTimeoutMs = 120_000;
/** @param {string} source */
const load = (source) => import(pathToFileURL(join(rootDir, compiledPath(source))).href);
const { startServer } = await load("packages/testkit/src/index.ts");
const { findTool } = await load("interop/outside-tools.ts");

const tally = emptyTally();
for (const example of examples()) {
  const name = nameOf(example);
  const missing = (example.needs ?? []).filter((tool) => findTool(tool) === undefined);
  if (missing.length > 0) {
    tally.skipped++;
    process.stdout.write(`- ${name}: skipped, not installed: ${missing.join(", ")}\n`);
    continue;
  }
  const problem = await runExample(example);
  if (problem === undefined) tally.passed++;
  else tally.failed++;
  process.stdout.write(problem === undefined ? `${green("✓")} ${name}\n` : `${red("✗")} ${name}: ${problem}\n`);
}
finish(tally);

/** @param {Example} example */
function nameOf({ run }) {
  return run.map((words) => words.join(" ")).join(" && ");
}

/** @returns {Example[]} */
function examples() {
  /** @type {Example[]} */
  const all = existsSync(join(rootDir, "examples/examples.json"))
    ? readJson("examples/examples.json")
    : listFiles("examples")
        .filter((path) => /^examples\/[^/]+\.mjs$/.test(path))
        .map((path) => ({ run: [["node", path]] }));
  return all.filter((example) => matchesWords(nameOf(example), process.argv.slice(2)));
}

/**
 * @param {Example} example
 * @returns {Promise<string | undefined>} what went wrong
 */
async function runExample({ run, server: flags = [], prints = [] }) {
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-example-"));
  /** @type {Awaited<ReturnType<typeof startServer>> | undefined} */
  let server;
  try {
    if (flags !== null) server = await startServer({ dataDir, flags });
    let printed = "";
    for (const words of run) {
      const { problem, output } = await runProgram(words, server?.listeners ?? {});
      printed += output;
      if (problem !== undefined) return problem;
    }
    const unprinted = prints.filter((text) => !printed.includes(text));
    if (unprinted.length > 0) return `did not print ${unprinted.map((text) => `"${text}"`).join(" and ")}\n${printed}`;
    const serverCode = (await server?.stop()) ?? 0;
    return serverCode === 0 ? undefined : `the server ended with exit code ${serverCode}\n${server?.output()}`;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  } finally {
    await server?.kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/**
 * @param {string[]} words
 * @param {Record<string, { host: string, port: number }>} listeners
 */
async function runProgram(words, listeners) {
  const [command = "", ...args] = words.map((word) =>
    word.replace(/\{(\w+)\}/g, (_, name) => addressOf(name, listeners)),
  );
  const { code, output, timedOut } = await runCommand(command === "node" ? process.execPath : command, args, {
    timeoutMs: programTimeoutMs,
  });
  const how = timedOut ? `did not end within ${seconds(programTimeoutMs)}` : `ended with exit code ${code}`;
  return { output, problem: code === 0 ? undefined : `${words.join(" ")} ${how}\n${output}` };
}

/** @param {string} name @param {Record<string, { host: string, port: number }>} listeners */
function addressOf(name, listeners) {
  const listener = listeners[name];
  if (listener === undefined) throw new Error(`examples.json: the server has no listener {${name}}`);
  const scheme = { mqtt: "mqtt://", nsqHttp: "http://", http: "http://" }[name] ?? "";
  return `${scheme}${listener.host}:${listener.port}`;
}
