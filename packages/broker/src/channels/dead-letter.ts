/**
 * A dead letter: a record that a channel delivered as often as it may without a FIN, as it is appended to the log of dead
 * letters. Key, value and MQTT topic are the record's own; so are its headers, and after them come, as text:
 *
 *     polylog-dead-log, -channel, -partition, -offset     where it was
 *     polylog-dead-attempts                               how often it was delivered
 *     polylog-dead-reason                                 how the last delivery ended, a name of `deadReasons`
 *     polylog-dead-time                                   when it was given up, ms since 1970
 *
 * Before them, where whoever refused it said why:
 *
 *     polylog-dead-detail                                 in its own words
 *     polylog-dead-cut                                    bytes of the value, where only its beginning is kept
 *
 * A record that is refused and, with these headers, is more than a record may be, is kept without its own headers and with the
 * beginning of its value, and of its key.
 *
 * A replayed record is the same without these headers and with `polylog-replayed-from`: log/partition/offset of the dead
 * letter. The time before which a record was not to be delivered has passed and is not kept.
 */

import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { type DurabilityWaiter, decodeHeaders, isLogName, type RecordCursor, type RecordFields } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import { deadValueCutSize } from "../limits.ts";
import type { DeadReason } from "./unfinished-page.ts";

type Header = readonly [name: string, value: Uint8Array];

const ephemeralSuffix = "#ephemeral";
const headerNames = ["log", "channel", "partition", "offset", "attempts", "reason", "time"].map(
  (name) => `polylog-dead-${name}`,
);

export interface DeadLetterOrigin {
  readonly log: string;
  readonly channel: string;
  readonly partition: number;
  readonly offset: number;
  readonly attempts: number;
  /** `refused`: by who works off the channel, who appends the dead letter itself. */
  readonly reason: DeadReason | "refused";
  readonly timeMs: number;
}

/**
 * `<log>.dead`, or `<name>.dead#ephemeral` for an ephemeral log, whose dead letters live in memory too. Throws
 * DEAD_LETTER_NAME when that is no log name, because it is too long: logs of up to 59 characters have dead letters.
 */
export function deadLetterLogName(log: string): string {
  const isEphemeral = log.endsWith(ephemeralSuffix);
  const name = isEphemeral ? `${log.slice(0, -ephemeralSuffix.length)}.dead${ephemeralSuffix}` : `${log}.dead`;
  if (!isLogName(name)) throw brokerErrors.DEAD_LETTER_NAME({ log, name });
  return name;
}

/** What is appended for the record that `record` stands on; its bytes are lent until the append. */
export function deadLetterFields(record: RecordCursor, origin: DeadLetterOrigin, detail?: string): RecordFields {
  const details: Header[] = detail === undefined ? [] : [["polylog-dead-detail", Buffer.from(detail)]];
  return fieldsWith(record, [...decodeHeaders(record), ...details, ...originHeaders(origin)]);
}

/**
 * Appends a refused record, or only its beginning where it cannot take the headers of a dead letter. `append`: as
 * `DeadLetterLog.append`. Resolves at the level of the log.
 */
export async function appendRefused(
  append: (fields: RecordFields, waiter: DurabilityWaiter) => boolean,
  record: RecordCursor,
  origin: DeadLetterOrigin,
  detail: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onDurable = (_token: number, error: PolylogError | undefined) =>
      error === undefined ? resolve() : reject(error);
    let isDurable: boolean;
    try {
      isDurable = append(deadLetterFields(record, origin, detail), { onDurable });
    } catch (error) {
      const isTooMuch = isCodedError(error, "log.RECORD_TOO_LARGE") || isCodedError(error, "log.RECORD_INVALID");
      if (!isTooMuch) throw error;
      isDurable = append(cutFields(record, origin, detail), { onDurable });
    }
    if (isDurable) resolve();
  });
}

function cutFields(record: RecordCursor, origin: DeadLetterOrigin, detail: string): RecordFields {
  const { keyStart, bytes, valueStart, valueEnd } = record;
  const size = valueEnd - valueStart;
  const headers: Header[] = [
    ["polylog-dead-detail", Buffer.from(detail)],
    ["polylog-dead-cut", Buffer.from(String(size))],
    ...originHeaders(origin),
  ];
  const { key, ...fields } = fieldsWith(record, headers);
  return {
    ...fields,
    valueEnd: valueStart + Math.min(size, deadValueCutSize),
    ...(key !== undefined && { key: bytes.subarray(keyStart, keyStart + Math.min(key.length, deadValueCutSize)) }),
  };
}

function originHeaders({ log, channel, partition, offset, attempts, reason, timeMs }: DeadLetterOrigin): Header[] {
  const values = [log, channel, partition, offset, attempts, reason, timeMs];
  return headerNames.map((name, index) => [name, Buffer.from(String(values[index]))]);
}

/** What is appended when the dead letter that `record` stands on is replayed. */
export function replayFields(record: RecordCursor, log: string, partition: number): RecordFields {
  const headers: Header[] = decodeHeaders(record);
  const tail = headers.slice(-headerNames.length);
  if (tail.length === headerNames.length && tail.every(([name], index) => name === headerNames[index]))
    headers.length -= headerNames.length;
  headers.push(["polylog-replayed-from", Buffer.from(`${log}/${partition}/${record.offset}`)]);
  return fieldsWith(record, headers);
}

/** The partition that a dead letter came from, or undefined when it does not say. */
export function originPartition(record: RecordCursor): number | undefined {
  const header = decodeHeaders(record).findLast(([name]) => name === "polylog-dead-partition");
  const partition = Number(header?.[1].toString("latin1") ?? Number.NaN);
  return Number.isSafeInteger(partition) ? partition : undefined;
}

function fieldsWith(record: RecordCursor, headers: readonly Header[]): RecordFields {
  const { bytes, keyStart, keyEnd, topicStart, topicEnd, valueStart, valueEnd } = record;
  return {
    value: bytes,
    valueStart,
    valueEnd,
    headers,
    ...(keyStart >= 0 && { key: bytes.subarray(keyStart, keyEnd) }),
    ...(topicStart >= 0 && { topic: bytes.subarray(topicStart, topicEnd) }),
  };
}
