/** nsq_to_nsq: publishes the messages of topics on other nsqds; a message is finished once one of them has it. */

import type { GoFlagTable, GoFlagValues } from "@polylog/base/go-flags";
import { isTopicOrChannelNameString } from "@polylog/nsq-wire";
import { Consumer, type Message, Producer } from "../client/index.ts";
import { HostPool } from "./host-pool.ts";
import { filterJson } from "./json-filter.ts";
import { createStatus } from "./status-report.ts";
import {
  checkSources,
  clientOptions,
  consumerContext,
  consumerFlags,
  fatal,
  messageOf,
  producerOptFlag,
  type Tool,
  type ToolContext,
  versionFlag,
} from "./tool.ts";

const flags = {
  ...consumerFlags,
  version: versionFlag,
  channel: { type: "string", default: "nsq_to_nsq", usage: "nsq channel" },
  "destination-nsqd-tcp-address": {
    type: "strings",
    usage: "destination nsqd TCP address (may be given multiple times)",
  },
  "destination-topic": {
    type: "string",
    default: "",
    usage: "use this destination topic for all consumed topics (default is consumed topic name)",
  },
  mode: {
    type: "string",
    default: "hostpool",
    usage: "the upstream request mode options: round-robin, hostpool (default), epsilon-greedy",
  },
  "producer-opt": producerOptFlag,
  "require-json-field": {
    type: "string",
    default: "",
    usage: "for JSON messages: only pass messages that contain this field",
  },
  "require-json-value": {
    type: "string",
    default: "",
    usage: "for JSON messages: only pass messages in which the required field has this value",
  },
  "status-every": {
    type: "int",
    default: 250,
    usage: "the # of requests between logging status (per destination), 0 disables",
  },
  topic: { type: "strings", usage: "nsq topic (may be given multiple times)" },
  "whitelist-json-field": {
    type: "strings",
    usage: "for JSON messages: pass this field (may be given multiple times)",
  },
} as const satisfies GoFlagTable;

type Values = GoFlagValues<typeof flags>;

export const nsqToNsq: Tool<typeof flags> = {
  name: "nsq_to_nsq",
  summary: "Publishes the messages of topics on other nsqds, filtered by their JSON if wanted.",
  flags,
  run,
};

async function run(values: Values, context: ToolContext): Promise<void> {
  check(values);
  const consumerOptions = clientOptions(nsqToNsq.name, "consumer-opt", values["consumer-opt"]);
  consumerOptions.maxInFlight = values["max-in-flight"];
  const producerOptions = clientOptions(nsqToNsq.name, "producer-opt", values["producer-opt"]);
  const { clock, dialer } = context;
  const destinations = values["destination-nsqd-tcp-address"];
  const channel = values.channel;
  try {
    const producers = new Map(
      destinations.map((each) => [each, new Producer(each, { clock, dialer, options: producerOptions })]),
    );
    const handle = createHandler(values, producers, context);
    const consumers = [...new Set(values.topic)].map((topic) => {
      const destination = values["destination-topic"] === "" ? topic : values["destination-topic"];
      const handler = (message: Message) => handle(message, destination);
      return new Consumer({ topic, channel, handler }, consumerContext(context, consumerOptions));
    });
    const connected = (async () => {
      for (const consumer of consumers) await consumer.connect(values["nsqd-tcp-address"]);
      for (const consumer of consumers) await consumer.discover(values["lookupd-http-address"]);
    })();
    await Promise.race([connected, context.stopRequested]);
    await context.stopRequested;
    connected.catch(() => undefined);
    await Promise.all(consumers.map((each) => each.stop()));
    await Promise.all([...producers.values()].map((each) => each.stop()));
  } catch (error) {
    throw fatal(messageOf(error), error);
  }
}

/** In nsq_to_nsq's own order. */
function check(values: Values): void {
  const destinationTopic = values["destination-topic"];
  if (values.topic.length === 0 || values.channel === "") throw fatal("--topic and --channel are required");
  if (!values.topic.every(isTopicOrChannelNameString)) throw fatal("--topic is invalid");
  if (destinationTopic !== "" && !isTopicOrChannelNameString(destinationTopic))
    throw fatal("--destination-topic is invalid");
  if (!isTopicOrChannelNameString(values.channel)) throw fatal("--channel is invalid");
  checkSources(values);
  if (values["destination-nsqd-tcp-address"].length === 0) throw fatal("--destination-nsqd-tcp-address required");
}

type Destination = Pick<Producer, "publish">;
type FilterFlags = "mode" | "status-every" | "require-json-field" | "require-json-value" | "whitelist-json-field";

/** Publishing goes on after the handler has returned: what bounds it is max-in-flight. */
export function createHandler(
  values: Pick<Values, FilterFlags>,
  producers: ReadonlyMap<string, Destination>,
  { clock, chance, log }: Pick<ToolContext, "clock" | "chance" | "log">,
): (message: Message, topic: string) => void {
  const addresses = [...producers.keys()];
  const status = createStatus(addresses, values["status-every"], clock, log.print);
  const choose = createChooser(addresses, values.mode, { clock, chance });
  const filter = {
    requireField: values["require-json-field"],
    requireValue: values["require-json-value"],
    whitelist: values["whitelist-json-field"],
  };
  return (message, topic) => {
    const filtered = filterJson(filter, message.body);
    if ("dropped" in filtered) {
      if (filtered.dropped !== undefined) log.print(filtered.dropped);
      return;
    }
    if ("requeue" in filtered) {
      log.print(filtered.requeue);
      throw new Error("backoff");
    }
    const startedMs = clock.monotonicMs();
    const { address, mark } = choose();
    message.answerLater();
    const done = (success: boolean) => {
      mark(success);
      if (success) message.finish();
      else message.requeue();
      status.delivered(address, startedMs);
      status.finished(startedMs);
    };
    void producers
      .get(address)!
      .publish(topic, filtered.pass)
      .then(
        () => done(true),
        (error: unknown) => {
          log.print(`ERROR: ${messageOf(error)}`);
          done(false);
        },
      );
  };
}

interface Chosen {
  readonly address: string;
  mark(success: boolean): void;
}

/** An unknown mode is round-robin, as in NSQ. */
function createChooser(
  addresses: readonly string[],
  mode: string,
  { clock, chance }: Pick<ToolContext, "clock" | "chance">,
): () => Chosen {
  if (mode === "hostpool" || mode === "epsilon-greedy") {
    const pool = new HostPool(addresses, { clock, chance, greedy: mode === "epsilon-greedy" });
    return () => pool.choose();
  }
  let counter = 0;
  return () => ({ address: addresses[++counter % addresses.length]!, mark: () => undefined });
}
