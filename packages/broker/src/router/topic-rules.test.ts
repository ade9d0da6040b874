import assert from "node:assert/strict";
import { test } from "node:test";
import { RetainedIndex } from "./retained-index.ts";
import { Router } from "./router.ts";
import { filterMatchesTopic } from "./topic-rules.ts";

/** A filter, topics it matches, topics it does not; separated by spaces. */
const rows: readonly (readonly [clause: string, filter: string, matched: string, others: string])[] = [
  ["MQTT-4.7.1-1", "#", "a a/b / /a a/ sport/tennis/player1", "$SYS $SYS/a $ $/a"],
  ["MQTT-4.7.1-1", "sport/#", "sport sport/ sport/tennis sport//a sport/a/b/c", "sports sport1/a Sport /sport a/sport"],
  ["MQTT-4.7.1-1", "sport/tennis/#", "sport/tennis sport/tennis/player1/ranking", "sport sport/golf sport/tenni"],
  ["MQTT-4.7.1-1", "/#", "/ /a //", "a a/ $/"],
  ["MQTT-4.7.1-1", "a//#", "a/ a// a//b", "a a/b a/b/"],
  ["MQTT-4.7.1-2", "+", "a sport tennis", "a/b /a a/ / $a $SYS"],
  ["MQTT-4.7.1-2", "sport/+", "sport/ sport/tennis", "sport sport/tennis/player1 sports/a"],
  ["MQTT-4.7.1-2", "+/+", "/finance a/b / a/", "a /a/b finance $a/b"],
  ["MQTT-4.7.1-2", "/+", "/finance / /$a", "finance /a/b a/b //"],
  ["MQTT-4.7.1-2", "+/tennis/#", "a/tennis a/tennis/b /tennis", "tennis a/b/tennis $a/tennis"],
  [
    "MQTT-4.7.1-2",
    "sport/+/player1",
    "sport/tennis/player1 sport//player1",
    "sport/player1 sport/a/b/player1 sport/a/player",
  ],
  ["MQTT-4.7.1-2", "+/+/+", "a/b/c // a//c", "a/b a/b/c/d / $x/b/c"],
  ["MQTT-4.7.1-2", "a/+/+/#", "a/b/c a// a/b/c/d", "a a/b b/c/d"],
  ["MQTT-4.7.2-1", "$SYS/#", "$SYS $SYS/a $SYS/a/b", "a SYS/a $SYSx $sys/a"],
  ["MQTT-4.7.2-1", "$SYS/+", "$SYS/a $SYS/", "$SYS $SYS/a/b"],
  ["MQTT-4.7.2-1", "$SYS/monitor/+", "$SYS/monitor/Clients", "$SYS/monitor $SYS/other/Clients"],
  ["MQTT-4.7.2-1", "+/monitor/Clients", "a/monitor/Clients", "$SYS/monitor/Clients"],
  ["MQTT-4.7.2-1", "a/+/#", "a/$b a/$b/c", "a $b/c"],
  ["MQTT-4.7.3-4", "/a", "/a", "a a/ //a /A"],
  ["MQTT-4.7.3-4", "a/", "a/", "a /a a// A/"],
  ["MQTT-4.7.3-4", "a//b", "a//b", "a/b a/ a///b"],
  ["MQTT-4.7.3-4", "ACCOUNTS", "ACCOUNTS", "Accounts accounts"],
  ["MQTT-4.7.3-4", "caf\u00e9/+", "caf\u00e9/a", "cafe\u0301/a cafe/a"],
  ["MQTT-1.5.4-3", "\ufeffa", "\ufeffa", "a \ufeff"],
];

function routes(filter: string, topic: string): boolean {
  const router = new Router<string, string>();
  router.subscribe(filter, {}, filter);
  return router.resolveName(topic).subscriptions.length === 1;
}

function captures(filter: string, topic: string): boolean {
  const router = new Router<string, string>();
  router.addCapture(filter, filter);
  const bytes = Buffer.from(`<${topic}>`);
  return router.resolve(bytes, 1, bytes.length - 1).captures.length === 1;
}

function finds(filter: string, topic: string): boolean {
  const index = new RetainedIndex<object>();
  index.set(topic, {});
  return [...index.match(filter)].length === 1;
}

for (const [clause, filter, matched, others] of rows) {
  test(`${clause} "${filter}" matches its topics only`, () => {
    for (const topic of [...matched.split(" "), ...others.split(" ")]) {
      const expected = matched.split(" ").includes(topic);
      for (const matches of [filterMatchesTopic, routes, captures, finds]) {
        assert.equal(matches(filter, topic), expected, `${matches.name} of "${topic}"`);
      }
    }
  });
}

test("filters that are not valid harm nobody", () => {
  const router = new Router<string, string>();
  const subscriber = {};
  const invalid = ["", "a/#/b", "#/a", "+a/#", "a+/b", "##", "a/#b", "\u0000", "+/#/+", "\ud800"];
  for (const filter of invalid) router.subscribe(filter, subscriber, filter);
  for (const topic of ["a", "a/b", "+a", "#", "", "a/x/b"]) {
    const { subscriptions } = router.resolveName(topic);
    assert.ok(subscriptions.length < 3, topic);
    for (const filter of invalid) filterMatchesTopic(filter, topic);
  }
  for (const filter of invalid) assert.equal(router.unsubscribe(filter, subscriber), filter);
  assert.deepEqual([router.filterCount, router.nodeCount], [0, 0]);
});
