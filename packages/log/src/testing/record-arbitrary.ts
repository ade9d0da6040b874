/** Random records for property tests. */

import fc from "fast-check";
import type { RecordFields } from "../rich-record.ts";
import type { ReadRecord } from "./partition-rig.ts";

const someBytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

/** Small mostly, large enough at times to leave the first slabs. */
export const valueArbitrary = fc.oneof(
  { weight: 8, arbitrary: someBytes(60) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 40_000 }).map((size) => Buffer.alloc(size, size)) },
);

const richArbitrary: fc.Arbitrary<RecordFields> = fc.record(
  {
    value: valueArbitrary,
    key: someBytes(300),
    topic: someBytes(20),
    headers: fc.array(fc.tuple(fc.string({ maxLength: 5, unit: "grapheme" }), someBytes(9)), { maxLength: 3 }),
    notBeforeMs: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    expiresMs: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  },
  { requiredKeys: ["value"] },
);

/** One append: through `append`, `appendValue`, `appendTopicValue` or `appendFramed`; or the end of a turn. */
export type AppendStep =
  | { readonly type: "record"; readonly fields: RecordFields }
  | { readonly type: "value"; readonly value: Buffer }
  | { readonly type: "topic"; readonly topic: Buffer; readonly value: Buffer }
  | { readonly type: "framed"; readonly values: readonly Buffer[] }
  | { readonly type: "turn"; readonly ms: number };

export const stepArbitrary: fc.Arbitrary<AppendStep> = fc.oneof(
  fc.record({ type: fc.constant("record" as const), fields: richArbitrary }),
  fc.record({ type: fc.constant("value" as const), value: valueArbitrary }),
  fc.record({ type: fc.constant("topic" as const), topic: someBytes(30), value: valueArbitrary }),
  fc.record({ type: fc.constant("framed" as const), values: fc.array(valueArbitrary, { minLength: 1, maxLength: 9 }) }),
  fc.record({ type: fc.constant("turn" as const), ms: fc.nat(3) }),
);

export function frame(values: readonly Buffer[]): Buffer {
  const parts = values.flatMap((value) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(value.length);
    return [size, value];
  });
  return Buffer.concat(parts);
}

/** The records that a step appends, as they are to be read again; `offset` and `timestampMs` are left to the caller. */
export function expectedRecords(step: AppendStep): Omit<ReadRecord, "offset" | "timestampMs">[] {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
  const plain = { notBeforeMs: 0, expiresMs: 0, key: undefined, topic: undefined, headers: [] };
  if (step.type === "turn") return [];
  if (step.type === "value") return [{ ...plain, value: text(step.value) }];
  if (step.type === "topic") return [{ ...plain, topic: text(step.topic), value: text(step.value) }];
  if (step.type === "framed") return step.values.map((value) => ({ ...plain, value: text(value) }));
  const { key, topic, headers, notBeforeMs, expiresMs, value } = step.fields;
  return [
    {
      notBeforeMs: notBeforeMs ?? 0,
      expiresMs: expiresMs ?? 0,
      key: key && text(key),
      topic: topic && text(topic),
      headers: (headers ?? []).map(([name, each]) => [name, text(each)] as const),
      value: text(value),
    },
  ];
}
