/**
 * `LOG=FILTER`: MQTT messages whose topic matches FILTER are appended to LOG. Split at the first `=`, which no log
 * name contains, so a filter may contain more of them.
 *
 * Refused: names outside the log name rule, filters that MQTT does not allow, shared subscriptions (a rule has no
 * group to share with) and filters under `$SYS`, which only the server publishes to.
 */

import { type CaptureRule, defaultBrokerLimits, isLogName } from "@polylog/broker";

/** An MQTT string's length field has two bytes. */
const filterBytesMax = 65_535;

/** What is wrong with a rule's text, or nothing. */
export function findCaptureRuleProblem(text: string): string | undefined {
  const equals = text.indexOf("=");
  if (equals === -1) return "write LOG=FILTER, such as orders=factory/+/orders";
  const log = text.slice(0, equals);
  if (!isLogName(log)) return `log "${log}" is not 1 to 64 of a-z A-Z 0-9 . _ - with an optional #ephemeral at the end`;
  const filter = text.slice(equals + 1);
  if (filter.startsWith("$share/") || filter === "$share")
    return "a shared subscription cannot be captured; write the filter after the group";
  if (filter === "$SYS" || filter.startsWith("$SYS/")) return "topics under $SYS are not captured";
  return findTopicFilterProblem(filter);
}

/** For a text in which `findCaptureRuleProblem` found none. */
export function parseCaptureRule(text: string): CaptureRule {
  const equals = text.indexOf("=");
  return Object.freeze({ log: text.slice(0, equals), filter: text.slice(equals + 1) });
}

/** What MQTT or this server does not allow in a topic filter. */
export function findTopicFilterProblem(filter: string): string | undefined {
  if (filter === "") return "the topic filter is empty";
  if (Buffer.byteLength(filter) > filterBytesMax) return `the topic filter is longer than ${filterBytesMax} bytes`;
  if (filter.includes("\0")) return "the topic filter contains U+0000, which MQTT does not allow";
  const levels = filter.split("/");
  const { topicLevelsMax } = defaultBrokerLimits.router;
  if (levels.length > topicLevelsMax) return `the topic filter has more than ${topicLevelsMax} levels`;
  const misplaced = levels.find((level, index) => isWildcardMisplaced(level, index === levels.length - 1));
  return misplaced === undefined ? undefined : `"${misplaced}": + and # stand alone in a level, and # only in the last`;
}

function isWildcardMisplaced(level: string, isLast: boolean): boolean {
  if (level === "#") return !isLast;
  return level !== "+" && /[+#]/.test(level);
}
