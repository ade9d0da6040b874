/** nsq_to_file: archives topics in files, by name or by pattern. */

import type { GoFlagTable, GoFlagValues } from "@polylog/base/go-flags";
import { type ClientOptions, Consumer, lookupTopics } from "../client/index.ts";
import { createFileLog, type FileLogOptions, parseFileLogLevel } from "./file-log.ts";
import { RotatingFile } from "./rotating-file.ts";
import {
  checkSources,
  clientOptions,
  consumerContext,
  consumerFlags,
  fatal,
  messageOf,
  type Tool,
  type ToolContext,
  versionFlag,
} from "./tool.ts";
import { TopicArchive } from "./topic-archive.ts";

const flags = {
  ...consumerFlags,
  version: versionFlag,
  channel: { type: "string", default: "nsq_to_file", usage: "nsq channel" },
  "datetime-format": {
    type: "string",
    default: "%Y-%m-%d_%H",
    usage: "strftime compatible format for <DATETIME> in filename format",
  },
  "filename-format": {
    type: "string",
    default: "<TOPIC>.<HOST><REV>.<DATETIME>.log",
    usage:
      "output filename format (<TOPIC>, <HOST>, <PID>, <DATETIME>, <REV> are replaced. <REV> is increased when file already exists)",
  },
  gzip: { type: "bool", default: false, usage: "gzip output files." },
  "gzip-level": { type: "int", default: 6, usage: "gzip compression level (1-9, 1=BestSpeed, 9=BestCompression)" },
  "host-identifier": {
    type: "string",
    default: "",
    usage:
      "value to output in log filename in place of hostname. <SHORT_HOST> and <HOSTNAME> are valid replacement tokens",
  },
  "http-client-connect-timeout": { type: "duration", default: 2000, usage: "timeout for HTTP connect" },
  "http-client-request-timeout": { type: "duration", default: 5000, usage: "timeout for HTTP request" },
  "log-level": { type: "string", default: "info", usage: "set log verbosity: debug, info, warn, error, or fatal" },
  "log-prefix": { type: "string", default: "[nsq_to_file] ", usage: "log message prefix" },
  "output-dir": { type: "string", default: "/tmp", usage: "directory to write output files to" },
  "rotate-interval": { type: "duration", default: 0, usage: "rotate the file every duration" },
  "rotate-size": { type: "int", default: 0, usage: "rotate the file when it grows bigger than `rotate-size` bytes" },
  "skip-empty-files": { type: "bool", default: false, usage: "skip writing empty files" },
  "sync-interval": { type: "duration", default: 30_000, usage: "sync file to disk every duration" },
  topic: { type: "strings", usage: "nsq topic (may be given multiple times)" },
  "topic-pattern": { type: "string", default: "", usage: "only log topics matching the following pattern" },
  "topic-refresh": { type: "duration", default: 60_000, usage: "how frequently the topic list should be refreshed" },
  "work-dir": { type: "string", default: "", usage: "directory for in-progress files before moving to output-dir" },
} as const satisfies GoFlagTable;

type Values = GoFlagValues<typeof flags>;

export const nsqToFile: Tool<typeof flags> = {
  name: "nsq_to_file",
  summary: "Archives topics in files, with rotation, gzip and fsync before a message is finished.",
  flags,
  run,
};

async function run(values: Values, context: ToolContext, rest: readonly string[]): Promise<void> {
  const level = check(values, rest);
  const options = clientOptions(nsqToFile.name, "consumer-opt", values["consumer-opt"]);
  options.maxInFlight = values["max-in-flight"];
  const log = { clock: context.clock, write: context.writeError, prefix: values["log-prefix"], level };
  const archives = new Archives(values, context, options, log);
  context.onHangup(() => archives.reopen());
  const failed = archives.failed;
  const started = archives.add(values.topic);
  if (values.topic.length === 0) archives.watchTopics();
  await Promise.race([started, failed]);
  await Promise.race([context.stopRequested, failed]);
  await Promise.race([archives.stop(), failed]);
}

/** In nsq_to_file's own order. */
function check(values: Values, rest: readonly string[]) {
  if (rest.length > 0) throw fatal(`unknown arguments: [${rest.join(" ")}]`);
  const level = parseFileLogLevel(values["log-level"]);
  if (level === undefined) throw fatal("--log-level is invalid");
  if (values.channel === "") throw fatal("--channel is required");
  for (const name of ["http-client-connect-timeout", "http-client-request-timeout"] as const) {
    if (values[name] <= 0) throw fatal(`--${name} should be positive`);
  }
  checkSources(values);
  const gzipLevel = values["gzip-level"];
  if (gzipLevel < 1 || gzipLevel > 9) throw fatal(`invalid --gzip-level value (${gzipLevel}), should be 1-9`);
  if (values.topic.length === 0 && values["topic-pattern"] === "") throw fatal("--topic or --topic-pattern required");
  if (values.topic.length === 0 && values["lookupd-http-address"].length === 0) {
    throw fatal("--lookupd-http-address must be specified when no --topic specified");
  }
  // Go would panic, and a pattern that is none would match nothing.
  if (values["sync-interval"] <= 0) throw fatal("--sync-interval should be positive");
  if (values["topic-refresh"] <= 0) throw fatal("--topic-refresh should be positive");
  return level;
}

class Archives {
  /** Rejects with FATAL when a file cannot be written. */
  readonly failed: Promise<never>;
  readonly #values: Values;
  readonly #context: ToolContext;
  readonly #options: ClientOptions;
  readonly #log: FileLogOptions;
  readonly #archives = new Map<string, TopicArchive>();
  readonly #pattern: RegExp;
  #fail: (error: Error) => void = () => undefined;
  #stopping = false;

  constructor(values: Values, context: ToolContext, options: ClientOptions, log: FileLogOptions) {
    this.#values = values;
    this.#context = context;
    this.#options = options;
    this.#log = log;
    try {
      this.#pattern = new RegExp(values["topic-pattern"]);
    } catch (cause) {
      throw fatal("--topic-pattern is no regular expression", cause);
    }
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
  }

  /** Starts what is not archived yet. A topic that cannot be started is logged and left out, as nsq_to_file does. */
  async add(topics: readonly string[]): Promise<void> {
    const log = createFileLog(this.#log, "");
    for (const topic of topics) {
      if (this.#stopping || this.#archives.has(topic)) continue;
      if (!this.#pattern.test(topic)) {
        log.warn(`skipping topic ${topic} (doesn't match pattern ${this.#values["topic-pattern"]})`);
        continue;
      }
      try {
        await this.#start(topic);
      } catch (error) {
        log.error(`couldn't create logger for new topic ${topic}: ${messageOf(error)}`);
      }
    }
  }

  /** Asks nsqlookupd for topics every topic-refresh, the first time after one. */
  watchTopics(): void {
    const { clock, http } = this.#context;
    clock.setTimer(() => {
      if (this.#stopping) return;
      void lookupTopics(http, this.#values["lookupd-http-address"], this.#times())
        .then((topics) => this.add(topics))
        .catch((error) => createFileLog(this.#log, "").error(`could not retrieve topic list: ${messageOf(error)}`))
        .then(() => this.watchTopics());
    }, this.#values["topic-refresh"]);
  }

  reopen(): void {
    for (const archive of this.#archives.values()) archive.reopen();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#archives.values()].map((each) => each.stop()));
  }

  async #start(topic: string): Promise<void> {
    const values = this.#values;
    const { clock } = this.#context;
    const { channel } = values;
    const log = createFileLog(this.#log, `[${topic}/${channel}] `);
    const outputDir = values["output-dir"];
    const file = new RotatingFile(
      {
        nameFormat: nameFormat(values, topic, this.#context),
        datetimeFormat: values["datetime-format"],
        outputDir,
        workDir: values["work-dir"] === "" ? outputDir : values["work-dir"],
        gzip: values.gzip,
        gzipLevel: values["gzip-level"],
        rotateSize: values["rotate-size"],
        rotateIntervalMs: values["rotate-interval"],
      },
      clock,
      log,
    );
    const handler = (message: Parameters<TopicArchive["take"]>[0]) => archive.take(message);
    const source = new Consumer({ topic, channel, handler }, consumerContext(this.#context, this.#options));
    const archive: TopicArchive = new TopicArchive({
      ...{ clock, log, file, source },
      messagesMax: values["max-in-flight"],
      syncIntervalMs: values["sync-interval"],
      skipEmptyFiles: values["skip-empty-files"],
      onFailure: (error) => this.#fail(fatal(`FATAL: [${topic}/${channel}] ${error.message}`, error)),
    });
    this.#archives.set(topic, archive);
    try {
      await source.connect(values["nsqd-tcp-address"]);
      await source.discover(values["lookupd-http-address"]);
    } catch (error) {
      this.#archives.delete(topic);
      await archive.stop();
      throw error;
    }
  }

  #times() {
    return {
      connectTimeoutMs: this.#values["http-client-connect-timeout"],
      requestTimeoutMs: this.#values["http-client-request-timeout"],
    };
  }
}

/** What the files of a topic are called, with `<DATETIME>` and, where it is needed, `<REV>` left. Throws FATAL. */
export function nameFormat(
  values: Pick<
    Values,
    "filename-format" | "host-identifier" | "gzip" | "rotate-size" | "rotate-interval" | "work-dir" | "output-dir"
  >,
  topic: string,
  { hostname, processId }: Pick<ToolContext, "hostname" | "processId">,
): string {
  const shortHost = hostname.split(".")[0]!;
  const identifier = values["host-identifier"].replaceAll("<SHORT_HOST>", shortHost).replaceAll("<HOSTNAME>", hostname);
  const ownWorkDir = values["work-dir"] !== "" && values["work-dir"] !== values["output-dir"];
  let format = values["filename-format"];
  if (values.gzip || values["rotate-size"] > 0 || values["rotate-interval"] > 0 || ownWorkDir) {
    if (!format.includes("<REV>"))
      throw fatal("missing <REV> in --filename-format when gzip, rotation, or work dir enabled");
  } else {
    format = format.replaceAll("<REV>", "");
  }
  format = format.replaceAll("<TOPIC>", topic).replaceAll("<HOST>", identifier === "" ? shortHost : identifier);
  format = format.replaceAll("<PID>", String(processId));
  return values.gzip && !format.endsWith(".gz") ? `${format}.gz` : format;
}
