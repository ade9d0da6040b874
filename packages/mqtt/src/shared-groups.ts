/** The shared subscriptions of a server, by `$share/name/filter`: the same name with another filter is another one. */

import type { Subscription } from "@polylog/broker";
import type { SessionStore, StoredSession } from "@polylog/broker/sessions";
import { parseTopicFilter } from "@polylog/mqtt-wire/mqtt5";
import type { SessionParts } from "./session-parts.ts";
import { type MemberSession, SharedGroup } from "./shared-group.ts";

const sharePrefix = "$share/";
const nothing = Buffer.alloc(0);

/** The client identifier of a queue in the session store is the group's filter; no client may have such a one. */
export function isSharedFilter(filter: string): boolean {
  return filter.startsWith(sharePrefix);
}

export class SharedGroups {
  readonly #store: SessionStore;
  readonly #parts: SessionParts;
  readonly #groups = new Map<string, SharedGroup>();
  readonly #opening = new Map<string, Promise<void>>();

  constructor(store: SessionStore, parts: SessionParts) {
    this.#store = store;
    this.#parts = parts;
  }

  get size(): number {
    return this.#groups.size;
  }

  get(filter: string): SharedGroup | undefined {
    return this.#groups.get(filter);
  }

  /** Resolves when the group can keep messages; undefined: it can already. Throws as `Router.subscribe` does. */
  join(session: MemberSession, filter: string, subscription: Subscription): Promise<void> | undefined {
    let group = this.#groups.get(filter);
    if (group === undefined) {
      group = new SharedGroup(filter, parseTopicFilter(filter)!.topicFilter, this.#parts);
      group.put({ session, subscription });
      this.#groups.set(filter, group);
    } else group.put({ session, subscription });
    if (group.queue !== undefined) return undefined;
    const opening = this.#opening.get(filter) ?? this.#open(group);
    this.#opening.set(filter, opening);
    return opening;
  }

  async #open(group: SharedGroup): Promise<void> {
    try {
      const queue = this.#store.get(group.filter) ?? (await this.#store.create(group.filter, nothing));
      const current = this.#groups.get(group.filter); // Another one, if its last member left and a first one came.
      if (current === undefined) await this.#store.delete(queue);
      else if (current.queue === undefined) current.open(queue);
    } finally {
      this.#opening.delete(group.filter);
    }
  }

  /** Puts a member back that a stored session says it has. Its queue is opened by `recover`. */
  restore(session: MemberSession, filter: string, subscription: Subscription): void {
    const group =
      this.#groups.get(filter) ?? new SharedGroup(filter, parseTopicFilter(filter)!.topicFilter, this.#parts);
    this.#groups.set(filter, group);
    group.put({ session, subscription });
  }

  /** After all sessions were restored: opens the queues of groups with members, and removes the others. */
  async recover(queues: readonly StoredSession[]): Promise<void> {
    for (const queue of queues) if (!this.#groups.has(queue.clientId)) await this.#store.delete(queue);
    for (const group of this.#groups.values()) await this.#open(group);
  }

  /** With the last member the group and what waits for it are gone. */
  leave(session: MemberSession, filter: string): void {
    const group = this.#groups.get(filter);
    if (group === undefined || !group.remove(session) || group.members.length > 0) return;
    this.#groups.delete(filter);
    if (group.queue !== undefined) void this.#store.delete(group.queue).catch(() => undefined);
  }
}
