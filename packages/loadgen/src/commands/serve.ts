/**
 * `serve`: all runs in the browser, from the result file, without anything from elsewhere.
 *
 *     /                  runs, with filters
 *     /report?run=ID     one run, or several laid over each other (run may repeat)
 *     /db, /data.duckdb  the file itself, as mqtt-bench has it
 *
 * The file is opened for each request and closed again, so that a run can write to it in between; while one does, the answer
 * is 503. It listens on loopback unless told otherwise, and answers only GET and HEAD.
 */

import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { isCodedError } from "@polylog/base/errors";
import { defineOptions, renderHelp, resolveOptions } from "@polylog/base/options";
import { loadgenErrors } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { renderReport } from "../report/report-page.ts";
import { renderRuns } from "../report/runs-page.ts";
import { ResultStore } from "../store/result-store.ts";
import { commonProfileOf } from "../tools.ts";
import type { Environment } from "./command.ts";
import { storeOptions } from "./store-options.ts";

const serveOptions = (tool: ToolProfile) =>
  defineOptions({
    ...storeOptions(tool),
    host: {
      flag: "host",
      type: "string",
      default: "127.0.0.1",
      from: ["flag"],
      group: "Server",
      help: "address to listen on",
    },
    port: {
      flag: "port",
      short: "p",
      type: "integer",
      default: 8080,
      min: 0,
      max: 65_535,
      from: ["flag"],
      group: "Server",
      help: "port to listen on; 0 takes a free one",
    },
    open: {
      flag: "open",
      short: "o",
      type: "boolean",
      default: false,
      from: ["flag"],
      group: "Server",
      help: "open the browser",
    },
  });

/** Runs that a report shows at most. */
const runsMax = 8;
const listedMax = 10_000;

export async function serve(argv: readonly string[], environment: Environment): Promise<number> {
  const { tool, env, stdout, stopRequested } = environment;
  const { tool: name, envPrefix } = tool;
  const options = serveOptions(tool);
  if (argv.includes("--help")) {
    const summary = "Shows all runs in the browser, offline, until Ctrl-C.";
    stdout.write(renderHelp(options, { usage: `${name} serve [options]`, summary, envPrefix }));
    return exitCodes.fine;
  }
  const { values } = resolveOptions(options, { argv, env, envPrefix });
  const { db, host, port, open } = values;
  await (await ResultStore.open(db, { isReadOnly: true })).close(); // It must be there and readable.
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (request.method !== "GET" && request.method !== "HEAD") return answer(response, 405, "text/plain", "only GET\n");
    answerTo(tool, db, url, response).catch((error: Error) =>
      answer(
        response,
        isCodedError(error) && error.code === "loadgen.RUNS_DIFFER" ? 400 : 503,
        "text/plain",
        `${error.message}\n`,
      ),
    );
  });
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) =>
      reject(loadgenErrors.CANNOT_LISTEN({ address: `${host}:${port}`, reason: error.code ?? error.message }, error));
    server.once("error", fail);
    server.listen(port, host, () => resolve());
  });
  const at = `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as { port: number }).port}/`;
  stdout.write(`${db} is shown at ${at}; Ctrl-C stops it\n`);
  if (open) spawn(openers[process.platform] ?? "xdg-open", [at], { stdio: "ignore" }).on("error", () => undefined);
  await stopRequested;
  server.close();
  server.closeAllConnections();
  return exitCodes.fine;
}

const openers: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: "open", win32: "explorer" };

async function answerTo(tool: ToolProfile, db: string, url: URL, response: ServerResponse): Promise<void> {
  switch (url.pathname) {
    case "/":
      return withStore(db, async (store) => {
        answer(response, 200, "text/html", renderRuns(tool, await store.list(listedMax), url.searchParams));
      });
    case "/report":
      return withStore(db, async (store) => {
        const ids = url.searchParams.getAll("run").slice(0, runsMax);
        if (ids.length === 0) return answer(response, 400, "text/plain", "choose at least one run\n");
        const results = await Promise.all(ids.map((id) => store.load(id).catch(() => [])));
        const found = results.flat();
        if (found.length === 0) answer(response, 404, "text/plain", "there is no such run with results of ours\n");
        else answer(response, 200, "text/html", renderReport(commonProfileOf(found), found));
      });
    case "/db":
    case "/data.duckdb":
      response.writeHead(200, { "content-type": "application/octet-stream" });
      createReadStream(db)
        .on("error", () => response.destroy())
        .pipe(response);
      return;
    default:
      answer(response, 404, "text/plain", "there is no such page\n");
  }
}

async function withStore(db: string, use: (store: ResultStore) => Promise<void>): Promise<void> {
  const store = await ResultStore.open(db, { isReadOnly: true });
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** Nothing is loaded from elsewhere, and the browser is told so. */
function answer(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}
