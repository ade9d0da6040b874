/**
 * What an authorisation server says a secret may do.
 *
 *     {"ttl": seconds, "identity": …, "identity_url": …,
 *      "authorizations": [{"topic": regex, "channels": [regex, …], "permissions": ["subscribe", "publish"]}, …]}
 *
 * The expressions are searched for, not matched as a whole. A publish asks with an empty channel, so some expression of
 * `channels` must find itself in nothing; an entry without channels allows no publish.
 *
 * nsqd's expressions are RE2's; here they are JavaScript's, which take all of RE2's usual syntax and more. Flags at the start of
 * one, as in `(?i)`, are understood.
 */

export interface Authorizations {
  readonly identity: string;
  readonly identityUrl: string;
  readonly ttlMs: number;
  readonly entries: readonly Authorization[];
}

interface Authorization {
  readonly topic: RegExp;
  readonly channels: readonly RegExp[];
  readonly permissions: readonly Permission[];
}

const permissions = ["subscribe", "publish"] as const;
type Permission = (typeof permissions)[number];

/** Throws an Error that says what is wrong with the document. */
export function parseAuthorizations(document: string): Authorizations {
  const fields = objectOf(JSON.parse(document));
  const entries = listOf(fields["authorizations"]).map(parseEntry);
  const ttl = fields["ttl"] ?? 0;
  if (typeof ttl !== "number" || !Number.isInteger(ttl)) throw new Error("ttl is no integer");
  if (ttl <= 0) throw new Error(`invalid TTL ${ttl} (must be >0)`);
  return {
    identity: textOf(fields["identity"]),
    identityUrl: textOf(fields["identity_url"]),
    ttlMs: ttl * 1000,
    entries,
  };
}

/** Whether one entry allows it; `channel` is empty for a publish. */
export function allows({ entries }: Authorizations, topic: string, channel: string): boolean {
  const permission: Permission = channel === "" ? "publish" : "subscribe";
  return entries.some(
    (entry) =>
      entry.permissions.includes(permission) &&
      entry.topic.test(topic) &&
      entry.channels.some((each) => each.test(channel)),
  );
}

function parseEntry(value: unknown): Authorization {
  const fields = objectOf(value);
  return {
    permissions: listOf(fields["permissions"]).map((each) => permissionOf(textOf(each))),
    topic: expressionOf(textOf(fields["topic"])),
    channels: listOf(fields["channels"]).map((each) => expressionOf(textOf(each))),
  };
}

function permissionOf(word: string): Permission {
  const found = permissions.find((each) => each === word);
  if (found === undefined) throw new Error(`unknown permission ${word}`);
  return found;
}

function expressionOf(source: string): RegExp {
  const [, flags = "", rest = ""] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(source) ?? [];
  return new RegExp(rest, [...new Set(flags)].join(""));
}

/** As Go's decoder: null is as good as absent, keys match whatever their case. */
function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new Error("not an object");
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key.toLowerCase(), each]));
}

function listOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Error("not a list");
  return value;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") throw new Error("not a string");
  return value;
}
