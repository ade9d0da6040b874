/**
 * MPUB: several messages, one answer, appended as the region they arrived in.
 *
 * As in nsqd the topic is made, and the right to publish checked, before the body is looked at: a malformed MPUB leaves
 * the topic behind.
 */

import type { Client } from "../connection/client.ts";
import { writeMpubsAtOnceSize } from "../limits.ts";
import { pendingBytes } from "../publishing.ts";
import type { Command } from "./command.ts";
import { isSaturated, logToPublishTo, mayPublish } from "./publish.ts";

export const mpub: Command = { carryOut, beforeBody };

function beforeBody(client: Client): boolean {
  if (!mayPublish(client)) return false;
  logToPublishTo(client);
  return true;
}

function carryOut(client: Client): boolean {
  const { reader, answers, context } = client;
  const log = logToPublishTo(client);
  if (isSaturated(client, log)) return false;
  const { bytes, messagesStart, messagesEnd, messageCount } = reader;
  const token = answers.begin(reader.verb);
  try {
    if (context.broker.produceFramed(log, bytes, messagesStart, messagesEnd, messageCount, answers, token)) {
      answers.complete(token);
    }
  } catch (error) {
    answers.refuse(token, error);
    return true;
  }
  context.metrics.published.value += messageCount;
  client.published.add(log.name, messageCount);
  if (pendingBytes(log) >= writeMpubsAtOnceSize) {
    log.flush();
    client.output.flush();
  }
  return true;
}
