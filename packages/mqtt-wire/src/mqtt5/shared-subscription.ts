/**
 * Shared subscriptions: `$share/{ShareName}/{filter}`. The name has at least one character and none of `/`, `+` and `#`
 * [MQTT-4.8.2-1]; a valid topic filter of at least one character follows it [MQTT-4.8.2-2].
 */

import { isTopicFilter } from "../topic.ts";

export interface ParsedTopicFilter {
  /** Undefined: the subscription is not shared. */
  readonly shareName: string | undefined;
  /** What topics are matched with. */
  readonly topicFilter: string;
}

const prefix = "$share/";

/** Undefined when `filter` cannot be subscribed to in MQTT 5. `$share` alone is a filter like any other. */
export function parseTopicFilter(filter: string): ParsedTopicFilter | undefined {
  if (!isTopicFilter(filter)) return undefined;
  if (!filter.startsWith(prefix)) return { shareName: undefined, topicFilter: filter };
  const slash = filter.indexOf("/", prefix.length);
  const shareName = filter.slice(prefix.length, slash);
  if (slash < 0 || shareName === "" || /[+#]/.test(shareName)) return undefined; // [MQTT-4.8.2-1]
  const topicFilter = filter.slice(slash + 1);
  return topicFilter === "" ? undefined : { shareName, topicFilter }; // [MQTT-4.8.2-2]
}
