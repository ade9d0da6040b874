/** Topic aliases that one client has set; they last as long as its connection [MQTT-3.3.2-7]. */

import { mqttErrors } from "./errors.ts";

export class IncomingAliases {
  /** The Topic Alias Maximum the client was told. */
  readonly max: number;
  #topics: (Uint8Array | undefined)[] | undefined;

  constructor(max: number) {
    this.max = max;
  }

  /** Throws TOPIC_ALIAS_TOO_HIGH [MQTT-3.3.2-9], TOPIC_ALIAS_UNKNOWN. */
  get(alias: number): Uint8Array {
    this.#check(alias);
    const topic = this.#topics?.[alias];
    if (topic === undefined) throw mqttErrors.TOPIC_ALIAS_UNKNOWN({ alias });
    return topic;
  }

  /** `topic` must not change afterwards. Throws TOPIC_ALIAS_TOO_HIGH. */
  set(alias: number, topic: Uint8Array): void {
    this.#check(alias);
    this.#topics ??= [];
    this.#topics[alias] = topic;
  }

  #check(alias: number): void {
    if (alias > this.max) throw mqttErrors.TOPIC_ALIAS_TOO_HIGH({ alias, max: this.max });
  }
}
