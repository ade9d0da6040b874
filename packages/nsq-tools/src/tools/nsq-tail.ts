/**
 * nsq_tail: prints the messages of topics on standard output, one line each.
 *
 * With `-n` the process ends behind the nth message of a topic without finishing it, as nsq_tail does: a channel that
 * outlives the tool delivers it again.
 */

import type { Writable } from "node:stream";
import type { GoFlagTable, GoFlagValues } from "@polylog/base/go-flags";
import { Consumer, type Message } from "../client/index.ts";
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

const flags = {
  ...consumerFlags,
  version: versionFlag,
  channel: { type: "string", default: "", usage: "NSQ channel" },
  n: { type: "int", default: 0, usage: "total messages to show (will wait if starved)" },
  "print-topic": { type: "bool", default: false, usage: "print topic name where message was received" },
  topic: { type: "strings", usage: "NSQ topic (may be given multiple times)" },
} as const satisfies GoFlagTable;

export const nsqTail: Tool<typeof flags> = {
  name: "nsq_tail",
  summary: "Prints the messages of topics on standard output.",
  flags,
  run,
};

async function run(values: GoFlagValues<typeof flags>, context: ToolContext): Promise<void> {
  const { n } = values;
  checkSources(values);
  if (values.topic.length === 0) throw fatal("--topic required");
  const options = clientOptions(nsqTail.name, "consumer-opt", values["consumer-opt"]);
  options.maxInFlight = n > 0 ? Math.min(n, values["max-in-flight"]) : values["max-in-flight"];
  const channel = values.channel === "" ? ephemeralChannel(context.chance) : values.channel;

  const consumers: Consumer[] = [];
  // All that the tool may end by: the stop, n messages, standard output that nobody reads.
  const ended = new Promise<void>((resolve, reject) => {
    context.stdout.on("error", (error) =>
      reject(fatal(`ERROR: failed to write to os.Stdout - ${error.message}`, error)),
    );
    for (const topic of values.topic) {
      context.log.print(`Adding consumer for topic: ${topic}`);
      const handler = printer(context.stdout, values["print-topic"] ? topic : undefined, n, resolve);
      consumers.push(new Consumer({ topic, channel, handler }, consumerContext(context, options)));
    }
  });
  const stopped = context.stopRequested.then(async () => {
    await Promise.all(consumers.map((each) => each.stop()));
  });
  ended.catch(() => undefined);
  for (const consumer of consumers) {
    const connected = consumer
      .connect(values["nsqd-tcp-address"])
      .then(() => consumer.discover(values["lookupd-http-address"]));
    await Promise.race([connected.catch((error) => Promise.reject(fatal(messageOf(error), error))), ended, stopped]);
  }
  await Promise.race([ended, stopped]);
}

function ephemeralChannel(chance: () => number): string {
  return `tail${String(Math.floor(chance() * 999_999)).padStart(6, "0")}#ephemeral`;
}

const lineFeed = Buffer.from("\n");

/** Prints a message and waits until it is out, so that a slow reader slows the consumer down. */
function printer(stdout: Writable, topic: string | undefined, total: number, onTotal: () => void) {
  const head = topic === undefined ? Buffer.alloc(0) : Buffer.from(`${topic} | `);
  let shown = 0;
  return (message: Message): Promise<void> => {
    // Behind the last one nothing is finished any more.
    if (total > 0 && shown >= total) return new Promise(() => undefined);
    shown++;
    const isLast = total > 0 && shown >= total;
    return new Promise((resolve, reject) => {
      stdout.write(Buffer.concat([head, message.body, lineFeed]), (error) => {
        if (error) reject(error);
        else if (isLast) onTotal();
        else resolve();
      });
    });
  };
}
