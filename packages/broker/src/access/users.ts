/**
 * Users, and what each may do: the authenticator and the access of a server that has a list of them. Whoever is not in it is
 * refused; the row without a name, if there is one, is for peers that show no credentials.
 *
 * Passwords are scrypt hashes. Two are derived at a time and a bounded number waits, because each takes tens of milliseconds
 * of one of the four threads that files are written by too. A password that was right is remembered, as a keyed digest, so
 * that it is derived once per user and not once per connection.
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { authenticationsWaitingMax, grantsPerPrincipalMax } from "../limits.ts";
import { type Access, type AccessAction, anonymous, type Principal } from "./access.ts";
import type { AuthenticationRefusal, AuthenticationResult, Authenticator, Credentials } from "./authenticator.ts";
import { hashPassword, verifyPassword } from "./password-hash.ts";
import { coversFilter, coversName, fillPattern, withoutShare } from "./patterns.ts";

export const permissionActions = ["publish", "subscribe", "produce", "consume", "manage"] as const;
export type PermissionAction = (typeof permissionActions)[number];

export interface User {
  /** Undefined: everybody who shows no credentials. */
  readonly name: string | undefined;
  /** As `hashPassword` writes it. Without one, no password is right. */
  readonly passwordHash?: string | undefined;
  /** A client certificate whose common name is the user's is enough. */
  readonly certificate?: boolean;
  /** Patterns of patterns.ts: topic filters for publish and subscribe, names of logs for the others. */
  readonly permissions: Readonly<Partial<Record<PermissionAction, readonly string[]>>>;
}

const wrong: AuthenticationRefusal = { refused: "credentials" };
const busy: AuthenticationRefusal = { refused: "busy" };
const derivationsMax = 2;

/** One principal's patterns, filled in, and what was asked lately. */
interface Grants {
  readonly patterns: ReadonlyMap<PermissionAction, readonly string[]>;
  readonly answers: Map<string, boolean>;
}

export class Users implements Authenticator, Access {
  #users: ReadonlyMap<string | undefined, User> = new Map();
  #grants = new WeakMap<Principal, Grants>();
  /** By user: the digest of a password that was right. */
  #known = new Map<string, Buffer>();
  readonly #digestKey = randomBytes(32);
  readonly #waiting: (() => void)[] = [];
  #derivationCount = 0;
  /** What the password of a user that does not exist is compared with, so that it takes as long. */
  #decoy: Promise<string> | undefined;

  constructor(users: readonly User[]) {
    this.replace(users);
  }

  /** Takes effect at once, also for what connected peers do next. Of users with the same name the last one counts. */
  replace(users: readonly User[]): void {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#grants = new WeakMap();
    this.#known = new Map();
  }

  // --- who somebody is -------------------------------------------------------------------------------------------

  authenticate(credentials: Credentials): AuthenticationResult | Promise<AuthenticationResult> {
    const { clientId, userName, password, certificateName } = credentials;
    if (userName === undefined && certificateName === undefined) {
      if (!this.#users.has(undefined)) return wrong;
      return clientId === "" ? anonymous : { name: undefined, clientId };
    }
    const name = userName ?? certificateName!;
    const user = this.#users.get(name);
    if (certificateName === name && user?.certificate === true) return { name, clientId };
    if (password === undefined) return wrong;
    const digest = createHmac("sha256", this.#digestKey).update(password).digest();
    const known = this.#known.get(name);
    if (known !== undefined && timingSafeEqual(known, digest)) return { name, clientId };
    if (this.#waiting.length >= authenticationsWaitingMax) return busy;
    return this.#derive(user, Buffer.from(password), digest, { name, clientId });
  }

  async #derive(user: User | undefined, password: Buffer, digest: Buffer, principal: Principal & { name: string }) {
    if (this.#derivationCount >= derivationsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#derivationCount++;
    try {
      this.#decoy ??= hashPassword(randomBytes(16));
      const isRight = await verifyPassword(user?.passwordHash ?? (await this.#decoy), password);
      // The list may have been replaced meanwhile.
      if (!isRight || user?.passwordHash === undefined || this.#users.get(principal.name) !== user) return wrong;
      this.#known.set(principal.name, digest);
      return principal;
    } finally {
      this.#derivationCount--;
      this.#waiting.shift()?.();
    }
  }

  // --- what somebody may do --------------------------------------------------------------------------------------

  allows(principal: Principal, action: AccessAction, resource: string): boolean {
    if (action === "connect") return this.#users.has(principal.name);
    const grants = this.#grantsOf(principal);
    const question = `${action} ${resource}`;
    let answer = grants.answers.get(question);
    if (answer === undefined) {
      answer = covers(grants.patterns.get(action)!, action, resource);
      if (grants.answers.size >= grantsPerPrincipalMax) grants.answers.clear();
      grants.answers.set(question, answer);
    }
    return answer;
  }

  #grantsOf(principal: Principal): Grants {
    let grants = this.#grants.get(principal);
    if (grants === undefined) {
      const permissions = this.#users.get(principal.name)?.permissions ?? {};
      const fill = (action: PermissionAction) =>
        (permissions[action] ?? []).flatMap((pattern) => fillPattern(pattern, principal) ?? []);
      const patterns = new Map(permissionActions.map((action) => [action, fill(action)]));
      grants = { patterns, answers: new Map() };
      this.#grants.set(principal, grants);
    }
    return grants;
  }
}

function covers(patterns: readonly string[], action: PermissionAction, resource: string): boolean {
  if (action === "publish") return patterns.some((pattern) => coversFilter(pattern, resource));
  if (action === "subscribe") return patterns.some((pattern) => coversFilter(pattern, withoutShare(resource)));
  return patterns.some((pattern) => coversName(pattern, resource));
}
