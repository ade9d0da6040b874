/** What FIN, REQ and TOUCH share: the message's id, and the failure that leaves the connection open. */

import type { PolylogError } from "@polylog/base/errors";
import { failureReasons, type MessageId, messageIdSize, readMessageId, type Verb } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import { countError } from "../nsq-metrics.ts";

/** Where `readId` puts its result; valid until its next call. */
export const messageId: MessageId = { partition: 0, offset: 0 };

/** False when the 16 bytes at `idStart` are no id of ours: nothing can be in flight under it. */
export function readId(client: Client, idStart: number): boolean {
  return readMessageId(client.reader.bytes, idStart, messageId);
}

/** Answers with the non-fatal error of the verb, the id as it was sent. */
export function answerFailure(
  client: Client,
  verb: Verb,
  failed: (details: { id: string; reason: string }) => PolylogError,
  answer: "notInFlight" | "notOwner",
  idStart: number,
): void {
  const id = client.reader.bytes.toString("latin1", idStart, idStart + messageIdSize);
  const error = failed({ id, reason: failureReasons[answer] });
  countError(client.context.metrics, error);
  client.answers.fail(verb, error);
}
