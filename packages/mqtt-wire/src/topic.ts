/**
 * Topic names and topic filters: which are valid, and which filter matches which name. [MQTT-4.7]
 *
 * Levels are separated by `/` and may be empty; `+` stands for one level and `#`, last, for the level before it and
 * all below. How many levels a name or filter may have is the caller's limit. Nothing is normalised. [MQTT-4.7.3-4]
 */

import { mqttWireErrors } from "./errors.ts";
import { checkUtf8, encodableUtf8Length } from "./utf8.ts";

const plus = 0x2b;
const hash = 0x23;

/** True when a message can be published to `name`. */
export function isTopicName(name: string): boolean {
  if (name.includes("+") || name.includes("#")) return false; // [MQTT-4.7.1-1]
  return isTopic(name);
}

/** True when `filter` can be subscribed to. */
export function isTopicFilter(filter: string): boolean {
  for (let at = 0; at < filter.length; at++) {
    const code = filter.charCodeAt(at);
    if (code !== plus && code !== hash) continue;
    if (at > 0 && filter[at - 1] !== "/") return false; // [MQTT-4.7.1-2] [MQTT-4.7.1-3]
    if (code === hash && at + 1 < filter.length) return false; // [MQTT-4.7.1-2]
    if (code === plus && at + 1 < filter.length && filter[at + 1] !== "/") return false; // [MQTT-4.7.1-3]
  }
  return isTopic(filter);
}

/**
 * Checks a topic name as bytes: `bytes[start, end)` of packet `packet`. A server that has seen the same bytes before
 * can skip it. Throws TOPIC_NAME_INVALID when empty or with a wildcard, MALFORMED_PACKET when not a string of the
 * format.
 */
export function checkTopicName(bytes: Buffer, start: number, end: number, packet = "PUBLISH"): void {
  if (start >= end) throw mqttWireErrors.TOPIC_NAME_INVALID({ packet, problem: "it is empty" }); // [MQTT-4.7.3-1]
  checkUtf8(packet, "topic name", bytes, start, end); // [MQTT-3.3.2-1] [MQTT-4.7.3-2]
  for (let at = start; at < end; at++) {
    if (bytes[at] === plus || bytes[at] === hash) {
      throw mqttWireErrors.TOPIC_NAME_INVALID({ packet, problem: "it holds a wildcard" }); // [MQTT-3.3.2-2] [MQTT-4.7.1-1]
    }
  }
}

/**
 * True when valid `filter` matches valid `name`. It splits both strings on every call: the reference a fast matcher is
 * compared with, and good enough for a client.
 */
export function topicMatches(filter: string, name: string): boolean {
  const filterLevels = filter.split("/");
  const nameLevels = name.split("/");
  if (name.startsWith("$") && (filterLevels[0] === "+" || filterLevels[0] === "#")) return false; // [MQTT-4.7.2-1]
  for (let level = 0; level < filterLevels.length; level++) {
    const wanted = filterLevels[level];
    if (wanted === "#") return true; // also for the parent: "sport/#" matches "sport"
    if (level >= nameLevels.length) return false;
    if (wanted !== "+" && wanted !== nameLevels[level]) return false;
  }
  return filterLevels.length === nameLevels.length;
}

function isTopic(text: string): boolean {
  return text.length > 0 && encodableUtf8Length(text) > 0; // [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]
}
