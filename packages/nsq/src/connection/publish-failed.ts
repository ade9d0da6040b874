/** From what a log refuses with to what a publisher is told. */

import { type CodedError, isCodedError } from "@polylog/base/errors";
import { failureReasons, nsqWireErrors, type Verb, verbs } from "@polylog/nsq-wire";

/** The error frame's error for a PUB, MPUB or DPUB that failed with `cause`. */
export function publishFailed(verb: Verb, cause: unknown): CodedError {
  const reason = failureReason(cause);
  if (verb === verbs.MPUB) return nsqWireErrors.MPUB_FAILED({ reason }, cause);
  if (verb === verbs.DPUB) return nsqWireErrors.DPUB_FAILED({ reason }, cause);
  return nsqWireErrors.PUB_FAILED({ reason }, cause);
}

/** ASCII, as error frames need it. */
export function failureReason(cause: unknown): string {
  if (isCodedError(cause, "log.PARTITION_CLOSED")) return failureReasons.exiting;
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(/[^ -~]/g, "?");
}
