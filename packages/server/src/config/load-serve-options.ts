/**
 * From the command line and the environment to what `polylog serve` runs with. Reads the config file, checks relations
 * between options, and reports everything that is wrong at once.
 */

import { BlockList, isIP } from "node:net";
import {
  type ListenOption,
  type OptionConflict,
  type OptionFile,
  type ResolvedOptions,
  renderHelp,
  resolveOptions,
} from "@polylog/base/options";
import { isSocketPath } from "@polylog/base/transport";
import type { CaptureRule } from "@polylog/broker";
import { nsqTlsPaths } from "../nsq-server-options.ts";
import { parseCaptureRule } from "./capture-rule.ts";
import { readConfigFile } from "./config-file.ts";
import { findBridgeConflicts } from "./mqtt-bridge-options.ts";
import { findRewriteCountProblem } from "./mqtt-rewrite-options.ts";
import { type ServeOptions, serveOptions } from "./serve-options.ts";

export const environmentPrefix = "POLYLOG_";

export interface ServeInput {
  /** What follows `polylog serve`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: from disk. Throws coded errors, which are reported with the others. */
  readonly readConfig?: (file: string) => OptionFile;
}

export type ServeRequest =
  | { readonly request: "help"; readonly text: string }
  | {
      readonly request: "serve";
      readonly options: ServeOptions;
      readonly captures: readonly CaptureRule[];
      readonly sources: ResolvedOptions<typeof serveOptions>["sources"];
      /** To be logged once the logger exists. */
      readonly warnings: readonly string[];
    };

/** Throws `options.USAGE`. Help is given whatever else is wrong. */
export function loadServeOptions({ argv, env, readConfig = readConfigFile }: ServeInput): ServeRequest {
  if (asksForHelp(argv)) return { request: "help", text: renderServeHelp() };
  const { values, sources, warnings } = resolveOptions(serveOptions, {
    argv,
    env,
    envPrefix: environmentPrefix,
    file: ({ config }) => (config === undefined ? undefined : readConfig(config)),
    relations: (values) => findConflicts(values),
  });
  const captures = Object.freeze(values.capture.map(parseCaptureRule));
  return { request: "serve", options: values, captures, sources, warnings };
}

/** For a command with flags of its own: `file` has what they say, under the options' names. Throws `options.USAGE`. */
export function resolveServeOptions(
  file: OptionFile,
  env: Readonly<Record<string, string | undefined>>,
): Extract<ServeRequest, { readonly request: "serve" }> {
  const input = { env, envPrefix: environmentPrefix, file, relations: (values: ServeOptions) => findConflicts(values) };
  const { values, sources, warnings } = resolveOptions(serveOptions, input);
  const captures = Object.freeze(values.capture.map(parseCaptureRule));
  return { request: "serve", options: values, captures, sources, warnings };
}

/** For a server inside of a program. `isGuarded`: the program says who peers are. Throws `options.USAGE`. */
export function resolveEmbeddedOptions(
  file: OptionFile,
  isGuarded: boolean,
): { readonly values: ServeOptions; readonly captures: readonly CaptureRule[] } {
  const relations = (given: ServeOptions) => findConflicts(given, isGuarded || given.usersFile !== undefined);
  const { values } = resolveOptions(serveOptions, { file, relations });
  return { values, captures: Object.freeze(values.capture.map(parseCaptureRule)) };
}

export function renderServeHelp(): string {
  return renderHelp(serveOptions, {
    usage: "polylog serve [options]",
    summary: "Runs the server: MQTT, NSQ and HTTP listeners on one data directory, until SIGTERM.",
    envPrefix: environmentPrefix,
    configFile: true,
    examples: [
      "polylog serve",
      "polylog serve --data-dir /var/lib/polylog --capture 'orders=factory/+/orders'",
      "polylog serve --mqtt-listen :1883 --nsq-tcp-listen off --allow-anonymous",
      "polylog serve --mqtt-bridge plant=mqtt://10.0.0.7 --mqtt-bridge-topic 'plant=sensors/# in 1'",
    ],
  });
}

/** True for an address that only this machine reaches. Names other than `localhost` are not looked up: false. */
export function isLoopbackHost(host: string): boolean {
  if (isSocketPath(host)) return true;
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === "localhost";
  return loopback.check(host, family === 4 ? "ipv4" : "ipv6");
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const flags = end === -1 ? argv : argv.slice(0, end);
  return flags.includes("--help") || flags.includes("-h");
}

/** What each of the TLS options needs. */
function* findTlsConflicts(values: ServeOptions): Generator<OptionConflict<typeof serveOptions>> {
  for (const option of ["mqttTlsListen", "httpTlsListen"] as const) {
    if (values[option] !== "off" && (values.tlsCert === undefined || values.tlsKey === undefined))
      yield { option, problem: "needs --tls-cert and --tls-key" };
  }
  if (values.tlsClientAuth !== "none" && values.tlsCa === undefined)
    yield { option: "tlsClientAuth", problem: "needs --tls-ca, the authorities to believe" };
}

function* findConflicts(
  values: ServeOptions,
  isGuarded = values.usersFile !== undefined,
): Generator<OptionConflict<typeof serveOptions>> {
  for (const [name, row] of Object.entries(serveOptions)) {
    const option = name as keyof ServeOptions;
    const address = row.type === "listen" ? (values[option] as ListenOption) : "off";
    if (values.allowAnonymous || isGuarded || address === "off" || isLoopbackHost(address.host)) continue;
    const problem = `"${address.host}" can be reached from other machines and no users are configured`;
    yield {
      option,
      problem: `${problem}; bind to 127.0.0.1, name users with --users-file, or give --allow-anonymous to let everybody in`,
    };
  }
  if (values.allowAnonymous && values.usersFile !== undefined) {
    const problem = "contradicts --users-file; give anonymous peers a row of their own there";
    yield { option: "allowAnonymous", problem };
  }
  yield* findTlsConflicts(values);
  yield* findBridgeConflicts(values);
  const rewriteProblem = findRewriteCountProblem(values.mqttRewrite);
  if (rewriteProblem !== undefined) yield { option: "mqttRewrite", problem: rewriteProblem };
  yield* findNsqTlsConflicts(values);
  if (values.nsqMsgTimeoutMs > values.nsqMsgTimeoutMsMax) {
    yield { option: "nsqMsgTimeoutMs", problem: "must not be longer than --nsq-max-msg-timeout" };
  }
}

function* findNsqTlsConflicts(values: ServeOptions): Generator<OptionConflict<typeof serveOptions>> {
  if ((values.nsqTlsCert === undefined) !== (values.nsqTlsKey === undefined))
    yield { option: "nsqTlsCert", problem: "needs --nsq-tls-key, and the other way round" };
  const paths = nsqTlsPaths(values);
  if (paths === undefined && values.nsqTlsRequired !== "false")
    yield { option: "nsqTlsRequired", problem: "needs --nsq-tls-cert and --nsq-tls-key" };
  if (paths === undefined && values.nsqHttpsListen !== "off")
    yield { option: "nsqHttpsListen", problem: "needs --nsq-tls-cert and --nsq-tls-key" };
  const { nsqTlsClientAuth: clientAuth } = values;
  const authorities = values.nsqTlsCa ?? values.tlsCa;
  if (authorities === undefined && (clientAuth === "request" || clientAuth === "require"))
    yield { option: "nsqTlsClientAuth", problem: "needs --nsq-tls-ca, the authorities to believe" };
}
