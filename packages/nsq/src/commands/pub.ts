/**
 * PUB: one message. It is appended from the chunk it arrived in, together with the PUBs behind it that came in the same
 * chunk for the same topic: one append, one place among the answers, one run of OKs. Each is answered, and only when the
 * log has it. A long run is written and answered before the next chunk is read. Hot (`nsq-server.bench.ts`).
 */

import type { BrokerLog } from "@polylog/broker";
import type { Client } from "../connection/client.ts";
import { writeAtOnceSize } from "../limits.ts";
import { leastRoom } from "../publishing.ts";
import type { Command } from "./command.ts";
import { isSaturated, logToPublishTo, mayPublish } from "./publish.ts";

export const pub: Command = { carryOut: publishRun };

/** Publishes the command's body at once, and those of the commands behind it that are alike: PUB, and DPUB without a delay. */
export function publishRun(client: Client): boolean {
  const { reader, answers, context } = client;
  if (!mayPublish(client)) return false;
  const log = logToPublishTo(client);
  if (isSaturated(client, log)) return false;
  const { verb } = reader;
  const count = reader.readRun(leastRoom(log));
  context.metrics.commands[verb]!.value += count - 1; // The first one is counted already.
  const token = answers.begin(verb, count);
  try {
    if (produce(client, log, count, token)) answers.complete(token);
  } catch (error) {
    answers.refuse(token, error);
    return true;
  }
  context.metrics.published.value += count;
  client.published.add(log.name, count);
  if (reader.bodyEnd - reader.bodyStart >= writeAtOnceSize) {
    log.flush();
    client.output.flush();
  }
  return true;
}

function produce({ context, reader, answers }: Client, log: BrokerLog, count: number, token: number): boolean {
  const { bytes, framesStart, frameGap, bodyStart, bodyEnd } = reader;
  if (count === 1) return context.broker.produce(log, bytes, bodyStart, bodyEnd, answers, token);
  return context.broker.produceFramed(log, bytes, framesStart, bodyEnd, count, answers, token, frameGap);
}
