/**
 * What FIN, REQ and TOUCH share: the message's id, and the failure that leaves the connection open.
 *
 * A client whose messages timed out sends FINs that fail by the thousand, so a failure costs a copy of a frame made
 * beforehand and no error object.
 */

import type { PolylogError } from "@polylog/base/errors";
import {
  errorFrame,
  failureReasons,
  type MessageId,
  messageIdSize,
  nsqWireErrors,
  readMessageId,
  type Verb,
  verbs,
} from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import { countError } from "../nsq-metrics.ts";

/** Where `readId` puts its result; valid until its next call. */
export const messageId: MessageId = { partition: 0, offset: 0 };

/** False when the 16 bytes at `idStart` are no id of ours: nothing can be in flight under it. */
export function readId(client: Client, idStart: number): boolean {
  return readMessageId(client.reader.bytes, idStart, messageId);
}

type Failure = "notInFlight" | "notOwner";

/** The frame of one verb's failure, but for the id at `idAt`. */
interface FailureFrame {
  readonly error: PolylogError;
  readonly frame: Buffer;
  readonly idAt: number;
}

const anyId = "0".repeat(messageIdSize);

const failures: ReadonlyMap<Verb, Readonly<Record<Failure, FailureFrame>>> = new Map([
  [verbs.FIN, framesOf(nsqWireErrors.FIN_FAILED)],
  [verbs.REQ, framesOf(nsqWireErrors.REQ_FAILED)],
  [verbs.TOUCH, framesOf(nsqWireErrors.TOUCH_FAILED)],
]);

/** Answers FIN, REQ or TOUCH with its error, the id at `idStart` as it was sent. */
export function answerFailure(client: Client, verb: Verb, failure: Failure, idStart: number): void {
  const { error, frame, idAt } = failures.get(verb)![failure];
  countError(client.context.metrics, error);
  const answer = Buffer.from(frame);
  client.reader.bytes.copy(answer, idAt, idStart, idStart + messageIdSize);
  client.answers.answer(verb, answer);
}

function framesOf(failed: (details: { id: string; reason: string }) => PolylogError): Record<Failure, FailureFrame> {
  const frameOf = (reason: string): FailureFrame => {
    const error = failed({ id: anyId, reason });
    const frame = errorFrame(error)!;
    return { error, frame, idAt: frame.indexOf(anyId) };
  };
  return { notInFlight: frameOf(failureReasons.notInFlight), notOwner: frameOf(failureReasons.notOwner) };
}
