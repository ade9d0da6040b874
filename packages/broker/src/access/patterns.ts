/**
 * What a permission covers: topics and filters for MQTT, names of logs for the rest.
 *
 *     sensors/%c/#      a topic filter; %c stands for the client identifier, %u for the user's name
 *     orders-*          a name; * stands for any characters
 *
 * A client chooses its identifier: one that is empty or has a level separator or wildcard in it fits no pattern with %c.
 */

import type { Principal } from "./access.ts";

/** The pattern for one principal; undefined when it can cover nothing. */
export function fillPattern(pattern: string, { name, clientId }: Principal): string | undefined {
  let isFilled = true;
  const filled = pattern.replace(/%[cu]/g, (placeholder) => {
    const value = (placeholder === "%c" ? clientId : name) ?? "";
    if (value === "" || /[/+#\0]/.test(value)) isFilled = false;
    return value;
  });
  return isFilled ? filled : undefined;
}

/**
 * Whether each topic that `filter` matches is matched by `pattern` too. A topic is a filter that matches itself. Wildcards
 * in the first level cover nothing that begins with `$` [MQTT-4.7.2-1].
 */
export function coversFilter(pattern: string, filter: string): boolean {
  const patternLevels = pattern.split("/");
  const levels = filter.split("/");
  if (filter.startsWith("$") && /^[+#]/.test(pattern)) return false;
  for (let i = 0; i < patternLevels.length; i++) {
    const level = patternLevels[i];
    if (level === "#") return true;
    if (i >= levels.length) return false;
    if (levels[i] === "#") return false;
    if (level !== "+" && level !== levels[i]) return false;
  }
  return levels.length === patternLevels.length;
}

/** `filter` without `$share/<name>/`: a member of a group receives what the filter after it matches. */
export function withoutShare(filter: string): string {
  if (!filter.startsWith("$share/")) return filter;
  const nameEnd = filter.indexOf("/", "$share/".length);
  return nameEnd < 0 ? filter : filter.slice(nameEnd + 1);
}

export function coversName(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return pattern === name;
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop() ?? "";
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
