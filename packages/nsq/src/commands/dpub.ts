/** DPUB: one message that channels deliver only after a time. The time is kept with the record, so it survives a restart. */

import { decodeDpub } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import { produceFields } from "../publishing.ts";
import type { Command } from "./command.ts";
import { publishRun } from "./pub.ts";
import { isSaturated, logToPublishTo, mayPublish } from "./publish.ts";

export const dpub: Command = { carryOut };

function carryOut(client: Client): boolean {
  const { reader, answers, context } = client;
  const deferMs = decodeDpub(reader, context.limits);
  if (deferMs === 0) return publishRun(client);
  if (!mayPublish(client)) return false;
  const log = logToPublishTo(client);
  if (isSaturated(client, log)) return false;
  const token = answers.begin(reader.verb);
  try {
    const value = { value: reader.bytes, valueStart: reader.bodyStart, valueEnd: reader.bodyEnd };
    const notBeforeMs = context.clock.nowMs() + deferMs;
    if (produceFields(context.broker, log, { ...value, notBeforeMs }, answers, token)) answers.complete(token);
  } catch (error) {
    answers.refuse(token, error);
    return true;
  }
  context.metrics.published.value++;
  client.published.add(log.name, 1);
  return true;
}
