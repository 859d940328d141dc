/**
 * A pause: until a time of day, whatever happens meanwhile. A timer alone would not do, as it stands
 * still while a laptop sleeps; so each question looks at the clock.
 */
export class Pause {
  private readonly now: () => number;
  private end = 0;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  /** From now on, for so many minutes; for none, it is over. */
  begin(minutes: number): void {
    this.end = minutes > 0 ? this.now() + minutes * 60_000 : 0;
  }

  get isOn(): boolean {
    return this.now() < this.end;
  }

  /** When it ends, undefined if there is none. */
  get until(): Date | undefined {
    return this.isOn ? new Date(this.end) : undefined;
  }
}
