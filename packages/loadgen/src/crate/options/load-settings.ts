/** From what the user wrote to the options in force: flag, environment, `.env`, `--config` file, default. */

import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { type OptionConflict, type OptionFile, renderHelp, resolveOptions } from "@polylog/base/options";
import { parse } from "smol-toml";
import { describeFigures } from "../../commands/describe-figures.ts";
import { resultCommands } from "../../commands/result-commands.ts";
import { loadgenErrors } from "../../errors.ts";
import { loadProfile } from "../report/load-profile.ts";
import { type LoadOptions, loadOptions } from "./load-options.ts";
import { parseSweep } from "./sweep-grid.ts";

const { envPrefix } = loadProfile;

/** The documented name of `CRATE_LOG_LEVEL`. */
const aliases = { LOG_LEVEL: "CRATE_LOG_LEVEL" } as const;

type Variables = Readonly<Record<string, string | undefined>>;

export interface LoadRequest {
  readonly options: LoadOptions;
  readonly positionals: readonly string[];
  readonly warnings: readonly string[];
}

/** `dotEnv`: the text of `.env` in the working directory. Throws `options.USAGE`. */
export function loadSettings(argv: readonly string[], env: Variables, dotEnv: string): LoadRequest {
  const { values, positionals, warnings } = resolveOptions(loadOptions, {
    argv,
    env: withDotEnv(env, dotEnv),
    envPrefix,
    positionalsMax: 1,
    file: ({ config }) => (config === undefined ? undefined : readConfig(config)),
    relations: findConflicts,
  });
  return { options: values, positionals, warnings };
}

function* findConflicts(values: LoadOptions): Generator<OptionConflict<typeof loadOptions>> {
  const { connectionString, transport, sweep, autoBatch, rate, stages, insert, rows, duration } = values;
  const unusable = connectionString === undefined ? undefined : findConnectionProblem(connectionString);
  if (unusable !== undefined) yield { option: "connectionString", problem: unusable };
  const isPostgres = /^postgres(ql)?:/.test(connectionString ?? "");
  if (transport !== undefined && (transport === "postgres") !== isPostgres) {
    const wanted = transport === "postgres" ? "a --connection-string that begins with postgres://" : "one with http://";
    yield { option: "transport", problem: `${transport} needs ${wanted}` };
  }
  if (isPostgres && insert === "unnest") yield { option: "insert", problem: "unnest goes over HTTP only" };
  const { problem } = parseSweep(sweep);
  if (problem !== undefined) yield { option: "sweep", problem };
  const isPaced = rate > 0 || stages !== undefined;
  if ((sweep.length > 0 || autoBatch) && isPaced)
    yield {
      option: sweep.length > 0 ? "sweep" : "autoBatch",
      problem: "goes without --rate and --stages: it looks for the highest",
    };
  if (sweep.length > 0 && (autoBatch || rows !== undefined || duration !== undefined))
    yield {
      option: "sweep",
      problem: "goes without --auto-batch, --rows and --duration; --step says how long each run takes",
    };
}

/** Not a check of the option, whose message would show the password. */
function findConnectionProblem(text: string): string | undefined {
  const parts = text.split(",").map((part) => part.trim());
  const schemes = new Set<string>();
  for (const part of parts) {
    if (!URL.canParse(part)) return "it is no URL";
    schemes.add(new URL(part).protocol.replace(/^postgresql:/, "postgres:"));
  }
  const [scheme = ""] = schemes;
  if (schemes.size > 1) return "all addresses take the same protocol";
  if (!["http:", "https:", "postgres:"].includes(scheme)) return "it begins with http://, https:// or postgres://";
  return scheme === "postgres:" && parts.length > 1 ? "there is one address by PostgreSQL's protocol" : undefined;
}

/** The environment over `.env`. */
export function withDotEnv(env: Variables, dotEnv: string): Variables {
  return { ...withAliases(parseDotEnv(dotEnv)), ...withAliases(given(env)) };
}

/** Variables that are set to something. */
function given(env: Variables): Variables {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
}

function withAliases(env: Variables): Variables {
  const named = Object.entries(aliases).flatMap(([name, option]) =>
    env[name] === undefined ? [] : [[option, env[name].toLowerCase()] as const],
  );
  return { ...Object.fromEntries(named), ...env };
}

/** `NAME=value` a line; `#` begins a comment, quotation marks and `export` may stand around. */
export function parseDotEnv(text: string): Variables {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, name = "", value = ""] = match;
    const quoted = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(value);
    variables[name] = quoted?.[2] ?? value.replace(/\s+#.*$/, "").replace(/^#.*$/, "");
  }
  return given(variables) as Record<string, string>;
}

/** Values that a file may write as numbers. */
const numbersAsText = new Set(["duration"]);

/** Throws FILE_UNREADABLE, CONFIG_FILE_INVALID. */
function readConfig(path: string): OptionFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw loadgenErrors.FILE_UNREADABLE({ path, reason: (error as Error).message }, error);
  }
  try {
    const values: unknown = extname(path) === ".json" ? JSON.parse(text) : parse(text);
    if (typeof values !== "object" || values === null || Array.isArray(values)) throw new Error("it is no table");
    const entries = Object.entries(values).map(([key, value]) => [
      key,
      numbersAsText.has(key) && typeof value === "number" ? String(value) : value,
    ]);
    return { name: path, values: Object.fromEntries(entries) as Record<string, unknown> };
  } catch (error) {
    throw loadgenErrors.CONFIG_FILE_INVALID({ path, problem: (error as Error).message.split("\n")[0]! }, error);
  }
}

export function renderLoadHelp(): string {
  const help = renderHelp(loadOptions, {
    usage: "crate-write [balance] [options], or crate-write COMMAND [options]",
    summary:
      "Makes rows, writes them to CrateDB in batches, and accounts for every one. Without a connection string it starts a database of its own: DuckDB behind Polylog's /_sql, which is not CrateDB.",
    examples: [
      "crate-write --duration 1 --threads 2 --batch-size 1000 --batch-interval 0      # try it, no database needed",
      "crate-write --connection-string http://crate@localhost:4200 --rows 1000000 --concurrency 4",
      "crate-write --rate 20000 --duration 5 --threshold 'p99<200ms' --threshold failed=0   # exit code 99 when broken",
      "crate-write --duration 5 --dashboard --report report.html                       # watch it, and keep a page of it",
      "crate-write --sweep batch=100,1000,5000 --sweep concurrency=1,4                 # which is fastest?",
      "crate-write balance --connection-string https://crate@cluster.example:4200       # which nodes answer?",
    ],
    envPrefix,
    configFile: true,
  });
  const commands = resultCommands.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return `${help}
Commands on the results of runs that were kept with --db; \`crate-write list --help\` lists the options of one:
${commands.join("\n")}

A file .env in the working directory stands between environment and config file: CRATE_CONNECTION_STRING, LOG_LEVEL, …
${describeFigures(loadProfile.metrics)} Percentiles are of batches: from when one was due with --rate, else from when it was sent.
Exit codes: 0 fine, 1 failed or rows disagree, 2 usage, 3 no database there, 99 a threshold is broken.
`;
}
