/**
 * The four scenarios of mqtt-bench. `base` is `--base-topic`; i counts publishers, n subscribers, both from 0.
 *
 *     scenario      publisher topic                       subscription                  each message arrives
 *     fan-in        base/group-{i mod subs}/sensor-{i}    base/group-{n}/+              once
 *     fan-out       base/{i mod topics}                   base/# by all                 at every subscriber
 *     straight-run  base/{i}                              base/{n}                      once
 *     round-robin   base/{i mod topics}                   $share/benchgroup/base/#      once, at one of the group
 */

export interface ShapeSize {
  readonly publishers: number;
  readonly subscribers: number;
  readonly topics: number;
}

export interface Shape {
  readonly summary: string;
  readonly defaults: ShapeSize;
  readonly topic: (base: string, publisher: number, size: ShapeSize) => string;
  readonly filter: (base: string, subscriber: number, size: ShapeSize) => string;
}

export const shapes = {
  "fan-in": {
    summary: "many publishers, few subscribers: each subscriber has the publishers of its group",
    defaults: { publishers: 1000, subscribers: 10, topics: 100 },
    topic: (base, publisher, { subscribers }) => `${base}/group-${publisher % subscribers}/sensor-${publisher}`,
    filter: (base, subscriber) => `${base}/group-${subscriber}/+`,
  },
  "fan-out": {
    summary: "few publishers, many subscribers: every subscriber has every message",
    defaults: { publishers: 10, subscribers: 1000, topics: 10 },
    topic: (base, publisher, { topics }) => `${base}/${publisher % topics}`,
    filter: (base) => `${base}/#`,
  },
  "straight-run": {
    summary: "pairs: each publisher has one subscriber and a topic of their own",
    defaults: { publishers: 100, subscribers: 100, topics: 100 },
    topic: (base, publisher) => `${base}/${publisher}`,
    filter: (base, subscriber) => `${base}/${subscriber}`,
  },
  "round-robin": {
    summary: "a shared subscription: each message goes to one of the group",
    defaults: { publishers: 100, subscribers: 100, topics: 10 },
    topic: (base, publisher, { topics }) => `${base}/${publisher % topics}`,
    filter: (base) => `$share/benchgroup/${base}/#`,
  },
} as const satisfies Readonly<Record<string, Shape>>;

export type ShapeName = keyof typeof shapes;
export const shapeNames = Object.keys(shapes) as readonly ShapeName[];
