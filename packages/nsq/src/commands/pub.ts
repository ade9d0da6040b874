/** PUB: one message. The body is appended from the chunk it arrived in. Hot (`nsq-server.bench.ts`). */

import type { Client } from "../connection/client.ts";
import type { Command } from "./command.ts";
import { isSaturated, logToPublishTo } from "./publish.ts";

export const pub: Command = { carryOut: publishOne };

/** Publishes the command's body at once: PUB, and DPUB without a delay. */
export function publishOne(client: Client): boolean {
  const { reader, answers, context } = client;
  const log = logToPublishTo(client);
  if (isSaturated(client, log)) return false;
  const token = answers.begin(reader.verb);
  try {
    if (context.broker.produce(log, reader.bytes, reader.bodyStart, reader.bodyEnd, answers, token)) {
      answers.complete(token);
    }
  } catch (error) {
    answers.refuse(token, error);
    return true;
  }
  context.metrics.published.value++;
  client.published.add(log.name, 1);
  return true;
}
