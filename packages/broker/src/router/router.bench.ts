/**
 * What the router costs per message and per subscription: looking a topic up, resolving one not seen before, bringing a
 * route up to date while others subscribe, memory. Rates are the best of several rounds, latencies the median of single
 * calls. 100,000 filters, half of them with wildcards; 10 subscribers each.
 *
 *     node packages/broker/dist/router/router.bench.js [--smoke]
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Router } from "./router.ts";

type BenchRouter = Router<object, object>;

const subscribersPerFilter = 10;

/** The i-th of a site's devices: its topic, and the filter that a reader of it would use. */
const deviceOf = (i: number): string => `plant/${i % 100}/line/${i % 1000}/device-${i}`;
const filterOf = (i: number): string => (i % 2 === 0 ? `${deviceOf(i)}/temperature` : `${deviceOf(i)}/+`);
const topicOf = (i: number): Buffer => Buffer.from(`${deviceOf(i)}/temperature`);

function filledRouter(router: BenchRouter, filters: number, subscribers: readonly object[]): BenchRouter {
  for (let i = 0; i < filters; i++) {
    const filter = filterOf(i);
    for (let s = 0; s < subscribersPerFilter; s++) {
      const subscriber = subscribers[(i * subscribersPerFilter + s) % subscribers.length]!;
      router.subscribe(filter, subscriber, subscriber);
    }
  }
  router.subscribe("plant/+/line/+/+/temperature", subscribers[0]!, subscribers[0]!);
  router.subscribe("plant/7/#", subscribers[1]!, subscribers[1]!);
  return router;
}

function reportRate(name: string, count: number, rounds: number, run: (i: number) => unknown): void {
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    for (let i = 0; i < count; i++) run(i);
    best = Math.max(best, count / (performance.now() - startedMs) / 1000);
  }
  process.stdout.write(`${name.padEnd(48)} ${best.toFixed(2).padStart(8)} M/s\n`);
}

function reportMedian(name: string, count: number, run: (i: number) => unknown): void {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    run(i);
    times[i] = (performance.now() - startedMs) * 1000;
  }
  times.sort();
  const [p50, p99] = [times[count >> 1]!, times[Math.floor(count * 0.99)]!];
  process.stdout.write(`${name.padEnd(48)} ${p50.toFixed(2).padStart(8)} µs median, ${p99.toFixed(2)} µs p99\n`);
}

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed: used, external } = process.memoryUsage();
  return used + external;
}

function main(args: readonly string[]): void {
  const smoke = args.includes("--smoke");
  const filters = smoke ? 1_000 : 100_000;
  const rounds = smoke ? 1 : 5;
  const subscribers = Array.from({ length: filters / 10 }, (_, id) => ({ id }));
  const before = heapUsed();
  const startedMs = performance.now();
  const router = filledRouter(new Router(), filters, subscribers);
  const tookMs = performance.now() - startedMs;
  const size = heapUsed() - before;
  const { subscriptionCount, filterCount } = router;
  process.stdout.write(`${subscriptionCount} subscriptions on ${filterCount} filters: `);
  process.stdout.write(`${(size / 1e6).toFixed(1)} MB, ${(size / subscriptionCount).toFixed(0)} bytes each\n`);
  process.stdout.write(`${"subscribe".padEnd(48)} ${(subscriptionCount / tookMs / 1000).toFixed(2).padStart(8)} M/s\n`);

  const hot = Array.from({ length: 1000 }, (_, i) => topicOf(i * 7));
  const all = Array.from({ length: filters }, (_, i) => topicOf(i));
  const exact = all.filter((_, i) => i % 2 === 0);
  const wildcard = all.filter((_, i) => i % 2 === 1);
  const look = (topics: readonly Buffer[], on: BenchRouter) => (i: number) => {
    const topic = topics[i % topics.length]!;
    return on.lookup(topic, 0, topic.length) ?? on.resolve(topic, 0, topic.length);
  };
  const lookAtHot = look(hot, router);
  reportRate("lookup, 1,000 topics in the cache", smoke ? 2_000 : 2_000_000, rounds, lookAtHot);
  const uncached = filledRouter(new Router({ routesMax: 1 }), filters, subscribers);
  reportRate("resolve, exact and wildcard filters match", exact.length, rounds, look(exact, uncached));
  reportMedian("resolve, only wildcard filters match", wildcard.length, look(wildcard, uncached));
  reportMedian("resolve, nothing matches", wildcard.length, (i) => uncached.resolveName(`other/${i}/topic`));
  const churning = subscribers[0]!;
  reportRate("lookup, while 1 in 50 calls subscribes", smoke ? 2_000 : 500_000, rounds, (i) => {
    if (i % 50 === 0) router.subscribe(`site/${i}/+`, churning, churning);
    lookAtHot(i);
  });
  reportRate("subscribe and unsubscribe, cache in use", filters, rounds, (i) => {
    router.subscribe(`new/${i}/+`, churning, churning);
    router.unsubscribe(`new/${i}/+`, churning);
  });
}

main(process.argv.slice(2));
