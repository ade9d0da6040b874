import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkTopicName, isTopicFilter, isTopicName, topicMatches } from "./topic.ts";

describe("isTopicName", () => {
  test("accepts what can be published to", () => {
    for (const name of ["a", "/", "//", "a/b/c", "/a/", "$SYS/x", " ", "ä/€/😀", "a b", "x".repeat(65_535)]) {
      assert.equal(isTopicName(name), true, name.slice(0, 20));
    }
  });

  test("[MQTT-4.7.1-1] refuses wildcards", () => {
    for (const name of ["+", "#", "a/+", "a/#", "a+b", "a#"]) assert.equal(isTopicName(name), false, name);
  });

  test("[MQTT-4.7.3-1] refuses the empty name", () => assert.equal(isTopicName(""), false));

  test("[MQTT-4.7.3-2] refuses U+0000", () => assert.equal(isTopicName("a\0b"), false));

  test("[MQTT-4.7.3-3] refuses more than 65 535 bytes", () => {
    assert.equal(isTopicName("x".repeat(65_536)), false);
    assert.equal(isTopicName("€".repeat(21_845)), true);
    assert.equal(isTopicName("€".repeat(21_846)), false);
  });

  test("[MQTT-1.5.3-1] refuses a surrogate without its pair", () => {
    assert.equal(isTopicName("a\ud83d"), false);
    assert.equal(isTopicName("\ude00a"), false);
  });
});

describe("isTopicFilter", () => {
  test("accepts well placed wildcards", () => {
    for (const filter of ["a", "#", "+", "+/+", "/+", "+/", "a/#", "/#", "+/#", "a/+/b", "$share/g/#", "//"]) {
      assert.equal(isTopicFilter(filter), true, filter);
    }
  });

  test("[MQTT-4.7.1-2] refuses a misplaced #", () => {
    for (const filter of ["#/", "#/a", "a#", "#a", "a/#/b", "##", "a/b#", "+#"]) {
      assert.equal(isTopicFilter(filter), false, filter);
    }
  });

  test("[MQTT-4.7.1-3] refuses a misplaced +", () => {
    for (const filter of ["a+", "+a", "a/+b", "a/b+/c", "++", "#+"]) assert.equal(isTopicFilter(filter), false, filter);
  });

  test("[MQTT-4.7.3-1] refuses the empty filter", () => assert.equal(isTopicFilter(""), false));

  test("[MQTT-4.7.3-2] refuses U+0000", () => assert.equal(isTopicFilter("a/\0"), false));

  test("[MQTT-4.7.3-3] refuses more than 65 535 bytes", () => {
    assert.equal(isTopicFilter("x".repeat(65_535)), true);
    assert.equal(isTopicFilter("x".repeat(65_536)), false);
  });
});

describe("checkTopicName", () => {
  test("looks only between start and end", () => {
    const bytes = Buffer.from("#a/b+");
    checkTopicName(bytes, 1, 4);
    assert.throws(() => checkTopicName(bytes, 0, 4), { code: "mqtt-wire.TOPIC_NAME_INVALID" });
    assert.throws(() => checkTopicName(bytes, 1, 5), { code: "mqtt-wire.TOPIC_NAME_INVALID" });
    assert.throws(() => checkTopicName(bytes, 2, 2), { code: "mqtt-wire.TOPIC_NAME_INVALID" });
  });

  test("agrees with isTopicName", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "/", "+", "#", "\0", "€", "😀", "$"), maxLength: 6 });
    fc.assert(
      fc.property(text, (name) => {
        const bytes = Buffer.from(name);
        const check = () => checkTopicName(bytes, 0, bytes.length);
        if (isTopicName(name)) assert.doesNotThrow(check);
        else assert.throws(check, /topic name/);
      }),
    );
  });
});

describe("topicMatches", () => {
  const rows: readonly (readonly [filter: string, name: string, matches: boolean])[] = [
    ["a/b", "a/b", true],
    ["a/b", "a/B", false],
    ["a/b", "a/b/", false],
    ["a/b", "/a/b", false],
    ["a", "a/b", false],
    ["a/b", "a", false],
    ["#", "a", true],
    ["#", "a/b/c", true],
    ["#", "/", true],
    ["sport/tennis/player1/#", "sport/tennis/player1", true],
    ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
    ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
    ["sport/tennis/player1/#", "sport/tennis/player10", false],
    ["sport/tennis/+", "sport/tennis/player1", true],
    ["sport/tennis/+", "sport/tennis/player1/ranking", false],
    ["sport/+", "sport", false],
    ["sport/+", "sport/", true],
    ["+/+", "/finance", true],
    ["/+", "/finance", true],
    ["+", "/finance", false],
    ["+/tennis/#", "sport/tennis", true],
    ["a/+/c", "a//c", true],
    ["a/#", "A/b", false],
  ];
  for (const [filter, name, matches] of rows) {
    test(`${filter} ${matches ? "matches" : "does not match"} ${name}`, () => {
      assert.equal(topicMatches(filter, name), matches);
    });
  }

  test("[MQTT-4.7.2-1] keeps wildcards away from $ topics", () => {
    assert.equal(topicMatches("#", "$SYS"), false);
    assert.equal(topicMatches("+/monitor/Clients", "$SYS/monitor/Clients"), false);
    assert.equal(topicMatches("$SYS/#", "$SYS/monitor"), true);
    assert.equal(topicMatches("$SYS/monitor/+", "$SYS/monitor/Clients"), true);
    assert.equal(topicMatches("+", "a$"), true);
    assert.equal(topicMatches("a/+", "a/$b"), true);
  });

  test("matches every name with itself and #", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b", "/"), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(name, (topic) => {
        assert.equal(topicMatches(topic, topic), true);
        assert.equal(topicMatches("#", topic), true);
        assert.equal(topicMatches(`${topic}/#`, topic), true);
        assert.equal(topicMatches(topic.replace(/[^/]+/g, "+"), topic), true);
      }),
    );
  });
});
