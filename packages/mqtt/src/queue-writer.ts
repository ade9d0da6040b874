/**
 * Messages on their way into the queues of sessions that outlive their connections. While the broker delivers a message,
 * such sessions put themselves down as recipients; whoever published it then stores it, once for all of them. A session
 * that gets the message through a shared subscription too has it stored a second time: it is to receive both.
 */

import type { DurabilityWaiter, Publication, QoS } from "@polylog/broker";
import { SessionMessage, type SessionStore, type StoredSession } from "@polylog/broker/sessions";
import type { AckRing } from "./ack-ring.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";

export class QueueWriter {
  readonly #store: SessionStore;
  readonly #message = new SessionMessage();
  /** For sessions that a shared subscription chose: each at most once in each of them. */
  #shared: SessionMessage[] = [];
  /** What each session is to have of the messages that are being asked about; see `Broker.admission`. */
  readonly #admitted = new Map<StoredSession, { readonly count: number; readonly bytes: number }>();
  /** How often `begin` was called: what was chosen for an earlier round does not hold any more. */
  round = 0;
  /** For messages that go to one session besides what is being delivered. */
  readonly #single = new SessionMessage();

  constructor(store: SessionStore) {
    this.#store = store;
    this.#message.begin();
  }

  /** Something is to be stored before the next message is published. */
  get isPending(): boolean {
    return this.#message.recipientCount > 0 || this.#message.publisher !== undefined || this.#shared.length > 0;
  }

  /** The message that was just delivered is of QoS 2 and comes from a session that outlives its connection. */
  setPublisher(publication: Publication, session: StoredSession, packetIdentifier: number): void {
    if (this.#message.recipientCount === 0) fill(this.#message, publication);
    this.#message.publisher = session;
    this.#message.packetIdentifier = packetIdentifier;
  }

  /** Puts a recipient of the message being delivered down. `bytes`: see `recipient-bytes.ts`. */
  add(publication: Publication, session: StoredSession, qos: QoS, bytes: Uint8Array): void {
    const message = this.#message;
    if (message.recipientCount === 0 && message.publisher === undefined) fill(message, publication);
    message.addRecipient(session, qos, bytes);
  }

  /** As `add`, for the member that a shared subscription chose. */
  addShared(publication: Publication, session: StoredSession, qos: QoS, bytes: Uint8Array): void {
    let message = this.#shared.find((each) => !has(each, session));
    if (message === undefined) {
      message = new SessionMessage();
      fill(message, publication);
      this.#shared.push(message);
    }
    message.addRecipient(session, qos, bytes);
  }

  /** As `Broker.admission`. */
  begin(): void {
    this.round++;
    if (this.#admitted.size > 0) this.#admitted.clear();
  }

  /** A message is about to be published. Throws SESSION_QUEUE_FULL when this session could not have it (once more). */
  admit(publication: Publication, session: StoredSession): void {
    const { route, propertiesStart, propertiesEnd, payloadStart, payloadEnd } = publication;
    const { count, bytes } = this.#admitted.get(session) ?? { count: 0, bytes: 0 };
    const size = route.topicBytes.length + propertiesEnd - propertiesStart + payloadEnd - payloadStart;
    this.#store.admit(session, size, count, bytes);
    this.#admitted.set(session, { count: count + 1, bytes: bytes + size });
  }

  /** Stores what was put down; `acks` waits for it with `token`. Throws what `SessionStore.append` throws. */
  store(acks: AckRing | undefined, token: number): void {
    const message = this.#message;
    const shared = this.#shared;
    try {
      if (message.recipientCount > 0 || message.publisher !== undefined) this.#append(message, acks, token);
      for (const each of shared) this.#append(each, acks, token);
    } finally {
      this.discard();
    }
  }

  #append(message: SessionMessage, acks: AckRing | undefined, token: number): void {
    if (acks === undefined) {
      this.#store.append(message, undefined, 0);
      return;
    }
    acks.hold(token);
    let isStored = true; // Or refused: then nothing is waited for either.
    try {
      isStored = this.#store.append(message, acks, token);
    } finally {
      if (isStored) acks.complete(token);
    }
  }

  /** Forgets what was put down. */
  discard(): void {
    this.#message.begin();
    if (this.#shared.length > 0) this.#shared = [];
  }

  /** Queues a message for one session. True: it is stored; false: `waiter` hears. Throws as `store` does. */
  append(
    outgoing: OutgoingMessage,
    session: StoredSession,
    bytes: Uint8Array,
    waiter?: DurabilityWaiter,
    token = 0,
  ): boolean {
    const message = this.#single;
    message.begin();
    message.qos = outgoing.qos;
    message.expiresAtMs = outgoing.expiresMs;
    message.topic = outgoing.topic;
    message.properties = outgoing.properties;
    message.propertiesStart = outgoing.propertiesStart;
    message.propertiesEnd = outgoing.propertiesEnd;
    message.payload = outgoing.payload;
    message.payloadStart = outgoing.payloadStart;
    message.payloadEnd = outgoing.payloadEnd;
    message.addRecipient(session, outgoing.qos, bytes);
    return this.#store.append(message, waiter, token);
  }
}

function has(message: SessionMessage, session: StoredSession): boolean {
  for (let i = 0; i < message.recipientCount; i++) if (message.recipients[i] === session) return true;
  return false;
}

function fill(message: SessionMessage, publication: Publication): void {
  message.begin();
  message.qos = publication.qos;
  message.expiresAtMs = publication.expiresMs;
  message.topic = publication.route.topicBytes;
  message.properties = publication.properties;
  message.propertiesStart = publication.propertiesStart;
  message.propertiesEnd = publication.propertiesEnd;
  message.payload = publication.payload;
  message.payloadStart = publication.payloadStart;
  message.payloadEnd = publication.payloadEnd;
}
