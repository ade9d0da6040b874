/** A message in a consumer's hands: what it is, and the three answers to it. */

export interface MessageAnswers {
  finish(message: Message): void;
  /** `delayMs` -1: the options' own. `backoff` false: the consumer does not slow down for it. */
  requeue(message: Message, delayMs: number, backoff: boolean): void;
  touch(message: Message): void;
}

export class Message {
  /** 16 bytes of ASCII. */
  readonly id: Buffer;
  /** When it was published, in ms since 1970. */
  readonly timestampMs: number;
  /** 1 on the first delivery. */
  readonly attempts: number;
  /** Not to be changed; a slice of what arrived. */
  readonly body: Buffer;
  /** The nsqd it came from. */
  readonly address: string;
  readonly #answers: MessageAnswers;
  #answered = false;
  #autoAnswer = true;

  constructor(fields: Pick<Message, "id" | "timestampMs" | "attempts" | "body" | "address">, answers: MessageAnswers) {
    this.id = fields.id;
    this.timestampMs = fields.timestampMs;
    this.attempts = fields.attempts;
    this.body = fields.body;
    this.address = fields.address;
    this.#answers = answers;
  }

  /** The message was finished or requeued. */
  get answered(): boolean {
    return this.#answered;
  }

  get autoAnswers(): boolean {
    return this.#autoAnswer;
  }

  /** The handler's return does not finish the message: whoever keeps it calls `finish` or `requeue` later. */
  answerLater(): void {
    this.#autoAnswer = false;
  }

  /** Only the first answer counts. */
  finish(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#answers.finish(this);
  }

  /** `delayMs` -1, the default: default_requeue_delay times the attempts, at most max_requeue_delay. */
  requeue(delayMs = -1, { backoff = true }: { readonly backoff?: boolean } = {}): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#answers.requeue(this, delayMs, backoff);
  }

  /** Asks for another msg_timeout. */
  touch(): void {
    if (!this.#answered) this.#answers.touch(this);
  }
}
