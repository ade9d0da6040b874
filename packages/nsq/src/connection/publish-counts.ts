/** How many messages one connection has published to which topic, for /stats. Hot: adding to the last topic is one sum. */

export class PublishCounts {
  readonly #counts = new Map<string, number>();
  #topic = "";
  /** Of `#topic`, and not yet in `#counts`. */
  #count = 0;

  add(topic: string, count: number): void {
    if (topic !== this.#topic) {
      this.#settle();
      this.#topic = topic;
    }
    this.#count += count;
  }

  get isEmpty(): boolean {
    return this.#topic === "";
  }

  /** At most one entry, as nsqd has it: `topic`'s, or of any topic when that is empty. */
  find(topic: string): { readonly topic: string; readonly count: number }[] {
    this.#settle();
    for (const [each, count] of this.#counts) if (topic === "" || topic === each) return [{ topic: each, count }];
    return [];
  }

  #settle(): void {
    if (this.#count > 0) this.#counts.set(this.#topic, (this.#counts.get(this.#topic) ?? 0) + this.#count);
    this.#count = 0;
  }
}
