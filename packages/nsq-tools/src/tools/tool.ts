/** What a tool is, what it is handed, and the checks that several of them share. */

import type { Readable, Writable } from "node:stream";
import type { Clock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import { GoFlagError, type GoFlagTable, type GoFlagValues } from "@polylog/base/go-flags";
import {
  type ClientOptions,
  type ConsumerContext,
  type Dialer,
  defaultClientOptions,
  type HttpClient,
  setClientOption,
} from "../client/index.ts";
import { nsqToolsErrors } from "../errors.ts";
import type { GoLog } from "./go-log.ts";

/** The release of NSQ whose tools these stand in for. */
export const nsqVersion = "1.3.0";

export interface ToolContext {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly clock: Clock;
  readonly dialer: Dialer;
  readonly http: HttpClient;
  /** 0..1 */
  readonly chance: () => number;
  readonly log: GoLog;
  /** Writes a line to standard error as it is. */
  readonly writeError: (line: string) => void;
  /** Resolves with the first SIGINT or SIGTERM. */
  readonly stopRequested: Promise<void>;
  /** Calls back on every SIGHUP from now on. */
  readonly onHangup: (callback: () => void) => void;
  readonly hostname: string;
  readonly processId: number;
}

export interface Tool<Table extends GoFlagTable = GoFlagTable> {
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  readonly flags: Table;
  /** Resolves when the tool is done, after a graceful stop for example. Rejects with FATAL or a GoFlagError. */
  run(values: GoFlagValues<Table>, context: ToolContext, rest: readonly string[]): Promise<void>;
}

/** For the checks of flags: log line and exit code 1. */
export function fatal(message: string, cause?: unknown): Error {
  return nsqToolsErrors.FATAL({ message }, cause);
}

/** The text of what was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const versionFlag = { type: "bool", default: false, usage: "print version string" } as const;
export const consumerFlags = {
  "nsqd-tcp-address": { type: "strings", usage: "nsqd TCP address (may be given multiple times)" },
  "lookupd-http-address": { type: "strings", usage: "lookupd HTTP address (may be given multiple times)" },
  "consumer-opt": {
    type: "strings",
    usage: "option of the NSQ consumer, as name,value (may be given multiple times)",
  },
  "max-in-flight": { type: "int", default: 200, usage: "max number of messages to allow in flight" },
} as const;
export const producerOptFlag = {
  type: "strings",
  usage: "option of the NSQ producer, as name,value (may be given multiple times)",
} as const;

interface Sources {
  readonly "nsqd-tcp-address": readonly string[];
  readonly "lookupd-http-address": readonly string[];
}

/** Throws FATAL unless exactly one kind of address is given. */
export function checkSources(values: Sources): void {
  const nsqds = values["nsqd-tcp-address"].length;
  const lookupds = values["lookupd-http-address"].length;
  if (nsqds === 0 && lookupds === 0) throw fatal("--nsqd-tcp-address or --lookupd-http-address required");
  if (nsqds > 0 && lookupds > 0) throw fatal("use --nsqd-tcp-address or --lookupd-http-address not both");
}

/** Defaults, then the `name,value` pairs. Throws GoFlagError. */
export function clientOptions(tool: string, flag: string, pairs: readonly string[]): ClientOptions {
  const options = defaultClientOptions();
  for (const pair of pairs) {
    try {
      setClientOption(options, pair);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      throw new GoFlagError(`invalid value ${JSON.stringify(pair)} for flag -${flag}: ${error.message}`);
    }
  }
  options.userAgent = `${tool}/${nsqVersion} go-nsq/1.1.0`;
  return options;
}

export function consumerContext(context: ToolContext, options: ClientOptions): ConsumerContext {
  const { clock, dialer, http, chance, log } = context;
  return { clock, dialer, http, chance, logger: log.logger, options };
}
