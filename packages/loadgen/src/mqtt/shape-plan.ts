/** From one of the four scenarios and its numbers to a plan. */

import type { QoS } from "@polylog/mqtt-wire";
import type { Stage } from "../measure/schedule.ts";
import { stampSize } from "../measure/stamp.ts";
import type { BenchPlan, PublisherPlan } from "./plan.ts";
import { type Shape, type ShapeName, type ShapeSize, shapes } from "./shapes.ts";

export interface ShapeLoad {
  readonly size: ShapeSize;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Of one publisher, as `FlowPlan` has it. */
  readonly rate: number;
  readonly stages: readonly Stage[];
  readonly payload: PayloadPlan;
  readonly clientPrefix: string;
  readonly baseTopic: string;
  readonly warmupNs: number;
  readonly durationNs: number;
  /** Of `reconnect`: how often all connections are cut. */
  readonly cutEveryNs: number;
}

/** `size` bytes in all, or a text behind the stamp. */
export type PayloadPlan =
  | { readonly size: number; readonly filling: Uint8Array }
  | { readonly content: Uint8Array }
  /** `{client}`, `{topic}` and `{i}` stand for the publisher's. */
  | { readonly template: string };

export function planOfShape(name: ShapeName, load: ShapeLoad): BenchPlan {
  const { size, qos, retain, rate, stages, payload, clientPrefix, baseTopic } = load;
  const shape: Shape = shapes[name];
  const publishers = Array.from({ length: size.publishers }, (_, index) => ({
    sender: index,
    place: index,
    clientIdentifier: `${clientPrefix}-pub-${index}`,
    topic: shape.topic(baseTopic, index, size),
  }));
  const subscriptions = Array.from({ length: size.subscribers }, (_, index) => ({
    index,
    clientIdentifier: `${clientPrefix}-sub-${index}`,
    filter: shape.filter(baseTopic, index, size),
    qos,
  }));
  const payloads = payloadsOf(payload, publishers);
  const flow = { name, qos, retain, rate, stages, payloads, publishers };
  const durationNs = stages.length === 0 ? load.durationNs : stages.reduce((sum, stage) => sum + stage.durationNs, 0);
  // What is too short for a stamp does not say whether it was due in the warm-up: there can be none.
  const isStamped = payloads.every(isStampedPayload);
  return { name, flows: [flow], subscriptions, warmupNs: isStamped ? load.warmupNs : 0, durationNs };
}

/** One payload for all publishers, or one for each. */
export function payloadsOf(payload: PayloadPlan, publishers: readonly PublisherPlan[]): readonly Uint8Array[] {
  if (!("template" in payload)) return [payloadOf(payload)];
  return publishers.map(({ clientIdentifier, topic, place }) =>
    stamped(Buffer.from(fillTemplate(payload.template, { client: clientIdentifier, topic, i: `${place}` }))),
  );
}

export function isStampedPayload({ length }: Uint8Array): boolean {
  return length >= stampSize;
}

function payloadOf(payload: Exclude<PayloadPlan, { template: string }>): Uint8Array {
  if ("content" in payload) return stamped(payload.content);
  const bytes = new Uint8Array(payload.size);
  for (let at = 0; at < bytes.length; at += payload.filling.length) {
    bytes.set(payload.filling.subarray(0, bytes.length - at), at);
  }
  return bytes;
}

function stamped(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(stampSize + content.length);
  bytes.set(content, stampSize);
  return bytes;
}

function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
