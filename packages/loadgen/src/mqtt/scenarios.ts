/**
 * Every scenario that `run` knows by name: the four of mqtt-bench, see `shapes.ts`, and
 *
 *     connect            clients that connect, stay for the measured time and send nothing: how fast, and do they stay
 *     reconnect          straight-run, with all connections cut at once every `--cut-every`: how fast they are back
 *     request-response   requester i publishes to base/request/{i}; responder n has base/request/{n}, and sends what comes
 *                        on to base/response/{i}, where requester i waits: latency is of the whole way
 *     backlog            straight-run at QoS 1 or 2 whose subscribers have sessions that stay: they subscribe, leave, and come
 *                        back when all is published; how fast is what waited delivered
 *     retained           each publisher leaves retained messages on base/{i}; then subscribers come to base/#: how fast is the
 *                        last of each topic there
 */

import type { BenchPlan } from "./plan.ts";
import { planOfShape, type ShapeLoad } from "./shape-plan.ts";
import { type ShapeSize, shapeNames, shapes } from "./shapes.ts";

export interface Scenario {
  readonly summary: string;
  readonly defaults: ShapeSize;
  /** As many subscribers and topics as publishers, when they are not given. */
  readonly isPaired: boolean;
  readonly plan: (load: ShapeLoad) => BenchPlan;
}

export type ScenarioName = keyof typeof shapes | "connect" | "reconnect" | "request-response" | "backlog" | "retained";

const ofShapes = Object.fromEntries(
  shapeNames.map((name): [string, Scenario] => {
    const { summary, defaults } = shapes[name];
    return [name, { summary, defaults, isPaired: name === "straight-run", plan: (load) => planOfShape(name, load) }];
  }),
) as Readonly<Record<keyof typeof shapes, Scenario>>;

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  ...ofShapes,
  connect: {
    summary: "clients connect, stay and send nothing; --publishers says how many",
    defaults: { publishers: 1000, subscribers: 0, topics: 1 },
    isPaired: false,
    plan: planOfConnect,
  },
  reconnect: {
    summary: "straight-run with all connections cut at once, every --cut-every",
    defaults: { publishers: 100, subscribers: 100, topics: 100 },
    isPaired: true,
    plan: (load) => ({ ...planOfShape("straight-run", load), name: "reconnect", cutEveryNs: load.cutEveryNs }),
  },
  "request-response": {
    summary: "requests that responders answer on another topic; latency is of both ways",
    defaults: { publishers: 100, subscribers: 100, topics: 100 },
    isPaired: true,
    plan: planOfRequests,
  },
  backlog: {
    summary: "straight-run whose subscribers are away and come back when all is published; at QoS 1 or 2",
    defaults: { publishers: 10, subscribers: 10, topics: 10 },
    isPaired: true,
    plan: (load) => {
      const qos = load.qos === 0 ? 1 : load.qos; // Nothing waits at QoS 0.
      return { ...planOfShape("straight-run", { ...load, qos }), name: "backlog", presence: "backlog" };
    },
  },
  retained: {
    summary: "publishers leave a retained message each, then subscribers come for all of them",
    defaults: { publishers: 1000, subscribers: 10, topics: 1000 },
    isPaired: false,
    plan: planOfRetained,
  },
};

export const scenarioNames = Object.keys(scenarios) as readonly ScenarioName[];

function planOfConnect(load: ShapeLoad): BenchPlan {
  const plan = planOfShape("straight-run", { ...load, rate: 1, stages: [], warmupNs: 0 });
  const flows = plan.flows.map((flow) => ({ ...flow, isIdle: true }));
  return { ...plan, name: "connect", flows, subscriptions: [], durationNs: load.durationNs };
}

function planOfRetained(load: ShapeLoad): BenchPlan {
  const size = { ...load.size, topics: load.size.publishers };
  const plan = planOfShape("fan-out", { ...load, size, retain: true, warmupNs: 0 });
  return { ...plan, name: "retained", presence: "retained" };
}

function planOfRequests(load: ShapeLoad): BenchPlan {
  const { baseTopic, clientPrefix, qos } = load;
  const pairs = load.size.publishers;
  const shape = planOfShape("straight-run", { ...load, baseTopic: `${baseTopic}/request` });
  const echoTopic = `${baseTopic}/response`;
  const responders = Array.from({ length: pairs }, (_, index) => ({
    index,
    clientIdentifier: `${clientPrefix}-responder-${index}`,
    filter: `${baseTopic}/request/${index}`,
    qos,
    echoTopic,
  }));
  const requesters = Array.from({ length: pairs }, (_, place) => ({
    index: pairs + place,
    clientIdentifier: `${clientPrefix}-sub-${place}`,
    filter: `${echoTopic}/${place}`,
    qos,
    senders: [place],
  }));
  return { ...shape, name: "request-response", subscriptions: [...responders, ...requesters] };
}
