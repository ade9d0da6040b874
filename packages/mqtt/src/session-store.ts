/**
 * Sessions by client identifier. In memory: those with CleanSession 0 last as long as the process. Durable sessions will
 * put a state store behind this class.
 */

import { mqttErrors } from "./errors.ts";
import { Session, type SessionParts } from "./session.ts";

export interface OpenedSession {
  readonly session: Session;
  /** It was there before, for the CONNACK. */
  readonly present: boolean;
}

export class SessionStore {
  readonly #parts: SessionParts;
  readonly #sessions = new Map<string, Session>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  /** In order of creation. */
  values(): Iterable<Session> {
    return this.#sessions.values();
  }

  /**
   * The session for a client that has just connected: the one it left, or a new one; with `cleanSession` always a new one
   * [MQTT-3.1.2-4] [MQTT-3.1.2-6]. Nobody may have it attached. Throws SESSION_LIMIT.
   */
  open(clientId: string, cleanSession: boolean): OpenedSession {
    const existing = this.#sessions.get(clientId);
    if (existing !== undefined && !cleanSession) return { session: existing, present: true };
    if (existing !== undefined) this.#end(existing);
    const { sessionsMax } = this.#parts.limits;
    if (this.#sessions.size >= sessionsMax) throw mqttErrors.SESSION_LIMIT({ limit: sessionsMax });
    const session = new Session(clientId, !cleanSession, this.#parts);
    this.#sessions.set(clientId, session);
    return { session, present: false };
  }

  /** Its connection has gone. */
  leave(session: Session): void {
    if (session.persistent) session.detach();
    else this.#end(session);
  }

  #end(session: Session): void {
    this.#sessions.delete(session.clientId);
    session.end();
  }
}
